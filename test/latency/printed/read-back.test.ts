import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PRINT_FAMILIES, PRINT_RULES } from '../../../src/latency/histogram/bpftrace-labels.js';
import { printHistMap, printLhistMap } from '../../../src/latency/histogram/bpftrace-print.js';
import { bucketIndex, type HistShape } from '../../../src/latency/histogram/hist-shape.js';
import { readBackCounts } from '../../../src/latency/printed/read-back.js';
import { readHistograms } from '../../../src/latency/printed/read-hist.js';

describe('read back and printed again', () => {
  test('the same bytes, every release and shape', () => {
    const value = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 40 }));
    const shapeArb: fc.Arbitrary<HistShape> = fc.oneof(
      fc.integer({ min: 0, max: 5 }).map((bits) => ({ kind: 'hist' as const, bits })),
      fc.constantFrom(
        { kind: 'lhist' as const, min: 0, max: 100, step: 10 },
        { kind: 'lhist' as const, min: 0, max: 10240, step: 1024 },
        { kind: 'lhist' as const, min: 100, max: 200, step: 25 },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(...PRINT_FAMILIES),
        shapeArb,
        (values, family, given) => {
          const shape: HistShape =
            given.kind === 'hist' && !PRINT_RULES[family].bits ? { kind: 'hist', bits: 0 } : given;
          const counts: number[] = [];
          for (const v of values) {
            const i = bucketIndex(v, shape, family);
            while (counts.length <= i) counts.push(0);
            counts[i]!++;
          }
          const print = (s: HistShape, c: number[]): string =>
            s.kind === 'lhist'
              ? printLhistMap('@x', s, [{ key: 'a', counts: c }], { family })
              : printHistMap('@x', [{ key: 'a', counts: c }], { family, bits: s.bits });
          const text = print(shape, counts);
          const back = readBackCounts(readHistograms(text).histograms[0]!.bins, family)!;
          expect(print(back.shape, back.counts)).toBe(text);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('bins that are none of bpftrace’s', () => {
    expect(
      readBackCounts(
        [
          { low: 3, high: 5, count: 1 },
          { low: 5, high: 9, count: 1 },
        ],
        '0.24',
      ),
    ).toBeNull();
  });

  const recordings = new URL('../../../../shared/recordings/', import.meta.url);
  test.skipIf(!existsSync(recordings))('every histogram printed in the recordings (absent: skipped)', () => {
    let blocks = 0;
    for (const kernel of readdirSync(recordings, { withFileTypes: true })) {
      if (!kernel.isDirectory()) continue;
      const folder = new URL(`${kernel.name}/`, recordings);
      for (const file of readdirSync(folder)) {
        if (!/hist.*\.txt$/.test(file) || file.includes('json')) continue;
        const text = readFileSync(new URL(file, folder), 'utf8');
        for (const h of readHistograms(text).histograms) {
          const back = readBackCounts(h.bins, '0.10')!;
          const printed = printHistMap(h.name, [{ key: h.key, counts: back.counts }], { family: '0.10' });
          expect(text).toContain(printed);
          blocks++;
        }
      }
    }
    expect(blocks).toBeGreaterThan(20);
  });
});

describe('tables side by side', () => {
  test('a row of a bcc table, or ^C, is no title of the next one', () => {
    const rows =
      '         0 -> 1          : 3        |**    |\n         2 -> 3          : 40       |****  |\n';
    const text = `Tracing... Hit Ctrl-C to end.\n^C\n     usecs               : count     distribution\n${rows}\n     msecs               : count     distribution\n${rows}`;
    expect(readHistograms(text).histograms.map((h) => [h.title, h.unitNs])).toEqual([
      ['Tracing... Hit Ctrl-C to end.', 1e3],
      ['', 1e6],
    ]);
  });

  test('bars drawn into fewer columns fit their counts', () => {
    const of = (drawn: number) =>
      readHistograms(`@ns:\n[1, 2)   5 |${'@'.repeat(40)}|\n[2, 4)   2 |${'@'.repeat(drawn).padEnd(40)}|\n`)
        .histograms[0]!.notes;
    expect(of(16)).toEqual([]);
    expect(of(30)).toEqual(['1 bar(s) do not fit their counts']);
  });
});
