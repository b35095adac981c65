import { describe, expect, test } from 'vitest';
import { rowWords } from '../../src/compare/words.js';

describe('rows', () => {
  test.each([
    [2048, 4096, '2K..4K'],
    [512 * 1024, 1048576, '512K..1M'],
    [0, 2, '0..2'],
    [100, 200, '100..200'],
    // Rows of us and ms, in ns.
    [4096e3, 8192e3, '4.1..8.19 ms'],
    [16e3, 32e3, '16..32 µs'],
    [512e3, 1024e3, '0.512..1.02 ms'],
    [2e9, 4e9, '2..4 s'],
    [30e3, Number.POSITIVE_INFINITY, '≥ 30 µs'],
    [Number.NEGATIVE_INFINITY, 0, '< 0'],
  ])('%d to %d', (low, high, words) => {
    expect(rowWords(low, high)).toBe(words);
  });
});
