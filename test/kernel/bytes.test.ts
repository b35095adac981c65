import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ascii,
  isKernelAddr,
  parseDec53,
  parseHex53,
  parseValue53,
  signed53,
} from '../../src/kernel/bytes.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { FUNC } from '../../src/kernel/ops.js';

const low53 = (v: bigint): number => Number(BigInt.asUintN(53, v));
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const over = (f: typeof parseHex53, text: string): number => {
  const b = ascii(`xx${text} tail`);
  return f(b, 2, 2 + text.length);
};

describe('numbers from bytes', () => {
  test('hex is the low 53 bits, whatever the spelling', () => {
    fc.assert(
      fc.property(u64, fc.constantFrom('', '0x', '0X'), fc.boolean(), (v, prefix, upper) => {
        const digits = upper ? v.toString(16).toUpperCase() : v.toString(16);
        expect(over(parseHex53, prefix + digits)).toBe(low53(v));
        expect(over(parseHex53, prefix + digits.padStart(16, '0'))).toBe(low53(v));
      }),
    );
  });

  test('decimal is the low 53 bits, negative is two’s complement', () => {
    fc.assert(
      fc.property(u64, (v) => {
        expect(over(parseDec53, v.toString())).toBe(low53(v));
        expect(over(parseDec53, (-v).toString())).toBe(low53(-v));
      }),
    );
  });

  test('signed numbers read the same in all three spellings', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), (n) => {
        const wide = BigInt.asUintN(64, BigInt(n));
        for (const text of [String(n), wide.toString(), `0x${wide.toString(16)}`]) {
          expect(signed53(over(parseValue53, text))).toBe(n);
        }
      }),
    );
  });

  test('what is no number is NaN', () => {
    for (const text of ['', '(fault)', '"abc"', 'flush_tlb_func', '-', '0x']) {
      expect(over(parseValue53, text)).toBeNaN();
    }
  });

  test('pointers of %p: hashed ones are not kernel addresses, raw ones are', () => {
    expect(over(parseValue53, '00000000743bba01')).toBe(0x743bba01);
    expect(over(parseValue53, '0000000012345678')).toBe(0x12345678);
    expect(isKernelAddr(over(parseValue53, '00000000743bba01'))).toBe(false);
    expect(isKernelAddr(over(parseValue53, 'ffffea0001fa31c0'))).toBe(true);
    expect(isKernelAddr(over(parseValue53, '0xff11000012345000'))).toBe(true);
  });
});

describe('FuncTable', () => {
  const table = new FuncTable();
  const id = (text: string) => table.idOf(ascii(text), 0, text.length);

  test('spellings of one function share an id; the well-known ones have theirs', () => {
    for (const tail of ['', '+0x0/0x40', '.cfi_jt', '+0x0/0x40 [mod]', '+0x0']) {
      expect(id(`tlb_remove_table_rcu${tail}`)).toBe(FUNC.tlb_remove_table_rcu);
      expect(id(`mt_free_rcu${tail}`)).toBe(table.idOfName('mt_free_rcu'));
    }
    expect(id('munmap')).toBe(FUNC.munmap);
    expect(id('')).toBe(FUNC.unknown);
  });

  test('ids are dense and have names', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z_]{1,12}$/), { maxLength: 300 }), (names) => {
        const t = new FuncTable();
        for (const name of names) expect(t.name(t.idOf(ascii(name), 0, name.length))).toBe(name);
      }),
      { numRuns: 20 },
    );
  });
});
