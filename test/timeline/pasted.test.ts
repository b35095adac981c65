import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESERVED } from '../../src/timeline/events.js';
import { Pasted } from '../../src/timeline/pasted.js';
import { events, inBatches, KINDS, type Row } from './support/rows.js';

/** What comes out of batches of `size` rows, each with bytes that are wiped afterwards; lines that were left out. */
function run(rows: readonly Row[], size: number): { out: string[]; left: number } {
  const out: string[] = [];
  const pasted = new Pasted(events, (b) => {
    for (let i = 0; i < b.length; i++) out.push(`${b.tsNs[i]} ${b.cpu[i]} ${b.event[i]} ${b.body(i)}`);
  });
  inBatches(rows, size, (batch) => pasted.push(batch));
  pasted.finish();
  return { out, left: pasted.leftOut.count };
}

const said = (rows: readonly Row[]): string[] => rows.map((r) => `${r.ts} ${r.cpu} ${r.event} ${r.body}`);
const story = (n: number, cpus = 3): Row[] =>
  Array.from({ length: n }, (_, i) => ({
    ts: i * 1000,
    event: KINDS[i % KINDS.length]!,
    body: `n=${i}`,
    cpu: (i * 7) % cpus,
  }));
const SIZES = [1, 2, 7, 64, 10_000];

describe('a stretch of lines that stands a second time behind itself', () => {
  it('counts once, wherever it stands, however long it is, and in whatever pieces it comes', () => {
    const places = fc.record({
      at: fc.nat({ max: 390 }),
      n: fc.integer({ min: 2, max: 300 }),
      size: fc.constantFrom(...SIZES),
      cpus: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(places, ({ at, n, size, cpus }) => {
        const rows = story(400, cpus);
        const stretch = rows.slice(at, at + n);
        const { out, left } = run([...rows.slice(0, at + n), ...stretch, ...rows.slice(at + n)], size);
        expect(out).toEqual(said(rows));
        expect(left).toBe(stretch.length);
      }),
    );
  });

  it.each(SIZES)('batches of %i: time that goes back stays, where anything is not as before', (size) => {
    const rows = story(100);
    const other = rows.slice(40, 60).map((r) => ({ ...r, body: `${r.body}0` }));
    const all = [...rows.slice(0, 60), ...other, ...rows.slice(60)];
    expect(run(all, size)).toEqual({ out: said(all), left: 0 });
  });

  it.each(SIZES)('batches of %i: two events of one microsecond on one CPU are two', (size) => {
    const [a, b] = story(2);
    const again = { ...a!, ts: a!.ts };
    const all = [a!, b!, again, ...story(10).slice(2)];
    expect(run(all, size)).toEqual({ out: said(all), left: 0 });
  });

  it.each(SIZES)('batches of %i: another capture may hold the same', (size) => {
    const rows = story(50);
    const segment = { ts: Number.NaN, event: RESERVED.segment, body: '', cpu: -1 };
    const all = [...rows, segment, ...rows];
    expect(run(all, size)).toEqual({ out: said(all), left: 0 });
  });

  it('is not found in a text without any order', () => {
    const rows = story(60_000).reverse();
    expect(run(rows, 4096)).toEqual({ out: said(rows), left: 0 });
  });
});
