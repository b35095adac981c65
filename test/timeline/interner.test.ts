import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interner } from '../../src/timeline/interner.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('Interner', () => {
  it('gives equal bytes equal ids, counting up from 0', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 12, unit: 'binary' }), { maxLength: 80 }), (words) => {
        const interner = new Interner();
        const model = new Map<string, number>();
        for (const word of words) {
          const key = bytes(word).join();
          if (!model.has(key)) model.set(key, model.size);
          expect(interner.internString(word)).toBe(model.get(key));
        }
        expect(interner.size).toBe(model.size);
      }),
    );
  });

  it('copies on first sight: the buffer may be reused', () => {
    const interner = new Interner();
    const buffer = bytes('munmap');
    const id = interner.intern(buffer, 0, buffer.length);
    buffer.fill(0x78);
    expect(interner.text(id)).toBe('munmap');
    expect(interner.internString('munmap')).toBe(id);
    expect(interner.internString('xxxxxx')).not.toBe(id);
  });

  it('takes slices, and the empty one', () => {
    const interner = new Interner();
    const buffer = bytes('-munmap-munmap-');
    expect(interner.intern(buffer, 1, 7)).toBe(interner.intern(buffer, 8, 14));
    const empty = interner.intern(buffer, 3, 3);
    expect(interner.text(empty)).toBe('');
    expect(interner.internString('')).toBe(empty);
  });

  it('survives growth: 100 000 names, each found again', () => {
    const interner = new Interner();
    for (let i = 0; i < 100_000; i++) interner.internString(`task name ${i}`);
    expect(interner.size).toBe(100_000);
    for (let i = 0; i < 100_000; i += 997) {
      expect(interner.internString(`task name ${i}`)).toBe(i);
      expect(interner.text(i)).toBe(`task name ${i}`);
    }
  });

  it('tells strings of one hash apart', () => {
    const interner = new Interner();
    const [a, b] = [bytes('aa'), bytes('bb')];
    expect(interner.internHashed(a, 0, 2, 42)).toBe(0);
    expect(interner.internHashed(b, 0, 2, 42)).toBe(1);
    expect(interner.internHashed(a, 0, 2, 42)).toBe(0);
    expect(interner.internHashed(a, 0, 1, 42)).toBe(2);
  });

  it('has no text for ids it never gave; shows bytes that are no UTF-8', () => {
    const interner = new Interner();
    expect([interner.text(-1), interner.text(0)]).toEqual(['', '']);
    const id = interner.intern(Uint8Array.of(0xff, 0x61), 0, 2);
    expect(interner.text(id)).toBe('\ufffda');
  });
});
