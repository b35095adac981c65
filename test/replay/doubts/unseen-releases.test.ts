import { describe, expect, it } from 'vitest';
import { replayFixtures } from '../damage/fixtures.js';
import { replayLines, report, violatedIds } from '../support/replay.js';

// A single line taken out, where other lines show that it was there.

const { lines } = replayFixtures().find(
  ({ name }) => name === '6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz',
)!;
const find = (what: string, from = 0): number => {
  const at = lines.findIndex((line, i) => i >= from && line.includes(what));
  expect(at).toBeGreaterThanOrEqual(0);
  return at;
};
const without = (...at: number[]): string[] => lines.filter((_, i) => !at.includes(i));

describe('a table whose release by its callback is not shown', () => {
  const PFN = 'pfn=0x7e97e ';
  const first = find(`mm_page_free: page=ffffea0001fa5f80 ${PFN}`);
  const again = find(`mm_page_alloc: page=ffffea0001fa5f80 ${PFN}`, first);
  const release = find(`mm_page_free: page=ffffea0001fa5f80 ${PFN}`, again);
  const reuse = find(`mm_page_alloc: page=ffffea0001fa5f80 ${PFN}`, release);

  it('was released, where it is allocated again', async () => {
    const result = await replayLines(without(release));
    expect(violatedIds(result)).toEqual([]);
    const unknowns = (id: string) => report(result, id).unknowns.map((u) => u.reason);
    expect(unknowns('I12').join()).toContain('the line of its release is missing');
    expect(unknowns('I03').join()).toContain('allocated again once its callback has run');
  });

  it('was not, where it never is', async () => {
    expect(violatedIds(await replayLines(without(release).slice(0, reuse - 1)))).toEqual(['I12']);
  });

  it('is in use, where it is allocated before its callback runs', async () => {
    const queued = find('call_rcu: ', again);
    const handedOver = find('page=0xffffea0001fa5f80', find('pte_free_tlb', again));
    expect(handedOver).toBeLessThan(release);
    const early = [...lines];
    const call = find('tlb_remove_table_rcu', Math.max(queued, handedOver));
    const stamp = /\d+\.\d{6}(?=: )/.exec(lines[call]!)![0];
    early.splice(call + 1, 0, lines[reuse]!.replace(/\d+\.\d{6}(?=: )/, stamp));
    expect(violatedIds(await replayLines(early.filter((line) => line !== lines[reuse])))).toContain('I03');
  });
});

describe('a callback that is not shown to be invoked', () => {
  const HEAD = 'rhp=ffff8881023c9408 func=mt_free_rcu';
  const invoked = find(`rcu_invoke_callback: rcu_preempt ${HEAD}`);
  const batchEnd = find('rcu_batch_end', invoked);

  it('was, where the end of its batch counts one more than are shown', async () => {
    const result = await replayLines(without(invoked));
    expect(violatedIds(result)).toEqual([]);
  });

  it('was not, where the count is that of those shown', async () => {
    const fewer = lines.map((line, i) =>
      i === batchEnd
        ? line.replace(/CBs-invoked=(\d+)/, (_, n: string) => `CBs-invoked=${Number(n) - 1}`)
        : line,
    );
    fewer.splice(invoked, 1);
    expect(violatedIds(await replayLines(fewer))).toContain('I11');
  });
});

describe('a table that is released twice without an allocation between', () => {
  const found = replayFixtures().find(({ name }) => name === 'debian-6.16.12/ftrace-kprobes-nohash.txt.gz')!;

  it('says with another contradiction that a middle was cut out', async () => {
    const [from, to] = [found.lines.length * 0.45, found.lines.length * 0.55];
    const cut = found.lines.filter((line, i) => line.startsWith('#') || i < from || i > to);
    expect(violatedIds(await replayLines(cut))).toEqual([]);
  });

  it('alone is a violation', async () => {
    const at = find('mm_page_free: page=ffffea0001fa5f80 ', find('mm_page_alloc: page=ffffea0001fa5f80 '));
    const twice = [...lines];
    twice.splice(at, 0, lines[at]!);
    expect(violatedIds(await replayLines(twice))).toEqual(['I12']);
  });
});
