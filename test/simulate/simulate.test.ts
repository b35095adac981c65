import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { freePath } from '../../src/kernel/free-paths.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { SIM_BUGS } from '../../src/simulate/bugs.js';
import { simulate } from '../../src/simulate/simulate.js';
import type { SimSummary } from '../../src/simulate/summary.js';
import { completeWorkload, type PartialWorkload, parseWorkload } from '../../src/simulate/workload.js';
import { partOf } from '../support/part.js';

function run(parts: PartialWorkload, bug: string | null = null): { text: string; summary: SimSummary } {
  const log = simulate(completeWorkload(parts), bug);
  let text = '';
  for (;;) {
    const step = log.next();
    if (step.done) return { text, summary: step.value };
    text += step.value;
  }
}

async function replay(text: string) {
  const result = await analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
  const verdict = new Map(result.invariants.map((i) => [i.id, i.verdict]));
  const violated = result.invariants.filter((i) => i.verdict === 'violated');
  return {
    result,
    verdict,
    violated: violated.map((i) => i.id),
    why: JSON.stringify(violated).slice(0, 3000),
  };
}

const WORKLOADS: Readonly<Record<string, PartialWorkload>> = {
  plain: { munmaps: 30 },
  pressure: { munmaps: 30, pressure: 0.5 },
  alone: { munmaps: 20, cpus: 1, tables: [0, 4] },
  readers: { munmaps: 30, cpus: 6, threads: 2, readers: { gup: 1, rcu: 1 }, pressure: 0.2 },
};

describe.each(VARIANTS.map((v) => v.id))('variant %s', (variant) => {
  it.each(Object.keys(WORKLOADS))('replays without a violation: %s', async (name) => {
    const { text, summary } = run({ ...WORKLOADS[name]!, variant });
    const { result, violated, why, verdict } = await replay(text);
    expect(violated, why).toEqual([]);
    expect(result.variant.candidates).toContain(variant);
    expect(summary.tablesFreed).toBe(summary.tablesRemoved);
    const lines = result.inputs[0]!.lines;
    expect(lines.skipped + lines.foreign + lines.blank).toBe(0);
    expect(lines.event).toBe(summary.lines);
    const batched = summary.callRcu > 0 ? ['I04', 'I08', 'I09', 'I11', 'I36', 'I38', 'I39'] : [];
    for (const id of ['I01', 'I02', 'I03', 'I10', 'I12', ...batched])
      expect(verdict.get(id), id).toBe('pass');
    const single = freePath(variant, completeWorkload({ variant }).pv).single;
    if (name === 'pressure' && single.includes('call-rcu')) expect(verdict.get('I07')).toBe('pass');
  });
});

describe('counts', () => {
  const CALLS = 3;
  const FIXED = { munmaps: CALLS, tables: 600, pagesPerTable: 2, cpus: 4 } as const;
  // 600 PTE tables, 2 PMD tables, 1 PUD table.
  const TABLES = CALLS * 603;

  it.each(['A0', 'C'])('are those of the workload: %s', (variant) => {
    const { text, summary } = run({ ...FIXED, variant });
    expect(summary.tablesRemoved).toBe(TABLES);
    expect(summary.tablesFreed).toBe(TABLES);
    expect(summary.pagesFreed).toBe(CALLS * 1200);
    expect(text.match(/_free_tlb: /g)).toHaveLength(TABLES);
    // Every page that was allocated is freed once, batch pages included.
    expect(text.match(/mm_page_free: /g)?.length).toBe(text.match(/mm_page_alloc: /g)?.length);
    // 603 tables: a full batch of 509 flushes early, the rest with the finish.
    expect(summary.callRcu).toBe(variant === 'C' ? 2 * CALLS : 0);
    expect(summary.flushes).toBe(variant === 'C' ? 2 * CALLS : CALLS);
    expect(summary.flushIpis).toBe(summary.flushes * 3);
  });

  it('of a failing allocation follow the variant', () => {
    const slow = { munmaps: 5, tables: 3, pagesPerTable: 1, pressure: 1 } as const;
    // 3 PTE tables, PMD, PUD: a flush each, and one more for the top-level entry.
    expect(run({ ...slow, variant: 'B' }).summary).toMatchObject({ flushes: 30, syncIpis: 75, callRcu: 25 });
    expect(run({ ...slow, variant: 'C' }).summary).toMatchObject({ flushes: 30, syncIpis: 0, callRcu: 25 });
    expect(run({ ...slow, variant: 'Dn' }).summary).toMatchObject({ flushes: 30, syncIpis: 75, callRcu: 0 });
    expect(run({ ...slow, variant: 'Fn' }).summary).toMatchObject({ flushes: 30, syncIpis: 0, callRcu: 0 });
  });
});

