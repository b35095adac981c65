import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeRef, RecordBatch, refInput, refOffset } from '../../src/timeline/batch.js';

describe('evidence references', () => {
  it('keep input and offset apart, exactly, up to 32 TiB', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 0, max: 2 ** 45 - 1 }), (input, offset) => {
        const ref = makeRef(input, offset);
        expect([refInput(ref), refOffset(ref)]).toEqual([input, offset]);
      }),
    );
  });

  it('order as the lines do', () => {
    expect(makeRef(0, 99)).toBeLessThan(makeRef(0, 100));
    expect(makeRef(0, 2 ** 44)).toBeLessThan(makeRef(1, 0));
  });
});

describe('RecordBatch', () => {
  it('gives the body of a row and its reference', () => {
    const batch = new RecordBatch(4);
    batch.bytes = Uint8Array.from('flags=\xe9 mm=1', (c) => c.charCodeAt(0));
    batch.input = 3;
    batch.offset[1] = 1234;
    batch.event[1] = 9;
    batch.bodyStart[1] = 6;
    batch.bodyEnd[1] = 12;
    expect(batch.body(1)).toBe('\xe9 mm=1');
    expect(batch.ref(1)).toBe(makeRef(3, 1234));
    expect(batch.eventId(1)).toBe(9);
    expect(batch.capacity).toBe(4);
  });
});
