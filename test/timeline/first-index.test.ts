import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstIndex } from '../../src/timeline/first-index.js';

test('it is where findIndex finds it, or behind all', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: -1, max: 10 }), (list, value) => {
      const sorted = [...list].sort((a, b) => a - b);
      const at = sorted.findIndex((x) => x >= value);
      expect(firstIndex(sorted.length, (i) => sorted[i]! < value)).toBe(at < 0 ? sorted.length : at);
    }),
  );
});
