import { describe, expect, it } from 'vitest';
import { judged } from '../support/replay.js';
import {
  type Actor,
  address,
  change,
  flush,
  insertBefore,
  MM,
  MUNMAP,
  munmapRcu,
  type Step,
  step,
  structPage,
  without,
} from '../support/story.js';
import { lockedWalk } from './walkers.js';

const FLUSH = ['request', 'multi', 'send', 'handler-in', 'invalidate', 'handler-out', 'flushed'];
/** Between others; every end of a gather prints what a level with BTF reads of the mm. */
const whole = (middle: readonly Step[]): Step[] =>
  [...munmapRcu(1), ...middle, ...munmapRcu(3)].map((s) =>
    s.label === 'finish' && !s.rest.includes('nsub=') ? { ...s, rest: `${s.rest} nsub=0x0 pend=1` } : s,
  );
const verdict = async (id: string, middle: readonly Step[]) => (await judged(id, whole(middle))).instances;
const unmap = step('unmap', MUNMAP, 'unmap_vmas: (unmap_vmas+0x4/0x1b0) tlb=0xffffc90000123d00');

describe('I28 flush-before-ptl-drop, by page-table locks', () => {
  const T = 0x11c111;
  const ptl = `0x${(BigInt(structPage(T)) + 40n).toString(16)}`;
  const lock = (what: string): Step => step(what, MUNMAP, `${what}: (_raw_${what}+0x4/0x40) lock=${ptl}`);
  const call = (name: string): Step => step(name, MUNMAP, name);
  const moved = (middle: readonly Step[]): Step[] => [
    call(
      'sys_mremap(addr: 100000000000, old_len: 200000, new_len: 200000, flags: 3, new_addr: 110000000000)',
    ),
    ...lockedWalk(MUNMAP, MM, T, T).begins,
    lock('spin_lock'),
    ...lockedWalk(MUNMAP, MM, T, T).returns,
    ...middle,
    lock('spin_unlock'),
    call('sys_mremap -> 0x110000000000'),
  ];

  it('passes where the flush comes before the lock is dropped', async () => {
    expect(await verdict('I28', moved(flush(2, 'move_page_tables', 0)))).toMatchObject({
      pass: 1,
      violated: 0,
    });
  });

  it('says nothing where nothing is flushed under the lock: nothing may have been moved', async () => {
    expect(await verdict('I28', moved([]))).toMatchObject({ pass: 0, violated: 0 });
  });
});

describe('I30 pfnmap-flush-before-vma-unlink, by vm_flags', () => {
  const off = (flags: string): Step =>
    step(
      'off-file',
      MUNMAP,
      `unlink_file_vma: (unlink_file_vma_batch_add+0x4/0x80) vma=0xffff888101234560 vm_flags=${flags}`,
    );
  const gather = (middle: readonly Step[]): Step[] =>
    munmapRcu(2).flatMap((s) => (s.label === 'unlink' ? [unmap, ...middle, s] : [s]));

  it('passes behind a flush, for mappings of bare frames only', async () => {
    const flushed = flush(2, 'zap_page_range_single', 0);
    expect(await verdict('I30', gather([...flushed, off('0x44644fb')]))).toMatchObject({
      pass: 1,
      unknown: 0,
    });
    expect(await verdict('I30', gather([...flushed, off('0x8000075')]))).toMatchObject({
      pass: 0,
      unknown: 0,
    });
  });

  it('is open without one: whether anything was mapped is not shown', async () => {
    expect(await verdict('I30', gather([off('0x44644fb')]))).toMatchObject({
      pass: 0,
      violated: 0,
      unknown: 1,
    });
  });

  it('leaves the vvar mapping of a process that exits alone', async () => {
    const exits = [
      step('exits', MUNMAP, `exit_mmap: (exit_mmap+0x4/0x390) mm=${MM}`),
      ...gather([off('0x44644fb')]),
      step('exited', MUNMAP, 'exit_mmap_ret: (__mmput+0x3f/0x140 <- exit_mmap)'),
    ];
    expect(await verdict('I30', exits)).toMatchObject({ pass: 0, violated: 0, unknown: 0, censored: 0 });
  });
});

