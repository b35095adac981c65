import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/latency/statistics/resampling.js';
import { drawnFailures, failingPart } from '../../src/what-if/memory.js';
import type { Policy } from '../../src/what-if/policy.js';
import type { GatherRec } from '../../src/what-if/recorded.js';
import { ofFile } from './support/run.js';

const policy = (leaf: 'pages' | 'batch'): Policy => ({ leaf, single: [] }) as unknown as Policy;
const gather = (single: readonly boolean[], batchCalls: number): GatherRec =>
  ({
    levels: single.map(() => 1),
    single,
    batchCalls,
    pages: 0,
    flushes: [],
    firstRound: 0,
  }) as unknown as GatherRec;

describe('failed asks for memory under another kernel', () => {
  test('are drawn only where some failed and some did not', () => {
    const [from, to] = [policy('batch'), policy('pages')];
    const some = [gather([true, false, false], 1), gather([false, false], 1)];
    expect(failingPart(some, from, to)).toBeCloseTo(1 / 3);
    expect(failingPart(some, from, from)).toBeNull();
    expect(failingPart([gather([true, true], 0)], from, to)).toBeNull();
    expect(failingPart([gather([false, false], 1)], from, to)).toBeNull();
  });

  test('as often as recorded', () => {
    const drawn = drawnFailures(10_000, 0.4, seededRandom(1)).filter((f) => f).length;
    expect(drawn).toBeGreaterThan(3800);
    expect(drawn).toBeLessThan(4200);
  });

  test('where all asks failed nothing is drawn, and intervals are given', async () => {
    const { report } = await ofFile('6.12.117-lab-n/slowpath-failpagealloc.txt.gz', 'C');
    expect(report.notes.join()).toContain('nearly all that asked');
    expect(report.series[0]!.shift.mean.low).not.toBeNull();
  });

  test('where only steps of the free path change, that is said', async () => {
    const { report } = await ofFile('6.12.117-lab-n/gup-munmap.txt.gz', 'C');
    expect(report.notes.join()).toContain('hardly ever better than "no change"');
    const { report: more } = await ofFile('6.12.117-lab-n/slowpath-failpagealloc.txt.gz', 'C');
    expect(more.notes.join()).not.toContain('hardly ever better than "no change"');
  });
});
