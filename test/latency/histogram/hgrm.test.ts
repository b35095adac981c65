import fc from 'fast-check';
import { build } from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import { Distribution } from '../../../src/latency/histogram/distribution.js';
import { hgrmText } from '../../../src/latency/histogram/hgrm.js';
import { partOf } from '../../support/part.js';

/** The same values through HdrHistogram itself, in a histogram just large enough. */
function theirs(values: readonly number[], scale: number): string {
  const h = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: Math.max(2, ...values),
    numberOfSignificantValueDigits: 3,
  });
  for (const v of values) h.recordValue(v);
  return h.outputPercentileDistribution(5, scale);
}

const values = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 5000 }),
    fc.integer({ min: 0, max: 2 ** 31 }),
    fc.integer({ min: 0, max: 2 ** 40 }),
  ),
  { minLength: 1, maxLength: 300 },
);

describe('hgrm', () => {
  test('byte for byte what HdrHistogram writes', () => {
    fc.assert(
      fc.property(values, fc.constantFrom(1, 1000), (list, scale) => {
        expect(hgrmText(Distribution.of(list), scale)).toBe(theirs(list, scale));
      }),
      { numRuns: partOf(300, 60) },
    );
  });

  test('also when single values are no longer kept', () => {
    fc.assert(
      fc.property(values, (list) => {
        expect(hgrmText(Distribution.of(list, 1))).toBe(theirs(list, 1));
      }),
      { numRuns: partOf(100, 20) },
    );
  });

  test('nothing measured', () => {
    expect(hgrmText(new Distribution())).toContain('Total count    =            0]');
  });
});
