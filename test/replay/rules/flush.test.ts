import { describe, expect, it } from 'vitest';
import { judged } from '../support/replay.js';
import {
  change,
  flush,
  freed,
  insertBefore,
  LOST,
  MUNMAP,
  moveAfter,
  moveBefore,
  munmapRcu,
  munmapSync,
  SPIN_IRQ,
  type Step,
  singleRcu,
  singleSync,
  smpSync,
  step,
  structPage,
  without,
} from '../support/story.js';

type Cycle = (n: number) => Step[];
const between = (cycle: Cycle, odd: readonly Step[]): Step[] => [...cycle(1), ...odd, ...cycle(3)];
const every = (cycle: Cycle, edit: (steps: Step[]) => Step[]): Step[] =>
  [1, 2, 3].flatMap((n) => edit(cycle(n)));
const FLUSH = flush(2, 'tlb_finish_mmu').map((s) => s.label);

describe('I02 tlb-before-free', () => {
  const tableEarly = moveBefore(munmapSync(2), 'table-free', 'request');
  const frameEarly = moveBefore(munmapRcu(2), 'frame-free', 'request');

  it('passes when the flush returns before anything is released', async () => {
    const r = await judged('I02', between(munmapSync, munmapSync(2)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 6, violated: 0, unknown: 0 } });
  });

  it('is violated by a table released before the flush, and inside it', async () => {
    expect((await judged('I02', between(munmapSync, tableEarly))).verdict).toBe('violated');
    const inside = moveBefore(munmapSync(2), 'table-free', 'flushed');
    const r = await judged('I02', between(munmapSync, inside));
    expect(r.verdict).toBe('violated');
    expect(r.findings[0]!.message).toContain('before its flush returned');
  });

  it('is violated by a page of the mm released before the flush', async () => {
    const r = await judged('I02', between(munmapRcu, frameEarly));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
  });

  it('is unknown for a page nobody can tell to be of this mm', async () => {
    const r = await judged('I02', between(munmapRcu, without(frameEarly, 'frame-alloc')));
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
  });

  it('says nothing of a spare table that was withdrawn: no entry ever led to it', async () => {
    const spare = 0x14d001;
    const withdrawn = step(
      'withdrawn',
      MUNMAP,
      `withdraw_ret: (zap_huge_pmd+0x2ba/0x3c0 <- pgtable_trans_huge_withdraw) page=${structPage(spare)}`,
    );
    const released = step('spare-free', MUNMAP, freed(spare));
    const early = (...steps: Step[]): Step[] => insertBefore(munmapSync(2), 'request', ...steps);
    const r = await judged('I02', between(munmapSync, early(withdrawn, released)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 6, violated: 0, unknown: 0 } });
    // Any other page may have been mapped; so may this one, released again.
    const other = await judged('I02', between(munmapSync, early(withdrawn, released, released)));
    expect(other.instances).toMatchObject({ violated: 0, unknown: 1 });
  });

  describe('a page released before the flush of an madvise()', () => {
    /** No table goes; the page does before the flush. */
    const early = moveBefore(without(munmapSync(2), 'unlink', 'table-free'), 'frame-free', 'request');
    const called = (name: string, enter: string): Step[] =>
      change(change(early, 'enter', /.*/, enter), 'exit', 'sys_munmap', name);
    const madvise = (behavior: string): Step[] =>
      called('sys_madvise', `sys_madvise(start: 100000000000, len_in: 200000, behavior: ${behavior})`);
    const verdicts = async (odd: readonly Step[]) => [
      (await judged('I02', between(munmapSync, odd))).instances,
      (await judged('I10', between(munmapSync, odd))).instances,
    ];

    it.each([
      ['MADV_FREE', madvise('8')],
      ['MADV_COLD', madvise('14')],
      ['MADV_PAGEOUT', madvise('15')],
      [
        'MADV_PAGEOUT of process_madvise()',
        called(
          'sys_process_madvise',
          'sys_process_madvise(pidfd: 3, vec: 7ffd0000, vlen: 1, behavior: 15, flags: 0)',
        ),
      ],
      [
        'MADV_FREE as a field',
        called('sys_madvise', 'sys_enter_madvise: start=0x1000 len_in=4096 behavior=8'),
      ],
      ['MADV_FREE by number', called('sys_madvise', 'sys_enter: NR 28 (100000000000, 200000, 8, 0, 0, 0)')],
    ])('%s only marks pages: others had unmapped it', async (_, odd) => {
      for (const instances of await verdicts(odd))
        expect(instances).toMatchObject({ violated: 0, unknown: 0 });
    });

    it('MADV_DONTNEED takes it off', async () => {
      for (const instances of await verdicts(madvise('4'))) expect(instances.violated).toBe(1);
    });

    it('is unknown where what was asked for is not shown', async () => {
      const [instances] = await verdicts(called('sys_madvise', 'sys_madvise()'));
      expect(instances).toMatchObject({ violated: 0, unknown: 1 });
      const [none] = await verdicts(without(early, 'enter', 'exit'));
      expect(none).toMatchObject({ violated: 0, unknown: 1 });
    });

    it('is violated where the gather is seen to unmap', async () => {
      const unmaps = step('unmaps', MUNMAP, 'unmap_vmas: (unmap_vmas+0x4/0x190) tlb=0xffffc9000175bb20');
      const [instances] = await verdicts(insertBefore(without(early, 'enter', 'exit'), 'frame-free', unmaps));
      expect(instances!.violated).toBe(1);
    });
  });

  it('is unknown without the flush probes, and when their lines may be lost', async () => {
    const none = await judged(
      'I02',
      every(munmapSync, (s) => without(s, 'request', 'flushed')),
    );
    expect(none.verdict).toBe('unknown');
    expect(none.reason).toContain('flush_tlb_mm_range');
    const lost = await judged('I02', between(munmapSync, insertBefore(tableEarly, 'table-free', LOST(0))));
    expect(lost).toMatchObject({ verdict: 'unknown', instances: { violated: 0 } });
  });
});

