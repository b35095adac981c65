import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SORTED_BY_TEXT, Ties } from '../../../src/replay/doubts/ties.js';
import { RecordBatch } from '../../../src/timeline/batch.js';
import { EventTable } from '../../../src/timeline/events.js';
import { replayText, violatedIds } from '../support/replay.js';

const FIXTURES = join(import.meta.dirname, '../../../fixtures');
const read = (path: string): string => gunzipSync(readFileSync(join(FIXTURES, path))).toString('latin1');
const STAMP = / (\d+)\.(\d{6}): /;

/** `sort -k` by the stamp without `-s`: lines of one stamp are compared as wholes; other locales skip all but letters and digits. */
function sorted(text: string, locale = 'C'): string {
  const lines = text.split('\n').filter((line) => line !== '');
  const key = (line: string): string =>
    locale === 'C' ? line : line.toLowerCase().replace(/[^a-z0-9]/g, '');
  const events = lines.filter((line) => !line.startsWith('#') && STAMP.test(line));
  const keyed = events.map((line) => {
    const [, sec, us] = STAMP.exec(line)!;
    return { at: Number(sec) * 1e6 + Number(us), key: key(line), line };
  });
  keyed.sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const head = lines.filter((line) => line.startsWith('#'));
  return `${[...head, ...keyed.map((k) => k.line)].join('\n')}\n`;
}

describe('a recording whose lines of one stamp are in the order of the alphabet', () => {
  const SEMI = 'replay/6.12.117-lab-semi/ftrace-kprobes-nohash.txt.gz';
  const right = [
    SEMI,
    'replay/6.12.117-lab-semi/slowpath-failpagealloc.txt.gz',
    'replay/6.12.117-lab-y/slowpath-failpagealloc.txt.gz',
    'replay/6.12.117-lab-y/mt-munmap.txt.gz',
  ];
  it.each(right)('is not violated by it: %s', async (path) => {
    for (const locale of ['C', 'en']) {
      expect(violatedIds(await replayText(sorted(read(path), locale)))).toEqual([]);
    }
  });

  it('says why it is not known', async () => {
    const reasons = (result: Awaited<ReturnType<typeof replayText>>) =>
      result.invariants.filter((i) => i.unknowns.some((u) => u.reason === SORTED_BY_TEXT)).map((i) => i.id);
    expect(reasons(await replayText(sorted(read(SEMI))))).toEqual(['I42']);
    expect(reasons(await replayText(read(SEMI)))).toEqual([]);
  });

  // A damaged line that has lost its stamp has no place to be sorted to.
  const wrong = readdirSync(join(FIXTURES, 'wrong-orders')).filter(
    (name) => name.endsWith('.txt.gz') && !name.startsWith('damaged'),
  );
  it.each(wrong)('is still violated by what does not rest on them: %s', async (file) => {
    const text = read(`wrong-orders/${file}`);
    const ids = violatedIds(await replayText(text));
    expect(ids).not.toEqual([]);
    expect(violatedIds(await replayText(sorted(text)))).toEqual(ids);
  });
});

describe('Ties', () => {
  const events = new EventTable();
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) =>
    events.internHead(`x_${name}`, { kind: 'tracepoint', name: `x_${name}`, symbol: '', caller: '' }),
  );
  /** Rows of `[stamp, event, body]` on one CPU, in batches of `size`. */
  function told(rows: readonly (readonly [number, number, string])[], size: number): Ties {
    const ties = new Ties(events);
    for (let at = 0; at < rows.length; at += size) {
      const part = rows.slice(at, at + size);
      const batch = new RecordBatch(part.length);
      batch.bytes = new TextEncoder().encode(part.map(([, , body]) => body).join(''));
      let used = 0;
      part.forEach(([ts, event, body], i) => {
        batch.tsNs[i] = ts;
        batch.event[i] = ids[event]!;
        batch.offset[i] = at + i;
        batch.bodyStart[i] = used;
        batch.bodyEnd[i] = used += body.length;
      });
      batch.length = part.length;
      for (let i = 0; i < part.length; i++) ties.event(batch, i, batch.tsNs[i]!, 0);
      batch.bytes.fill(0);
    }
    return ties;
  }
  const pairs = (n: number, of: (i: number) => readonly [number, number, string][]) =>
    Array.from({ length: n }, (_, i) => of(i)).flat();
  const rising = pairs(20, (i) => [
    [i, i % 5, 'n=1'],
    [i, (i % 5) + 1, 'n=0'],
  ]);

  it.each([1, 2, 3, 1000])('in batches of %i: neighbours of several kinds, all in order', (size) => {
    expect(told(rising, size).sorted).toBe(true);
    expect(told(rising, size).any([3])).toBe(true);
    expect(told(rising.slice(0, 20), size).sorted).toBe(false);
    // Of one kind a kernel may write as many.
    expect(
      told(
        pairs(50, (i) => [
          [i, 0, 'n=1'],
          [i, 1, 'n=0'],
        ]),
        size,
      ).sorted,
    ).toBe(false);
    // One pair that is not.
    expect(told([...rising, [90, 1, 'n=0'], [90, 0, 'n=1']], size).sorted).toBe(false);
    expect(told([...rising, [90, 1, 'n=2'], [90, 1, 'n=1']], size).sorted).toBe(false);
    // Stamps that no two lines have.
    expect(
      told(
        rising.map(([, event, body], i) => [i, event, body]),
        size,
      ).sorted,
    ).toBe(false);
  });

  it('of a line whose stamp is its own the order is known; of one no longer remembered it is not', () => {
    const ties = told([...rising, [50, 0, 'n=1'], [51, 1, 'n=1']], 1000);
    expect(ties.any([rising.length, rising.length + 1])).toBe(false);
    const many = told(
      [
        ...pairs(40_000, (i) => [
          [i, i % 5, 'n=1'],
          [i, (i % 5) + 1, 'n=0'],
        ]),
      ],
      1000,
    );
    expect(many.any([1])).toBe(true);
  });
});
