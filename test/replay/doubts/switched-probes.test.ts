import { describe, expect, it } from 'vitest';
import { withoutOneFlush } from '../../gate/support/traces.js';
import { partOf } from '../../support/part.js';
import { replayFixtures } from '../damage/fixtures.js';
import { parseLine } from '../damage/recording-lines.js';
import { inTurn } from '../support/in-turn.js';
import { replayLines, replayText, report, violatedIds } from '../support/replay.js';
import { BASES, change, munmapRcu, print, type Step, without } from '../support/story.js';

// Probes that somebody switches off while the others go on, and on again: `echo 0 > events/…/enable`. No fact says so.

/** What is off; a return probe is named as the function. */
const OFF: Readonly<Record<string, RegExp>> = {
  'requests of flushes and their returns': /^flush_tlb_mm_range$/,
  'all that a flush calls': /^(?:flush_tlb_mm_range|native_flush_tlb_multi|flush_tlb_func)$/,
  'requests to other CPUs': /^csd_/,
  'grace periods': /^rcu_grace_period$/,
  'all on functions': /^(?!rcu_|sched_|sys_|mm_page|csd_|ipi_|call_function|tlb_flush|tracing_|$)/,
};
const SHARES = [0.3, 0.1].slice(0, partOf(2, 1));

/** The lines without those of such events within a part of the recording; null where it shows none there. */
function switched(lines: readonly string[], which: RegExp, from: number, to: number): string[] | null {
  const out = lines.filter((text, i) => i < from || i >= to || !which.test(parseLine(text, i)?.symbol ?? ''));
  return out.length < lines.length ? out : null;
}

describe.each(replayFixtures().map((fixture, i) => ({ ...fixture, i })))('$name', ({ lines, i }) => {
  it.each(inTurn(Object.entries(OFF), 2, i))('%s off for a while accuse nobody', async (_, which) => {
    for (const share of SHARES) {
      const from = Math.floor(lines.length * (0.6 - share));
      const out = switched(lines, which, from, from + Math.floor(lines.length * share));
      if (out) expect([share, violatedIds(await replayLines(out))]).toEqual([share, []]);
    }
  });
});

describe('what is broken while they are on', () => {
  const { lines } = replayFixtures().find(({ name }) => name === '6.12.117-lab-y/mt-munmap.txt.gz')!;
  const broken = withoutOneFlush(lines);
  const at = lines.findIndex((text, i) => text !== broken[i]);

  it('is found', async () => {
    expect(report(await replayLines(broken), 'I09').instances.violated).toBeGreaterThan(0);
  });

  it.each(Object.entries(OFF))('is found, with %s off at another time', async (_, which) => {
    const parts = [
      [Math.floor(at / 4), Math.floor(at / 2)],
      [at + 600, at + 1200],
    ] as const;
    for (const [from, to] of parts) {
      const out = switched(broken, which, from, to);
      if (out) expect(report(await replayLines(out), 'I09').instances.violated).toBeGreaterThan(0);
    }
  });
});

describe('a story', () => {
  const replay = (...steps: Step[][]) => replayText(print(steps.flat()), BASES);
  /** A short one is taken for what it shows: long before, all is well. */
  const plain = Array.from({ length: 44 }, (_, i) => munmapRcu(i + 1));
  const first = plain.slice(0, 41).flat();
  const [second, third, fourth] = plain.slice(41) as [Step[], Step[], Step[]];

  it('is whole', async () => {
    expect(violatedIds(await replay(...plain))).toEqual([]);
  });

  it('a flush of which nothing at all is shown is one that was left out', async () => {
    const left = without(
      third,
      'request',
      'multi',
      'send',
      'handler-in',
      'invalidate',
      'handler-out',
      'flushed',
    );
    const result = await replay(first, second, left, fourth);
    expect(report(result, 'I09').verdict).toBe('violated');
  });

  it('one gather that does not begin is a violation, two running are a probe that was off', async () => {
    const one = await replay(first, second, without(third, 'gather'), fourth);
    expect(report(one, 'I49').verdict).toBe('violated');
    const two = await replay(first, without(second, 'gather'), without(third, 'gather'), fourth);
    expect(report(two, 'I49').instances.violated).toBe(0);
    expect(
      report(two, 'I49')
        .unknowns.map((u) => u.reason)
        .join(),
    ).toMatch(/tlb_gather_mmu.* was off here/);
  });

  it('a short one is taken for what it shows', async () => {
    const short = await replay(munmapRcu(1), munmapRcu(2), without(munmapRcu(3), 'send'), munmapRcu(4));
    expect(report(short, 'I23').instances.violated).toBeGreaterThan(0);
  });

  it('a CPU that answers a request was sent one, though it is not shown', async () => {
    const result = await replay(first, second, without(third, 'send'), fourth);
    expect(report(result, 'I23').instances.violated).toBe(0);
    expect(report(result, 'I23').instances.unknown).toBe(1);
    const left = without(third, 'send', 'handler-in', 'invalidate', 'handler-out');
    expect(report(await replay(first, second, left, fourth), 'I23').verdict).toBe('violated');
  });

  it('a handler whose end is not shown answers nothing more', async () => {
    const [open, silent] = [
      without(second, 'handler-out'),
      without(third, 'send', 'handler-in', 'handler-out'),
    ];
    expect(violatedIds(await replay(first, open, silent, fourth))).toEqual([]);
    const other = change(third, 'invalidate', /new_tlb_gen=43/, 'new_tlb_gen=44');
    expect(report(await replay(first, second, other, fourth), 'I25').verdict).toBe('violated');
  });
});
