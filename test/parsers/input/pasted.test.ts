import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { replayText, verdicts, violatedIds } from '../../replay/support/replay.js';

const read = (path: string): string[] =>
  gunzipSync(readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url)))
    .toString('latin1')
    .trimEnd()
    .split('\n');
const pasted = (lines: readonly string[], at: number, n: number): string =>
  `${[...lines.slice(0, at + n), ...lines.slice(at, at + n), ...lines.slice(at + n)].join('\n')}\n`;

it.each([
  ['replay/6.12.117-lab-y/mt-munmap.txt.gz', 100, 20],
  ['replay/6.12.117-lab-y/mt-munmap.txt.gz', 900, 400],
  ['alarms/hotplug-three-6.12.txt.gz', 2947, 200],
  ['wrong-orders/hand-over-outside-any-gather.txt.gz', 60, 30],
])('%s with lines from %i on, %i of them, pasted twice: its own verdicts', async (path, at, n) => {
  const lines = read(path);
  const plain = await replayText(`${lines.join('\n')}\n`);
  const result = await replayText(pasted(lines, at, n));
  expect(verdicts(result)).toEqual(verdicts(plain));
  const [input] = result.inputs;
  expect(input!.lines.event).toBe(plain.inputs[0]!.lines.event);
  expect(input!.lines.skipped).toBe(n);
  expect(input!.skips[0]).toMatchObject({ count: n, firstLine: at + n + 1 });
  expect(input!.notes.map((note) => note.code)).toContain('pasted');
});

it('a clock that goes back is still found where the lines are others', async () => {
  const lines = read('replay/6.12.117-lab-y/mt-munmap.txt.gz');
  const events = lines.filter((line) => !line.startsWith('#'));
  const [first] = events.slice(300);
  const cpu = /\[\d+\]/.exec(first!)![0];
  const later = events.slice(310).find((line) => line.includes(cpu))!;
  const at = lines.indexOf(later) + 1;
  const other = first!.replace(/: \w+:?.*/, ': sched_wakeup: comm=a pid=7 prio=120 target_cpu=000');
  const result = await replayText(`${[...lines.slice(0, at), other, ...lines.slice(at)].join('\n')}\n`);
  expect(violatedIds(result)).toEqual(['I52']);
});
