import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { replayLines, report, violatedIds } from '../support/replay.js';

const read = (path: string): string[] =>
  gunzipSync(readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url)))
    .toString('latin1')
    .trimEnd()
    .split('\n');
/** Each line of `every` stands once more, `behind` lines later: time goes back there. */
const again = (lines: readonly string[], every: number, behind: number): string[] =>
  lines.flatMap((line, i) => {
    const from = i - behind;
    return from >= 100 && from % every === 0 ? [line, lines[from]!] : [line];
  });

it.each([
  'replay/6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz',
  'replay/6.12.117-lab-semi/ftrace-kprobes-nohash.txt.gz',
])('%s: lines out of their place make nothing but the clock look wrong', async (path) => {
  expect(violatedIds(await replayLines(again(read(path), 300, 30)))).toEqual(['I52']);
});

it('hide nothing that other lines show', async () => {
  const lines = read('wrong-orders/neighbour-range-flushed.txt.gz');
  const plain = await replayLines(lines);
  const result = await replayLines(again(lines, 100, 45));
  expect(violatedIds(result)).toEqual([...violatedIds(plain), 'I52']);
  expect(report(result, 'I02').instances.violated).toBe(report(plain, 'I02').instances.violated);
});