describe('I03 pwc-before-reuse', () => {
  it('passes with a flush of freed tables, observed where every target is shown', async () => {
    const r = await judged('I03', between(munmapSync, munmapSync(2)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 3 }, basis: { observed: 3 } });
  });

  it('is violated by a table released with no flush since its unlink', async () => {
    const r = await judged('I03', between(munmapSync, without(munmapSync(2), ...FLUSH)));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.basis).toBe('inferred (absence)');
  });

  it('is violated by a table that is allocated again before it was released', async () => {
    const r = await judged('I03', between(munmapRcu, moveBefore(munmapRcu(2), 'table-alloc', 'finished')));
    expect(r.verdict).toBe('violated');
    expect(r.findings[0]!.message).toContain('allocated again before it was released');
  });

  it('is unknown at the end of the recording, where the flush probes do not fire again', async () => {
    const r = await judged('I03', [...munmapSync(1), ...without(munmapSync(2), ...FLUSH)]);
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
    expect(r.reason).toContain('the trace ends before its probe fired again');
  });
});

describe('I07 single-path-shape', () => {
  const unsynced = (n: number) => without(singleSync(n), 'sync-send', 'sync-in', 'sync-out');

  it('passes for flush then call_rcu, and for flush, SYNC1, release', async () => {
    expect((await judged('I07', [...between(singleRcu, singleRcu(2)), ...munmapRcu(4)])).verdict).toBe(
      'pass',
    );
    const r = await judged('I07', between(singleSync, singleSync(2)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 3 } });
  });

  it('is violated by a release without SYNC1', async () => {
    const r = await judged('I07', between(singleSync, unsynced(2)));
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
  });

  it('is violated by a release before SYNC1 is answered', async () => {
    const r = await judged('I07', between(singleSync, moveBefore(singleSync(2), 'table-free', 'sync-out')));
    expect(r.verdict).toBe('violated');
    expect(r.findings[0]!.message).toContain('before CPU 1 had answered');
  });

  it('is violated by call_rcu before the flush', async () => {
    const r = await judged('I07', between(singleRcu, moveBefore(singleRcu(2), 'enqueue', 'request')));
    expect(r.verdict).toBe('violated');
  });

  it('is violated by a SYNC1 before call_rcu only under every kernel that does without', async () => {
    const synced = insertBefore(singleRcu(2), 'enqueue', ...smpSync(2));
    const steps = between(singleRcu, synced);
    expect((await judged('I07', steps, { variants: ['C', 'D'] })).verdict).toBe('violated');
    expect((await judged('I07', [...synced, ...munmapRcu(3)], { variants: ['B'] })).verdict).toBe('pass');
    const open = await judged('I07', [...synced, ...munmapRcu(3)], { variants: ['B', 'C'] });
    expect(open.instances.violated).toBe(0);
  });

  it('is unknown where SYNC1 would not be shown', async () => {
    const bare = (s: Step[]) => without(s, 'send', 'handler-in', 'handler-out');
    const r = await judged('I07', every(unsynced, bare));
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 3 } });
    expect(r.reason).toContain('csd:csd_queue_cpu');
  });
});

