import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SORTED_OTHERWISE, SortedOtherwise } from '../../../src/replay/doubts/sorted-otherwise.js';
import { EventTable } from '../../../src/timeline/events.js';
import { replayFixtures } from '../damage/fixtures.js';
import { replayLines, replayText, violatedIds } from '../support/replay.js';

const KEYS: Readonly<Record<string, RegExp>> = {
  'the event': /\d+\.\d{6}: (\w+)/,
  'the task': /-(\d+)\s+\[\d{3}\]/,
};
const sortBy = (lines: readonly string[], key: RegExp): string[] =>
  lines
    .filter((line) => !line.startsWith('#') && key.test(line))
    .map((line) => [key.exec(line)![1]!, line] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, line]) => line);
/** As if it had taken hours. */
const slower = (line: string): string =>
  line.replace(/(\d+)\.(\d{6}): /, (_, s: string, us: string) =>
    `${Number(s) * 1000 + Number(us) / 1000}: `.replace(
      /\.(\d+): /,
      (_m, f: string) => `.${f.padEnd(6, '0')}: `,
    ),
  );

describe.each(replayFixtures().filter(({ name }) => /mt-munmap|kprobes/.test(name)))('$name', ({ lines }) => {
  it.each(Object.entries(KEYS))('sorted by %s: nothing is judged', async (_, key) => {
    const rows = sortBy(lines, key);
    for (const text of [rows, rows.map(slower)]) {
      const result = await replayLines(text);
      expect(violatedIds(result)).toEqual([]);
      expect(result.invariants.filter((i) => i.verdict === 'pass')).toEqual([]);
    }
  });
});

describe('found', () => {
  const of = (rows: readonly (readonly [string, number])[], back = true): boolean => {
    const events = new EventTable();
    const sorted = new SortedOtherwise(events);
    for (const [name, pid] of rows)
      sorted.event(
        events.internHead(`${name}/${pid}`, { kind: 'tracepoint', name, symbol: '', caller: '' }),
        pid,
      );
    return sorted.found(back);
  };
  const blocks = ['a', 'b', 'c', 'd'].flatMap((name) =>
    Array.from({ length: 8 }, (_, i) => [name, i] as const),
  );

  it('where every kind of event, or every task, stands in one block', () => {
    expect(of(blocks)).toBe(true);
    expect(of(blocks.map(([name, pid]) => [String(pid), name.charCodeAt(0)] as const))).toBe(true);
  });

  it('not where time never went back, of few, or where one comes again', () => {
    expect(of(blocks, false)).toBe(false);
    expect(of(blocks.slice(0, 24))).toBe(false);
    expect(of(blocks.slice(1))).toBe(false);
    expect(of([...blocks, ['a', 9]])).toBe(false);
  });
});

it('two excerpts of one recording, the later first, are none', async () => {
  const path = new URL('../../../fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz', import.meta.url);
  const lines = gunzipSync(readFileSync(path)).toString('latin1').split('\n');
  const text = [...lines.slice(1500), ...lines.slice(0, 1500)].join('\n');
  expect(JSON.stringify(await replayText(text))).not.toContain(SORTED_OTHERWISE);
});
