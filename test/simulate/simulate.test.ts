import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { simulate } from '../../src/simulate/simulate.js';
import type { SimSummary } from '../../src/simulate/summary.js';
import { completeWorkload, type PartialWorkload } from '../../src/simulate/workload.js';

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
    expect(JSON.stringify(result)).toContain(`"${variant}"`);
    expect(summary.tablesFreed).toBe(summary.tablesRemoved);
    if (process.env['SHOW']) {
      const by: Record<string, string[]> = {};
      for (const [id, v] of verdict) (by[v] ??= []).push(id);
      console.log(
        variant,
        name,
        by['pass']?.join(' '),
        JSON.stringify(result.inputs[0]).slice(0, 600),
        JSON.stringify((result as unknown as Record<string, unknown>)['variant'] ?? Object.keys(result)),
      );
    }
    for (const id of ['I01', 'I10']) expect(verdict.get(id), id).toBe('pass');
  });
});
