import { type Actor, address, eventLine, type Step, step, structPage } from '../support/story.js';

// What probes of `record --level readers` print, by hand. Knows nothing of `src`.

export const PAGEMAP: Actor = { task: 'rd-pagemap-201', cpu: 2, flags: '.....' };
export const MINCORE: Actor = { task: 'rd-mincore-202', cpu: 3, flags: '.....' };
export const WORKER: Actor = { task: 'wk-collapse-200', cpu: 0, flags: '.....' };
export const SHARER: Actor = { task: 'wk-sharer-203', cpu: 1, flags: '.....' };
export const idle = (cpu: number): Actor => ({ task: '<idle>-0', cpu, flags: 'd..2.' });
export const interrupted = (who: Actor): Actor => ({ ...who, flags: 'd.h1.' });

export const PMD_PFN = 0x118cd0;
/** A PMD entry's address, and what it holds while it points to table `pfn`. */
export const slot = (index = 2): string =>
  `0x${(BigInt(address(PMD_PFN)) + BigInt(index) * 8n).toString(16)}`;
const entry = (pfn: number): string => `0x${(pfn * 4096 + 0x67).toString(16)}`;
const VA = '0x100000003000';

export const rcuLock = (who: Actor): Step =>
  step('rcu-lock', who, 'rcu_read_lock: (__rcu_read_lock+0x4/0x30)');
export const rcuUnlock = (who: Actor): Step =>
  step('rcu-unlock', who, 'rcu_read_unlock: (__rcu_read_unlock+0x4/0x30)');

/** `pte_offset_map()` that finds table `pfn`: its section stays open. `at`: address of the PMD entry. */
export const walk = (who: Actor, pfn: number, at = slot()): Step[] => [
  step('lookup', who, `pte_map: (__pte_offset_map+0x4/0x100) pmd=${at} addr=${VA} pmdv=${entry(pfn)}`),
  rcuLock(who),
  step(
    'found',
    who,
    `pte_map_ret: (walk_pmd_range+0x46/0x120 <- __pte_offset_map) pte=0x${(BigInt(address(pfn)) + 24n).toString(16)}`,
  ),
];

/** `pte_offset_map_lock()`; `got`: null where the recheck refuses. */
export const lockedWalk = (
  who: Actor,
  mm: string,
  pfn: number,
  got: number | null,
): { begins: Step[]; returns: Step[] } => ({
  begins: [
    step(
      'lock-lookup',
      who,
      `pte_map_lock: (pte_offset_map_lock+0x4/0x120) mm=${mm} pmd=${slot()} addr=${VA} pmdv=${entry(pfn)}`,
    ),
    ...walk(who, pfn),
  ],
  returns: [
    ...(got === null ? [rcuUnlock(who)] : []),
    step(
      'lock-returns',
      who,
      `pte_map_lock_ret: (do_anonymous_page+0x40d/0x9f0 <- pte_offset_map_lock) pte=${got === null ? '0x0' : `0x${(BigInt(address(got)) + 24n).toString(16)}`}`,
    ),
    ...(got === null ? [] : [rcuUnlock(who)]),
  ],
});

/** Grace period by the probes on rcu_gp_init() and rcu_gp_cleanup(). */
export const gpStarts = (who: Actor, seq: number): Step[] => [
  step('gp-init', who, `rcu_gp_init: (rcu_gp_init+0x4/0x600) gp_seq=${seq}`),
  step(
    'gp-started',
    who,
    `rcu_gp_init_ret: (rcu_gp_kthread+0x5c/0x110 <- rcu_gp_init) ret=1 gp_seq=${seq + 1}`,
  ),
];
export const gpEnds = (who: Actor, seq: number): Step[] => [
  step('gp-cleanup', who, `rcu_gp_cleanup: (rcu_gp_cleanup+0x4/0x500) gp_seq=${seq + 1}`),
  step('gp-over', who, `rcu_gp_cleanup_ret: (rcu_gp_kthread+0xd5/0x110 <- rcu_gp_cleanup) gp_seq=${seq + 4}`),
];

export const collapseFlush = (pfn: number, locks: { mmap: string; file: string }, at = slot()): Step =>
  step(
    'unlink',
    WORKER,
    `collapse_flush: (pmdp_collapse_flush+0x4/0x60) vma=0xffff888101234560 addr=0x100000200000 pmdp=${at} pmdv=${entry(pfn)} mm=0xffff888100051300 mmlock=${locks.mmap} anonlock=0x0 imaplock=${locks.file}`,
  );

export const deposit = (pfn: number, lock = '0x1', at = slot()): Step =>
  step(
    'deposit',
    WORKER,
    `deposit: (pgtable_trans_huge_deposit+0x4/0x90) mm=0xffff888100051300 pmdp=${at} page=${structPage(pfn)} mmlock=${lock}`,
  );
export const withdraw = (pfn: number): Step =>
  step(
    'withdraw',
    WORKER,
    `withdraw_ret: (zap_huge_pmd+0x12a/0x2c0 <- pgtable_trans_huge_withdraw) page=${structPage(pfn)}`,
  );

const HEADER = '# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:4\n#\n';

/** As text, with stamps of its own where the clock matters: [µs, step]. */
export const stamped = (steps: readonly (readonly [number, Step])[]): string =>
  HEADER + steps.map(([us, s]) => `${eventLine(s.who!, us, s.rest)}\n`).join('');