describe('I09 invalidate-before-callrcu', () => {
  it('passes with a finished flush of freed tables before each call_rcu', async () => {
    const r = await judged('I09', between(munmapRcu, munmapRcu(2)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 3 } });
  });

  it.each([
    ['before the flush', moveBefore(munmapRcu(2), 'enqueue', 'request'), 'with no TLB flush'],
    ['inside the flush', moveBefore(munmapRcu(2), 'enqueue', 'flushed'), 'before its flush returned'],
    ['after one that began before the unlink', moveAfter(munmapRcu(2), 'unlink', 'request'), ''],
    [
      'after one of leaves only',
      change(munmapRcu(2), 'request', 'freed_tables=1', 'freed_tables=0'),
      'freed_tables=0',
    ],
    ['with no flush at all', without(munmapRcu(2), ...FLUSH), 'with no TLB flush'],
  ])('is violated by call_rcu %s', async (_, odd, message) => {
    const r = await judged('I09', between(munmapRcu, odd));
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
    expect(r.findings[0]!.message).toContain(message);
  });

  it('assumes freed_tables where the probe does not print it', async () => {
    const r = await judged(
      'I09',
      every(munmapRcu, (s) => change(s, 'request', ' freed_tables=1', '')),
    );
    expect(r).toMatchObject({ verdict: 'pass', basis: { observed: 0, inferred: 0, assumed: 3 } });
  });

  it('is unknown without flush probes, at the edge, and across loss', async () => {
    const odd = moveBefore(munmapRcu(2), 'enqueue', 'request');
    const none = await judged(
      'I09',
      every(munmapRcu, (s) => without(s, 'request', 'flushed')),
    );
    expect(none).toMatchObject({ verdict: 'unknown', instances: { violated: 0 } });
    expect(none.reason).toContain('flush_tlb_mm_range');
    const first = await judged('I09', [...odd, ...munmapRcu(3)]);
    expect(first).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
    const lost = await judged('I09', between(munmapRcu, insertBefore(odd, 'enqueue', LOST(0))));
    expect(lost).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
  });
});

