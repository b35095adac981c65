import { describe, expect, it } from 'vitest';
import { replayToPage } from '../../cli/html/replay-to-page.js';
import { type AnalyseOptions, analyse } from '../../src/analyse/analyse.js';
import { surroundings } from '../../src/perfetto/near-findings.js';
import type { Result } from '../../src/result/types.js';
import { folder, linesOf, repeated, withoutOneFlush, write } from '../gate/support/traces.js';

const LINES = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
const TIMES = 12;
const late = write(folder(), 'late.txt', [
  ...repeated(LINES, TIMES),
  ...behind(withoutOneFlush(LINES), TIMES),
]);

/** The same recording, `periods` times its length later. */
function behind(lines: readonly string[], periods: number): string[] {
  const all = repeated(lines, periods + 1);
  return all.slice(lines.length * periods);
}

/** The result, and the absolute stamp that relative ones count from. */
async function replayed(): Promise<{ readonly result: Result; readonly base: bigint }> {
  let base = 0n;
  const watch: AnalyseOptions['watch'] = ({ time }) => [
    { recordingEnded: () => void (base = BigInt(time.absolute(0))) },
  ];
  return { result: await analyse({ paths: [late], watch }), base };
}

describe('what happened around a finding', () => {
  it('is drawn wherever in the recording the finding stands', async () => {
    const { result, base } = await replayed();
    const findings = result.invariants.flatMap((i) => i.findings).filter((f) => f.events.length > 1);
    expect(findings.length).toBeGreaterThan(0);
    const near = await surroundings({ paths: [late] }, findings.slice(0, 2), base);
    for (const [i, part] of near.entries()) {
      const { fromNs, toNs, times, slices } = part!;
      expect(times).toEqual(findings[i]!.events.map((e) => Number(BigInt(e.tsNs) - base)));
      expect(slices.length).toBeGreaterThan(0);
      for (const s of slices) expect(s.toNs >= fromNs && s.fromNs <= toNs).toBe(true);
    }
  });

  it('has its times where the input cannot be read again', async () => {
    const { result, base } = await replayed();
    const findings = result.invariants.flatMap((i) => i.findings).slice(0, 1);
    const near = await surroundings({ paths: ['/nowhere'] }, findings, base, false);
    expect(near[0]!.slices).toEqual([]);
    expect(near[0]!.times.length).toBe(findings[0]!.events.length);
  });
});

describe('sums of a page', () => {
  it('are of the whole recording', async () => {
    const one = await replayToPage({ paths: [write(folder(), 'one.txt', LINES)] });
    const many = await replayToPage({ paths: [write(folder(), 'many.txt', repeated(LINES, TIMES))] });
    const tables = (page: string | null): number =>
      Number(/(\d+) page tables, from the hand-over/.exec(page!)![1]);
    expect(tables(many.page)).toBe(TIMES * tables(one.page));
  });
});
