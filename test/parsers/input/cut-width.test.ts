import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LINE_FORMAT_ID } from '../../../src/parsers/columns/line-format.js';
import { CutWidth, cutWidthOf } from '../../../src/parsers/input/cut-width.js';
import { replayText, violatedIds } from '../../replay/support/replay.js';

const read = (path: string): string =>
  gunzipSync(readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url))).toString('latin1');
const cutAt = (text: string, width: number): string =>
  text
    .split('\n')
    .map((line) => line.slice(0, width))
    .join('\n');
const widthOf = (text: string): number => cutWidthOf(Buffer.from(text, 'latin1')).width;
const MUNMAP = 'replay/6.12.117-lab-y/mt-munmap.txt.gz';

describe('lines that something has cut off at one width', () => {
  it.each([100, 120, 140, 160])('are told from whole ones: %i', (width) => {
    const text = read(MUNMAP);
    expect(widthOf(text)).toBe(0);
    expect(widthOf(cutAt(text, width))).toBe(width);
  });

  it('are skipped and named, and no kernel looks wrong for what they lack', async () => {
    const text = cutAt(read(MUNMAP), 140);
    const cut = text.split('\n').filter((line) => line.length === 140 && !line.startsWith('#')).length;
    const result = await replayText(text);
    const [input] = result.inputs;
    expect(violatedIds(result)).toEqual([]);
    expect(input!.lines.skipped).toBe(cut);
    expect(input!.skips[0]!.reason).toBe('cut off behind byte 140, as other lines are');
  });

  it('do not hide what whole lines show', async () => {
    const text = read('wrong-orders/neighbour-range-flushed.txt.gz');
    expect(violatedIds(await replayText(cutAt(text, 200)))).toEqual(violatedIds(await replayText(text)));
    expect(cutAt(text, 200)).not.toBe(text);
  });

  it('count from where they are found on, and before it nothing absent is evidence', async () => {
    const lines = read(MUNMAP).split('\n');
    const events = lines.filter((line) => !line.startsWith('#'));
    // Narrow ones first: the beginning of the text shows no width.
    const narrow = Array.from(
      { length: 1000 },
      (_, i) =>
        `            init-1       [000] .....     0.${String(i).padStart(6, '0')}: sched_wakeup: comm=a pid=1`,
    );
    const result = await replayText(cutAt([...narrow, ...events].join('\n'), 140));
    expect(violatedIds(result)).toEqual([]);
    expect(result.inputs[0]!.lines.skipped).toBeGreaterThan(100);
  });

  it('are not seen in a text whose longest lines are of few kinds', () => {
    const line = (name: string) =>
      `            init-1       [000] .....     0.000001: ${name}: mm=0xffff88810a4ece40`;
    expect(widthOf(`${line('call_rcu_one')}\n${line('call_rcu_two')}\n`.repeat(100))).toBe(0);
  });

  it('are not seen where the event stands last', async () => {
    const line = (i: number): string => {
      const [pid, event] = i % 2 === 0 ? [100, 'tlb_finish_mmu'] : [1000, 'free_pgtables'];
      return `${`0.${String(i).padStart(6, '0')} host=a-name-that-makes-it-wide-enough cpu=1 pid=${pid}`} ${event}`;
    };
    const text = Array.from({ length: 400 }, (_, i) => `${line(i)}\n`).join('');
    expect(
      new Set(
        text
          .trimEnd()
          .split('\n')
          .map((l) => l.length),
      ).size,
    ).toBe(1);
    const lineFormat = String.raw`^(?<ts>[\d.]+) host=\S+ cpu=(?<cpu>\d+) pid=(?<pid>\d+) (?<event>\w+)`;
    const { inputs } = await replayText(text, { format: `${LINE_FORMAT_ID}:${lineFormat}` });
    expect(inputs[0]!.lines).toMatchObject({ event: 400, skipped: 0 });
  });

  it('are looked for in so many lines of one width, and no more', () => {
    const cut = new CutWidth();
    let looked = 0;
    for (let i = 0; i < 5000; i++) {
      if (cut.passes(140)) continue;
      looked++;
      cut.isCut(140, `event_${i % 4}`, 'event: mm=0xffff88810a4ece40');
    }
    expect([looked, cut.width]).toEqual([1024, 0]);
    expect(cut.passes(141)).toBe(false);
  });

  it('are not seen any more once a longer one comes', async () => {
    const text = read(MUNMAP);
    const lines = text.trimEnd().split('\n');
    const half = cutAt(lines.slice(0, lines.length / 2).join('\n'), 140);
    const rest = lines.slice(lines.length / 2);
    const result = await replayText(`${half}\n${rest.join('\n')}\n`);
    const inHalf = half.split('\n').filter((line) => line.length === 140 && !line.startsWith('#')).length;
    expect(result.inputs[0]!.lines.skipped).toBeGreaterThan(0);
    expect(result.inputs[0]!.lines.skipped).toBeLessThanOrEqual(inHalf + 10);
  });
});