describe('I10 flush-mmu-order', () => {
  it('passes for flush, call_rcu, release', async () => {
    expect(await judged('I10', between(munmapRcu, munmapRcu(2)))).toMatchObject({ verdict: 'pass' });
  });

  it('is violated by a page released between flush and call_rcu', async () => {
    const r = await judged('I10', between(munmapRcu, moveBefore(munmapRcu(2), 'frame-free', 'enqueue')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
  });

  it('is violated by a page released before the flush has returned', async () => {
    const r = await judged('I10', between(munmapRcu, moveBefore(munmapRcu(2), 'frame-free', 'flushed')));
    expect(r.verdict).toBe('violated');
  });

  it('is unknown for a page that may be of another mm, and without the release probe', async () => {
    const odd = without(moveBefore(munmapRcu(2), 'frame-free', 'enqueue'), 'frame-alloc');
    expect(await judged('I10', between(munmapRcu, odd))).toMatchObject({
      verdict: 'unknown',
      instances: { violated: 0, unknown: 1 },
    });
    const none = await judged(
      'I10',
      every(munmapSync, (s) => without(s, 'frame-free', 'table-free')),
    );
    expect(none.verdict).toBe('unknown');
    expect(none.settledBy.join()).toContain('kmem:mm_page_free');
  });
});

describe('I24 ipi-wait', () => {
  it('passes when the sender returns after the last handler', async () => {
    const r = await judged('I24', between(munmapRcu, munmapRcu(2)));
    expect(r).toMatchObject({ verdict: 'pass', instances: { pass: 3 }, basis: { observed: 3 } });
  });

  it('is violated by a handler that ends after the return', async () => {
    const r = await judged('I24', between(munmapRcu, moveAfter(munmapRcu(2), 'handler-out', 'flushed')));
    expect(r).toMatchObject({ verdict: 'violated', instances: { pass: 2, violated: 1 } });
    expect(r.findings[0]!.message).toContain('before CPU 1 had finished its handler');
  });

  // Its own end is not shown: the one behind the return is of a handler whose request was not shown either.
  const late = moveAfter(munmapRcu(2), 'handler-out', 'flushed');
  const begin = late.find((s) => s.label === 'handler-in')!;
  const handler = late.find((s) => s.label === 'invalidate')!;
  const over: readonly [string, Step][] = [
    [
      'a task',
      step('over', { ...SPIN_IRQ, flags: '.....' }, 'sched_wakeup: comm=a pid=7 prio=120 target_cpu=001'),
    ],
    ['a softirq', step('over', { ...SPIN_IRQ, flags: '..s1.' }, 'rcu_utilization: Start RCU core')],
    ['the end of the interrupt', step('over', SPIN_IRQ, 'call_function_exit: vector=252')],
  ];
  it.each([
    ...over.map(([what, o]) => [`${what}, another handler`, [o, handler]] as const),
    ['its begin', [begin]],
  ] as const)('does not take the end of another handler for it: behind it comes %s', async (_, added) => {
    const goesOn = insertBefore(late, 'handler-out', ...added);
    const r = await judged('I24', between(munmapRcu, goesOn));
    expect(r).toMatchObject({ verdict: 'pass', basis: { observed: 2, inferred: 1 } });
    const begun = insertBefore(without(late, 'invalidate'), 'handler-out', ...added);
    if (added.length > 1) return;
    const unflushed = await judged('I24', between(munmapRcu, begun));
    expect(unflushed).toMatchObject({ verdict: 'unknown', instances: { pass: 2, violated: 0, unknown: 1 } });
  });

  it.each(over)('is violated where behind it comes %s alone: nothing else can have ended', async (_, o) => {
    const r = await judged('I24', between(munmapRcu, insertBefore(late, 'handler-out', o)));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    const before = await judged('I24', between(munmapRcu, insertBefore(late, 'handler-in', o)));
    expect(before).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
  });

  it('nor an end without a begin, where begins are shown', async () => {
    const r = await judged('I24', between(munmapRcu, without(late, 'handler-in', 'invalidate')));
    expect(r).toMatchObject({ verdict: 'unknown', instances: { violated: 0, unknown: 1 } });
    const never = (n: number) => without(n === 2 ? late : munmapRcu(n), 'handler-in', 'invalidate');
    expect((await judged('I24', [...never(1), ...never(2), ...never(3)])).verdict).toBe('violated');
  });

  it('is violated by a target that never runs its handler', async () => {
    const odd = without(munmapRcu(2), 'handler-in', 'invalidate', 'handler-out');
    const r = await judged('I24', between(munmapRcu, odd));
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
  });

  it('takes the handlers themselves where requests are not recorded', async () => {
    const shown = await judged(
      'I24',
      every(munmapRcu, (s) => without(s, 'send', 'handler-in', 'handler-out')),
    );
    expect(shown).toMatchObject({ verdict: 'pass', basis: { inferred: shown.instances.pass } });
    const late = moveAfter(
      without(munmapRcu(2), 'send', 'handler-in', 'handler-out'),
      'invalidate',
      'flushed',
    );
    const others = (n: number) => without(munmapRcu(n), 'send', 'handler-in', 'handler-out');
    expect(await judged('I24', [...others(1), ...late, ...others(3)])).toMatchObject({
      verdict: 'violated',
      instances: { violated: 1 },
    });
  });

  it('is unknown without the csd events, and at the end', async () => {
    const none = await judged(
      'I24',
      every(munmapRcu, (s) => without(s, 'send', 'handler-in', 'invalidate', 'handler-out')),
    );
    expect(none.verdict).toBe('unknown');
    expect(none.settledBy.join()).toContain('csd:csd_queue_cpu');
    const odd = without(munmapRcu(2), 'handler-in', 'invalidate', 'handler-out');
    expect(await judged('I24', [...munmapRcu(1), ...odd])).toMatchObject({
      verdict: 'unknown',
      instances: { violated: 0, unknown: 1 },
    });
  });
});
