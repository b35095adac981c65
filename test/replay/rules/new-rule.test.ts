import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explain, topics } from '../../../src/explain/explain.js';
import { OP } from '../../../src/kernel/ops.js';
import { CATALOGUE } from '../../../src/replay/rules/catalogue.js';
import { PROBES } from '../../../src/replay/rules/probes.js';
import { type Rule, rule } from '../../../src/replay/rules/rule.js';
import { KNOWN } from '../../../src/replay/tally.js';
import type { Result } from '../../../src/result/types.js';
import { KEPT } from '../support/made.js';
import { replayText } from '../support/replay.js';
import { BASES } from '../support/story.js';

// A rule that nothing breaks, written as CONTRIBUTING says: its file and its line in the list, here made in the test.
const flushReturns = rule({
  number: CATALOGUE.length + 1,
  name: 'flush-returns',
  severity: 'S4',
  statement: 'a flush that begins returns, seen by the return probe of the same task',
  why: 'a span without an end is no latency',
  source: 'arch/x86/mm/tlb.c flush_tlb_mm_range()',
  needs: [PROBES.FR, PROBES.FD],
  idle: 'no flush returned',
  held: 'the caller: inside flush_tlb_mm_range()',
  missing: 'the return of flush_tlb_mm_range()',
  words: 'Whoever asks for a flush gets an answer; a recording shows both ends of it.',
  bugs: [],
  instead: 'A rule on the recording.',
  monitor: (evidence, verdicts) => ({
    on: { [OP.PUB]: () => {} },
    flushDone(flush) {
      if (evidence.coverage.total(OP.FR) > 0 && flush.frRef >= 0) verdicts.pass(KNOWN.observed);
    },
  }),
});

const list = CATALOGUE as Rule[];
const without = new Map<string, Result>();

beforeAll(async () => {
  for (const [id, text] of Object.entries(KEPT)) without.set(id, await replayText(text, BASES));
  list.push(flushReturns);
});
afterAll(() => {
  expect(list.pop()).toBe(flushReturns);
});

describe('a new rule', () => {
  it('is checked, and changes nothing that is said of the others', async () => {
    let passed = 0;
    for (const [id, text] of Object.entries(KEPT)) {
      const { invariants } = await replayText(text, BASES);
      const own = invariants.at(-1)!;
      expect(own.id).toBe(flushReturns.id);
      expect(own.instances.violated).toBe(0);
      passed += own.instances.pass;
      expect(invariants.slice(0, -1)).toEqual(without.get(id)!.invariants);
    }
    expect(passed).toBeGreaterThan(0);
  });

  it('can be required, says what would settle it, and is explained', async () => {
    const text =
      '# tracer: nop\n#\n          a-1     [000] .....  1.000000: mm_page_free: page=0xffffea0000004000 pfn=0x100 order=0\n';
    const result = await replayText(text, { ...BASES, require: [flushReturns.id] });
    expect(result.summary.findings).toBe(1);
    expect(result.invariants.at(-1)).toMatchObject({
      verdict: 'unknown',
      settledBy: [PROBES.FR.probe, PROBES.FD.probe],
    });
    expect(topics()).toContain(flushReturns.id);
    expect(explain(flushReturns.name).title).toBe(`${flushReturns.id} ${flushReturns.name}`);
    const said = JSON.stringify(explain(flushReturns.id));
    for (const words of [flushReturns.words, flushReturns.statement, flushReturns.source])
      expect(said).toContain(words);
  });
});
