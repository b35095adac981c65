import { describe, expect, it } from 'vitest';
import { judged, replayStory, report } from '../support/replay.js';
import { insertAfter, insertBefore, munmapRcu, RCU_TASK, type Step, tablePfn } from '../support/story.js';
import { gpEnds, gpStarts, PAGEMAP, rcuUnlock, walk } from './walkers.js';

const SEQ = (n: number): number => 8396 + 4 * n;
/** A munmap of a kernel without RCU_TRACE, its grace period shown by rcu_gp_init() and rcu_gp_cleanup(). */
const munmap = (n: number, seq = SEQ(n)): Step[] =>
  munmapRcu(n).flatMap((s) => {
    if (s.label === 'gp-start') return gpStarts(RCU_TASK, seq);
    if (s.label === 'gp-end') return gpEnds(RCU_TASK, seq);
    return s.label === 'enqueue-traced' || s.label === 'invoke' ? [] : [s];
  });
const whole = (middle: readonly Step[]): Step[] => [...munmap(1), ...middle, ...munmap(3)];
const reader = (enters: string, leaves: string): Step[] =>
  insertBefore(insertBefore(munmap(2), enters, ...walk(PAGEMAP, 0x77777)), leaves, rcuUnlock(PAGEMAP));

describe('grace periods by kprobes', () => {
  it('decide I36 and I41', async () => {
    const result = await replayStory(whole(munmap(2)));
    expect(report(result, 'I36')).toMatchObject({ verdict: 'pass', instances: { pass: 3 } });
    expect(report(result, 'I41').verdict).toBe('pass');
  });

  it('I36 is violated by a callback without a grace period, I41 by a number that goes back', async () => {
    const none = munmap(2).filter((s) => !s.label.startsWith('gp-'));
    expect((await judged('I36', whole(none), { kernel: '6.12.118' })).instances.violated).toBe(1);
    expect((await judged('I41', whole(munmap(2, SEQ(1) - 8)))).instances.violated).toBeGreaterThan(0);
  });

  it('I41 knows by the next number that one is over, whichever probe shows it', async () => {
    const without = (label: string): Step[] => whole(munmap(2)).filter((s) => s.label !== label);
    for (const label of ['gp-cleanup', 'gp-over'])
      expect((await judged('I41', without(label))).instances, label).toMatchObject({ pass: 3, violated: 0 });
  });

  it('I40 passes where readers of before the start are out at the end, and is violated otherwise', async () => {
    expect((await judged('I40', whole(reader('gp-init', 'gp-cleanup')))).instances).toMatchObject({
      violated: 0,
    });
    expect((await judged('I40', whole(reader('gp-init', 'callback')))).instances).toMatchObject({
      violated: 1,
    });
    // It began when the grace period had: nobody waits for it.
    expect((await judged('I40', whole(reader('gp-cleanup', 'callback')))).instances).toMatchObject({
      violated: 0,
    });
  });

  it('I37 is violated where a reader of before call_rcu is still inside when the callback runs', async () => {
    expect((await judged('I37', whole(reader('enqueue', 'gp-over')))).instances).toMatchObject({
      violated: 0,
    });
    expect((await judged('I37', whole(reader('enqueue', 'called')))).instances).toMatchObject({
      violated: 1,
    });
  });

  it('I36, I37, I40, I05: a release by the task itself after the IPIs shows who was inside', async () => {
    // What a kernel would print that frees a table after its IPIs although walkers only take rcu_read_lock.
    const early = insertAfter(
      insertBefore(munmap(2), 'unlink', ...walk(PAGEMAP, tablePfn(2))),
      'frame-free',
      ...munmap(2)
        .filter((s) => s.label === 'table-free')
        .map((s) => ({ ...s, who: munmap(2)[0]!.who })),
      rcuUnlock(PAGEMAP),
    ).filter((s, i, all) => s.label !== 'table-free' || i < all.findIndex((x) => x.label === 'gp-init'));
    expect((await judged('I05', whole(early))).instances.violated).toBe(1);
  });
});