describe('I33 secondary-mmu, by notifier_subscriptions', () => {
  const subscribed = (value: string): Step[] =>
    change(insertBefore(munmapRcu(2), 'unlink', unmap), 'finish', /$/, ` nsub=${value} pend=1`);

  it('passes where nobody is subscribed, or whoever is was told', async () => {
    expect(await verdict('I33', subscribed('0x0'))).toMatchObject({ pass: 3, unknown: 0 });
    const told = step(
      'told',
      MUNMAP,
      'mmu_notifier_start: (__mmu_notifier_invalidate_range_start+0x4/0x200)',
    );
    const steps = insertBefore(subscribed('0xffff888101010100'), 'unlink', told);
    expect(await verdict('I33', steps)).toMatchObject({ pass: 3, unknown: 0 });
  });

  it('is open where somebody is and no call is seen', async () => {
    expect(await verdict('I33', subscribed('0xffff888101010100'))).toMatchObject({ pass: 2, unknown: 1 });
  });
});

describe('I35 unshare-sync, by huge_pmd_unshare', () => {
  const left = (middle: readonly Step[]): Step[] => [
    step('enter', MUNMAP, 'sys_munmap(addr: 100000000000, len: 40000000)'),
    step('unshare', MUNMAP, 'unshare: (huge_pmd_unshare+0x4/0xe0)'),
    step('unshared', MUNMAP, 'unshare_ret: (__unmap_hugepage_range+0x12e/0x4a0 <- huge_pmd_unshare) ret=1'),
    ...middle,
    step('exit', MUNMAP, 'sys_munmap -> 0x0'),
  ];

  it('passes behind a flush, and is violated where the call returns without one', async () => {
    expect(await verdict('I35', left(flush(2, 'tlb_finish_mmu')))).toMatchObject({ pass: 1, violated: 0 });
    expect(await verdict('I35', left([]))).toMatchObject({ pass: 0, violated: 1 });
  });
});

describe('I29 flush-before-return, by probes', () => {
  it('passes where tables are flushed before the call returns', async () => {
    expect(await verdict('I29', munmapRcu(2))).toMatchObject({ pass: 3, violated: 0 });
  });

  it('is violated where the call returns before the table it unlinked is flushed', async () => {
    const unflushed = without(munmapRcu(2), ...FLUSH);
    expect(await verdict('I29', unflushed)).toMatchObject({ pass: 2, violated: 1 });
  });

  const OTHER: Actor = { task: 'ptw-other-103', cpu: 1, flags: '.....' };
  const tlb = (who: Actor, what: 'begin' | 'end', pending: number): Step[] => {
    const at = `tlb=0xffffc900009${who.cpu}7d00 mm=${MM}`;
    if (what === 'begin') return [step('begins', who, `tlb_gather_mmu: (tlb_gather_mmu+0x4/0x70) ${at}`)];
    const range = 'start=0xffffffffffffffff end=0x0 flags=0x0';
    return [
      step(
        'ends',
        who,
        `tlb_finish_mmu: (tlb_finish_mmu+0x4/0x160) ${at} batch=${address(0)} ${range} nsub=0x0 pend=${pending}`,
      ),
      step('ended', who, 'tlb_finish_mmu_ret: (zap_page_range_single+0x11a/0x130 <- tlb_finish_mmu)'),
    ];
  };
  /** A madvise that finds nothing to remove, beside one of another thread; `flushes`: it flushes all the same. */
  const beside = (otherEnds: 'before' | 'after', flushes: boolean, pending = 2): Step[] => {
    const [ends, ended] = tlb(MUNMAP, 'end', pending);
    const other = tlb(OTHER, 'end', 1);
    return [
      ...tlb(OTHER, 'begin', 0),
      ...tlb(MUNMAP, 'begin', 0),
      ends!,
      ...(flushes ? flush(2, 'tlb_finish_mmu') : []),
      ...(otherEnds === 'before' ? other : []),
      ended!,
      ...(otherEnds === 'after' ? other : []),
    ];
  };

  it('passes where a gather that is not alone flushes, though it found nothing', async () => {
    expect(await verdict('I29', beside('after', true))).toMatchObject({ pass: 3, violated: 0 });
  });

  it('is violated where it does not', async () => {
    expect(await verdict('I29', beside('after', false))).toMatchObject({ pass: 2, violated: 1 });
  });

  it('is no matter where the other has ended meanwhile, or the kernel sees no other', async () => {
    expect(await verdict('I29', beside('before', false))).toMatchObject({ pass: 2, violated: 0 });
    expect(await verdict('I29', beside('after', false, 1))).toMatchObject({ pass: 2, violated: 0 });
  });
});
