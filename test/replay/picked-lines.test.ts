import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { perfScript, traceCmd } from './support/dialects.js';
import { inTurn } from './support/in-turn.js';
import { replayLines, report, violatedIds } from './support/replay.js';

// Logs of correct kernels that somebody filtered by hand: what is not there proves nothing.

const root = new URL('../../fixtures/', import.meta.url).pathname;
const read = (path: string): string => gunzipSync(readFileSync(`${root}${path}`)).toString('latin1');
const FORMS = { ftrace: (text: string) => text, traceCmd, perfScript };
const linesOf = (text: string): string[] => text.trimEnd().split('\n');
const body = (lines: readonly string[]): string[] => lines.filter((l) => !/^#|^cpus=/.test(l));

const Y = 'replay/6.12.117-lab-y/mt-munmap.txt.gz';
const SLOW = 'replay/6.12.117-lab-y/slowpath-failpagealloc.txt.gz';
const NEW = 'replay/debian-6.16.12/mt-munmap.txt.gz';
const GUP = 'replay/6.12.117-lab-y/gup-munmap.txt.gz';

/** As grep and its like take them. */
const PICKS: Readonly<Record<string, (line: string) => boolean>> = {
  'grep ptw-': (l) => /ptw-/.test(l),
  'grep of one task': (l) => /ptw-(?:munmap|slow)/.test(l),
  "grep -v '<idle>'": (l) => !/<idle>|swapper/.test(l),
  'grep -v sleep': (l) => !/^ *sleep-/.test(l),
  'grep [001]': (l) => /\[001\]/.test(l),
  'grep -v [001]': (l) => !/\[001\]/.test(l),
  "grep -E 'tlb_flush|call_rcu'": (l) => /tlb_flush|call_rcu/.test(l),
  'grep -v call_rcu': (l) => !/call_rcu/.test(l),
  'grep -v rcu_invoke': (l) => !/rcu_invoke/.test(l),
  'grep -v flush_tlb_func': (l) => !/flush_tlb_func/.test(l),
  'grep -v -E gather|finish|mm_page_free': (l) => !/tlb_gather_mmu|tlb_finish_mmu|mm_page_free/.test(l),
};

const PATHS = [Y, SLOW, NEW, GUP];

describe.each(PATHS)('%s', (path) => {
  describe.each(Object.entries(FORMS))('as %s', (form, write) => {
    const lines = linesOf(write(read(path)));
    const turn = PATHS.indexOf(path) + Object.keys(FORMS).indexOf(form);
    it.each(inTurn(Object.entries(PICKS), 2, turn))('%s accuses nobody', async (_name, pick) => {
      expect(violatedIds(await replayLines(body(lines).filter(pick)))).toEqual([]);
    });
  });
});

describe('a middle that was cut out', () => {
  const lines = body(linesOf(read(Y)));
  const third = Math.floor(lines.length / 3);
  const cut = [...lines.slice(0, third), ...lines.slice(third * 2)];

  it('accuses nobody', async () => {
    expect(violatedIds(await replayLines(lines))).toEqual([]);
    expect(violatedIds(await replayLines(cut))).toEqual([]);
  });
});

describe('a violation whose evidence is there stays', () => {
  const CASES: readonly (readonly [string, string, (line: string) => boolean])[] = [
    ['hand-over-outside-any-gather', 'I49', (l) => /app-|sched_switch/.test(l)],
    ['generation-goes-back', 'I25', (l) => !/ksoftirqd/.test(l)],
    ['neighbour-range-flushed-C', 'I09', (l) => !/sched_switch/.test(l)],
    ['callback-leaks-one-of-four', 'I12', (l) => !/csd_|call_function/.test(l)],
  ];
  it.each(CASES)('%s: %s', async (name, id, pick) => {
    const lines = linesOf(read(`wrong-orders/${name}.txt.gz`)).filter((l) => /^#/.test(l) || pick(l));
    expect(report(await replayLines(lines), id).instances.violated).toBeGreaterThan(0);
  });
});
