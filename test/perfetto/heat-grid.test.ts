import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeatGrid } from '../../src/perfetto/heat-grid.js';

const value = fc.record({
  at: fc.integer({ min: -(10 ** 12), max: 10 ** 12 }),
  ns: fc.integer({ min: 0, max: 10 ** 9 }),
});

describe('durations over time', () => {
  it('counts each once, in the column and the power of two it belongs to, in any order', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
        const grid = new HeatGrid();
        for (const { at, ns } of values) grid.add(at, ns);
        const { start, width, columns } = grid.axis;
        expect(columns).toBeLessThanOrEqual(120);
        const expected = new Map<string, number>();
        for (const { at, ns } of values) {
          const key = `${Math.floor((at - start) / width)} ${Math.floor(Math.log2(Math.max(1, ns)))}`;
          expected.set(key, (expected.get(key) ?? 0) + 1);
        }
        const got = new Map(grid.cells().map((c) => [`${c.column} ${c.octave}`, c.count]));
        expect([...got].sort()).toEqual([...expected].sort());
        expect(grid.count).toBe(values.length);
      }),
    );
  });

  it('is as fine as its columns allow', () => {
    const grid = new HeatGrid();
    for (let at = 0; at < 1_000_000; at += 1000) grid.add(at, 5);
    expect(grid.axis.columns).toBeGreaterThanOrEqual(60);
  });

  it('leaves out what is no duration', () => {
    const grid = new HeatGrid();
    for (const ns of [-1, Number.NaN]) grid.add(0, ns);
    grid.add(Number.NaN, 1);
    expect(grid.cells()).toEqual([]);
  });
});
