import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { bpftraceLog, perfScript, traceCmd } from './support/dialects.js';
import { inTurn } from './support/in-turn.js';
import { replayLines, report, verdicts, violatedIds } from './support/replay.js';

// Buffers of two trace instances that recorded the same, put together by their stamps.

const root = new URL('../../fixtures/', import.meta.url).pathname;
const read = (path: string): string => gunzipSync(readFileSync(`${root}${path}`)).toString('latin1');
const linesOf = (text: string): string[] => text.trimEnd().split('\n');
const isHead = (line: string): boolean => /^(?:#|cpus=|Attaching)/.test(line);
const STAMP = / (\d+\.\d{6}): |^(\d+) /;

const Y = 'replay/6.12.117-lab-y/mt-munmap.txt.gz';
const SLOW = 'replay/6.12.117-lab-semi/slowpath-failpagealloc.txt.gz';
const GUP = 'replay/debian-6.16.12/pt-reclaim-gup.txt.gz';

const stampOf = (line: string): number => {
  const m = STAMP.exec(line);
  return Number(m?.[1] ?? m?.[2]);
};
/** `cat a b | sort -s -k STAMP`. */
const together = (a: readonly string[], b: readonly string[]): string[] => {
  const keyed = [...a, ...b].map((line) => ({ line, ts: stampOf(line) }));
  return keyed.sort((x, y) => x.ts - y.ts).map(({ line }) => line);
};
/** Every fifth event is stamped one microsecond later by the second instance; none of a CPU before the one before it. */
function later(lines: readonly string[]): string[] {
  const last = new Map<string, number>();
  return lines.map((line, i) => {
    const cpu = /\[\d+\]/.exec(line)![0];
    const us = Math.max(last.get(cpu) ?? 0, Math.round(stampOf(line) * 1e6) + (i % 5 === 0 ? 1 : 0));
    last.set(cpu, us);
    return line.replace(STAMP, ` ${(us / 1e6).toFixed(6)}: `);
  });
}

const twice = (result: Result): number =>
  result.inputs[0]!.skips.find((s) => s.reason === 'an event written twice')?.count ?? 0;

const PATHS = [Y, SLOW, GUP];

describe.each(PATHS)('%s written twice', (path) => {
  const FORMS = { ftrace: (text: string) => text, traceCmd, perfScript, bpftraceLog };
  it.each(inTurn(Object.entries(FORMS), 2, PATHS.indexOf(path)))(
    'as %s: as if written once',
    async (_name, write) => {
      const lines = linesOf(write(read(path)));
      const head = lines.filter(isHead);
      const body = lines.filter((l) => !isHead(l));
      const once = await replayLines(lines);
      const result = await replayLines([...head, ...together(body, body)]);
      expect(verdicts(result)).toEqual(verdicts(once));
      const { event, skipped, total } = result.inputs[0]!.lines;
      expect([event, skipped, total]).toEqual([
        once.inputs[0]!.lines.event,
        once.inputs[0]!.lines.event + once.inputs[0]!.lines.skipped,
        once.inputs[0]!.lines.total + once.inputs[0]!.lines.event,
      ]);
    },
  );

  const lines = linesOf(read(path));
  const head = lines.filter(isHead);
  const body = lines.filter((l) => !isHead(l));
  const SECONDS: Readonly<Record<string, readonly string[]>> = {
    'begun later, with stamps of its own': later(body.slice(body.length >> 1)),
    'only for a while': body.slice(Math.floor(body.length * 0.4), Math.floor(body.length * 0.6)),
    'of some events only': body.filter((l) => /sched_switch|call_function|csd_|sys_/.test(l)),
    'of kprobes only': body.filter((l) => /: \(\w+\+0x/.test(l)),
    'with gaps': body.filter((_, i) => i % 37 !== 0),
  };
  it.each(Object.entries(SECONDS))('%s: accuses nobody', async (_name, second) => {
    const result = await replayLines([...head, ...together(body, second)]);
    expect(violatedIds(result)).toEqual([]);
    expect(twice(result)).toBeGreaterThan(0.98 * second.length);
  });
});

describe('what happened twice stays', () => {
  const CASES = [
    ['generation-goes-back', 'I25'],
    ['callback-leaks-one-of-four', 'I12'],
    ['hand-over-outside-any-gather', 'I49'],
    ['damaged-C-says-SYNC1', 'I12'],
  ] as const;
  it.each(CASES)('%s: %s, written twice as well', async (name, id) => {
    const lines = linesOf(read(`wrong-orders/${name}.txt.gz`));
    const result = await replayLines(lines.flatMap((l) => (isHead(l) ? [l] : [l, l])));
    expect(report(result, id).instances.violated).toBe(
      report(await replayLines(lines), id).instances.violated,
    );
    expect(report(result, id).instances.violated).toBeGreaterThan(0);
  });

  const lines = linesOf(read(SLOW));
  const faulty = lines.flatMap((l) => (/call_rcu: /.test(l) ? [l, l] : [l]));

  it('each call_rcu is there twice, all else once: I11', async () => {
    const result = await replayLines(faulty);
    expect(report(result, 'I11').instances.violated).toBeGreaterThan(0);
    expect(twice(result)).toBe(0);
  });

  it('the same where all of that is written twice: I11', async () => {
    const result = await replayLines(faulty.flatMap((l) => (isHead(l) ? [l] : [l, l])));
    expect(verdicts(result)).toEqual(verdicts(await replayLines(faulty)));
    expect(twice(result)).toBe(faulty.filter((l) => !isHead(l)).length);
  });
});
