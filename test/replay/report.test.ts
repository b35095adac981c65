import { describe, expect, it } from 'vitest';
import { ALL_VARIANTS, maskOf } from '../../src/kernel/variants.js';
import { Coverage } from '../../src/replay/coverage.js';
import { w, witnesses } from '../../src/replay/evidence.js';
import { Ledger } from '../../src/replay/ledger.js';
import { quotedRefs, reportInvariants } from '../../src/replay/report.js';
import { KNOWN } from '../../src/replay/tally.js';
import type { EventQuote } from '../../src/result/types.js';

const quote = (ref: number, role: string): EventQuote => ({
  input: 0,
  line: ref + 1,
  offset: ref,
  tsNs: '0',
  cpu: 0,
  task: '',
  text: '',
  role,
});
const reportOf = (ledger: Ledger, id: string, max = 10) =>
  reportInvariants(ledger, new Coverage(), ALL_VARIANTS, quote, max, new Set()).find((i) => i.id === id)!;

describe('places to quote', () => {
  it('the first byte of the first input is one, facts of the whole trace are none', () => {
    const ledger = new Ledger();
    ledger.unknown(2, 'at the first line', 0);
    ledger.unknown(2, 'of the whole', -1);
    ledger.violated(3, { message: '', known: KNOWN.observed, events: [w(4, 'a'), w(5, 'b')] });
    expect([...quotedRefs(ledger, 10)].sort()).toEqual([0, 4, 5]);
    const { unknowns } = reportOf(ledger, 'I02');
    expect(unknowns.map((u) => u.example?.line ?? null)).toEqual([1, null]);
  });

  it('witnesses stand in file order; what was not seen is left out', () => {
    expect(witnesses(w(9, 'c'), w(-1, 'x'), w(0, 'a'), w(4, 'b')).map((e) => e.role)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('no more findings than asked for, and the rest is counted', () => {
    const ledger = new Ledger(3);
    for (let i = 0; i < 5; i++)
      ledger.violated(2, { message: `${i}`, known: KNOWN.observed, events: [w(i, '')] });
    expect([...quotedRefs(ledger, 2)]).toEqual([0, 1]);
    expect(reportOf(ledger, 'I02', 2)).toMatchObject({ moreFindings: 3, verdict: 'violated' });
    expect(reportOf(ledger, 'I02', 9)).toMatchObject({ moreFindings: 2 });
  });
});

describe('passes by how they are known', () => {
  it('order-dependent ones count with the assumed', () => {
    const ledger = new Ledger();
    ledger.pass(2, KNOWN.observed);
    for (let i = 0; i < 2; i++) ledger.pass(2, KNOWN.inferred);
    for (let i = 0; i < 3; i++) ledger.pass(2, KNOWN.absence);
    for (let i = 0; i < 4; i++) ledger.pass(2, KNOWN.assumed);
    for (let i = 0; i < 8; i++) ledger.pass(2, KNOWN.order);
    const { basis, instances, verdict } = reportOf(ledger, 'I02');
    expect(basis).toEqual({ observed: 1, inferred: 2, absence: 3, assumed: 12 });
    expect(instances.pass).toBe(18);
    expect(verdict).toBe('pass');
  });
});

describe('the ledger', () => {
  const violation = (message: string) => ({ message, known: KNOWN.observed, events: [w(7, '')] });

  it('keeps fifty violations unless told otherwise', () => {
    const ledger = new Ledger();
    for (let i = 0; i < 60; i++) ledger.violated(2, violation(`${i}`));
    expect(ledger.tally(2).violations).toHaveLength(50);
  });

  it('what a filter hides is counted as outside, at no place', () => {
    const ledger = new Ledger();
    ledger.hidden = true;
    ledger.pass(2, KNOWN.observed);
    ledger.violated(2, violation(''));
    ledger.masked(2, maskOf('C'), maskOf('B'), KNOWN.observed, () => violation(''));
    expect([...ledger.tally(2).unknowns.values()]).toEqual([]);
    expect(ledger.tally(2).outside).toBe(3);
    expect(ledger.tally(2).masked.size).toBe(0);
  });

  it('settles what depends on the variant without more violations than it keeps', () => {
    const ledger = new Ledger(2);
    for (let i = 0; i < 5; i++) {
      ledger.masked(2, maskOf('C'), maskOf('B'), KNOWN.observed, () => violation(`${i}`));
    }
    ledger.violated(2, violation('own'));
    ledger.resolve(maskOf('C'));
    expect(ledger.tally(2).violated).toBe(6);
    expect(ledger.tally(2).violations).toHaveLength(2);
  });

  it('unknown without a variant shows a line where there is one', () => {
    for (const [events, example] of [
      [[w(7, '')], 7],
      [[], -1],
    ] as const) {
      const ledger = new Ledger();
      ledger.masked(2, maskOf('C'), maskOf('B'), KNOWN.observed, () => ({
        ...violation(''),
        events: [...events],
      }));
      ledger.resolve(maskOf('B', 'C'));
      expect([...ledger.tally(2).unknowns.values()]).toEqual([{ count: 1, example }]);
    }
  });
});
