import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, decideAll, parseCondition, parseDuration } from '../../src/compare/fail-if.js';
import { parseMargins } from '../../src/compare/margins.js';
import { UsageError } from '../../src/result/usage-error.js';

const one = (text: string) => parseCondition(text)[0]![0]!;

describe('conditions', () => {
  test.each([
    ['p99 > +5%', { metric: { kind: 'quantile', q: 0.99 }, operator: '>', scale: 'ratio', threshold: 1.05 }],
    [
      'p99.9>=1.5x',
      { metric: { kind: 'quantile', q: 0.999 }, operator: '>=', scale: 'ratio', threshold: 1.5 },
    ],
    [
      'median < -10 %',
      { metric: { kind: 'quantile', q: 0.5 }, operator: '<', scale: 'ratio', threshold: 0.9 },
    ],
    ['mean > +200us', { metric: { kind: 'mean' }, operator: '>', scale: 'difference', threshold: 200_000 }],
    ['a12 > 0.55', { metric: { kind: 'a12' }, operator: '>', scale: 'value', threshold: 0.55 }],
    [
      'tail(8us) > 1.5x',
      { metric: { kind: 'tail', fromNs: 8000 }, operator: '>', scale: 'ratio', threshold: 1.5 },
    ],
    [
      'tail(8K) > +50%',
      { metric: { kind: 'tail', fromNs: 8192 }, operator: '>', scale: 'ratio', threshold: 1.5 },
    ],
    ['rate <= -20%', { metric: { kind: 'rate' }, operator: '<=', scale: 'ratio', threshold: 0.8 }],
  ])('%s', (text, want) => {
    expect(one(text)).toEqual({ ...want, text });
  });

  test('and binds tighter than or', () => {
    const c = parseCondition('p50 > +1% and p99 > +5% or mean > 2x, a12 > 0.6');
    expect(c.map((all) => all.map((x) => x.text))).toEqual([
      ['p50 > +1%', 'p99 > +5%'],
      ['mean > 2x'],
      ['a12 > 0.6'],
    ]);
  });

  test.each([
    '',
    'p99',
    'p99 > ',
    'p101 > 1%',
    'p99 > 5',
    'q99 > 5%',
    'rate > 5us',
    'a12 > 5%',
    'tail(x) > 2x',
  ])('refused, with advice: "%s"', (text) => {
    expect(() => parseCondition(text)).toThrow(UsageError);
  });

  test('only a whole interval decides', () => {
    const c = one('p99 > +5%');
    expect(decide(c, { value: 1.2, low: 1.1, high: 1.3 })).toBe('true');
    expect(decide(c, { value: 1.2, low: 1.04, high: 1.3 })).toBe('undecided');
    expect(decide(c, { value: 1, low: 0.9, high: 1.05 })).toBe('false');
    expect(decide(c, null)).toBe('undecided');
    expect(decide(c, { value: 1, low: Number.NaN, high: 2 })).toBe('undecided');
    expect(decideAll([['true', 'undecided'], ['false']])).toBe('undecided');
    expect(decideAll([['true', 'false'], ['true']])).toBe('true');
    expect(decideAll([['undecided', 'false']])).toBe('false');
  });

  test('a decided clause never flips when the interval shrinks', () => {
    const n = fc.double({ min: 0.1, max: 10, noNaN: true });
    fc.assert(
      fc.property(n, n, n, n, fc.constantFrom('>', '>=', '<', '<='), n, (a, b, c, d, op, t) => {
        const [low, x, y, high] = [a, b, c, d].sort((p, q) => p - q) as [number, number, number, number];
        const clause = { ...one('a12 > 0.5'), operator: op as '>', threshold: t };
        const wide = decide(clause, { value: x, low, high });
        const narrow = decide(clause, { value: x, low: x, high: y });
        if (wide !== 'undecided') expect(narrow).toBe(wide);
      }),
    );
  });

  test('anything is parsed or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseCondition(text).flat().length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});

describe('durations and margins', () => {
  test('durations', () => {
    expect(['1s', '8us', '1.5 ms', '8192', '64K', '2ns'].map(parseDuration)).toEqual([
      1e9, 8000, 1.5e6, 8192, 65536, 2,
    ]);
    expect(() => parseDuration('1 hour')).toThrow(UsageError);
  });

  test('margins', () => {
    expect(parseMargins('10%')).toEqual({ a12: 0.05, riskRatio: 1.5, quantileRatio: 1.1 });
    expect(parseMargins('a12=0.1,tail=2,quantile=5%')).toEqual({
      a12: 0.1,
      riskRatio: 2,
      quantileRatio: 1.05,
    });
    for (const bad of ['', '0%', 'a12=0.6', 'tail=1', 'p99=1.2', 'a12']) {
      expect(() => parseMargins(bad)).toThrow(UsageError);
    }
  });
});