it('says in its header that it is simulated, and what is broken', () => {
  const { text } = run({ variant: 'D', seed: 9, munmaps: 1 }, 'no-flush');
  const head = text.slice(0, text.indexOf('TASK-PID'));
  expect(head).toContain('# simulated: kernel variant D, seed 9, broken rule no-flush');
  expect(head).toContain('not measured');
});

it('gives the same bytes for the same seed, others for another', () => {
  const same = { ...WORKLOADS.readers!, seed: 7 };
  expect(run(same).text).toBe(run(same).text);
  expect(run({ ...same, seed: 8 }).text).not.toBe(run(same).text);
});

it('runs on 256 CPUs, where a call takes longer', async () => {
  const calls = { munmaps: 10, variant: 'D', tables: 4 } as const;
  const small = run({ ...calls, cpus: 4 });
  const large = run({ ...calls, cpus: 256 });
  expect(large.summary.flushIpis).toBe(10 * 255);
  expect(large.summary.munmapNs.p50!).toBeGreaterThan(5 * small.summary.munmapNs.p50!);
  const { violated, why } = await replay(large.text);
  expect(violated, why).toEqual([]);
});

describe.each(SIM_BUGS.map((b) => b.name))('broken rule %s', (name) => {
  it('is found', async () => {
    const bug = SIM_BUGS.find((b) => b.name === name)!;
    const variant = bug.needs === 'pages' ? 'A1' : 'C';
    const { violated } = await replay(run({ munmaps: 20, variant }, name).text);
    expect(
      violated.some((id) => bug.violates.includes(id)),
      violated.join(' '),
    ).toBe(true);
  });
});

it('any workload replays without a violation', async () => {
  const workload = fc.record({
    variant: fc.constantFrom(...VARIANTS.map((v) => v.id)),
    cpus: fc.integer({ min: 5, max: 9 }),
    threads: fc.integer({ min: 1, max: 3 }),
    munmaps: fc.integer({ min: 0, max: 12 }),
    tables: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 3, max: 20 })),
    pressure: fc.constantFrom(0, 0.3, 1),
    readers: fc.record({ gup: fc.integer({ min: 0, max: 1 }), rcu: fc.integer({ min: 0, max: 1 }) }),
    rcu: fc.record({ expedited: fc.boolean() }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(workload, async (parts) => {
      const { text, summary } = run(parts);
      const { violated, why } = await replay(text);
      expect(violated, why).toEqual([]);
      expect(summary.tablesFreed).toBe(summary.tablesRemoved);
      expect(summary.munmaps).toBe(parts.munmaps);
    }),
    { numRuns: partOf(50, 15) },
  );
});

describe('a workload that cannot be', () => {
  it.each([
    ['variant: Z', 'w.yaml:1:1: variant must be equal to one of the allowed values'],
    ['cpus: 4\nspeed: 3', "w.yaml:2:1: unknown key 'speed'"],
    ['rcu:\n  hz: fast', 'w.yaml:2:3: rcu.hz must be integer'],
    ['cpus: *none', 'w.yaml: has an alias of nothing'],
    ['cpus: [', 'w.yaml:1'],
  ])('%j names its place', (text, message) => {
    expect(() => parseWorkload(text, 'w.yaml')).toThrow(message);
  });

  it.each([
    [{ variant: 'A1', pv: true }, 'excludes a PV guest'],
    [{ cpus: 2, threads: 3 }, 'each needs a CPU of its own'],
    [{ tables: [5, 2] }, '5 is more than 2'],
  ] as [PartialWorkload, string][])('%j is refused', (parts, message) => {
    expect(() => completeWorkload(parts)).toThrow(message);
  });
});
