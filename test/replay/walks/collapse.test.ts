import { describe, expect, it } from 'vitest';
import { judged } from '../support/replay.js';
import { flush, insertAfter, LOST, munmapRcu, type Step, smpSync, step, tablePfn } from '../support/story.js';
import { collapseFlush, deposit, PMD_PFN, WORKER, withdraw } from './walkers.js';

const T = 0x11b777;
const WRITER = { mmap: '0x3', file: '0x0' };
const mine = (steps: readonly Step[]): Step[] =>
  steps.map((s) => (s.who?.task === 'ptw-munmap-100' ? { ...s, who: WORKER } : s));
const installed: Step = step(
  'install',
  WORKER,
  'huge_install: (map_anon_folio_pmd_nopf+0x4/0x90) folio=0xffffea0004000000 pmdp=0xffff888118cd0010 vma=0xffff888101234560 haddr=0x100000200000',
);
const sync: Step[] = [
  step('sync', WORKER, 'tlb_remove_table_sync_one: (tlb_remove_table_sync_one+0x4/0x20)'),
  ...mine(smpSync(2)),
  step(
    'synced',
    WORKER,
    'tlb_remove_table_sync_one_ret: (collapse_huge_page+0x2e1/0xa40 <- tlb_remove_table_sync_one)',
  ),
];
/** collapse_huge_page(): unlink, flush, IPI to all, deposit, huge entry. */
const collapse = (locks = WRITER, lock = '0x3'): Step[] => [
  collapseFlush(T, locks),
  ...mine(flush(2, 'pmdp_collapse_flush')),
  ...sync,
  deposit(T, lock),
  installed,
];
/** Between others, so that every probe was seen to fire before and after. */
const whole = (middle: readonly Step[]): Step[] => [
  ...mine(munmapRcu(1)),
  ...collapse(),
  withdraw(T),
  ...middle,
  withdraw(T),
  ...collapse(),
  withdraw(T),
  ...mine(munmapRcu(3)),
];
const but = (...labels: string[]): Step[] => collapse().filter((s) => !labels.includes(s.label));
const verdict = async (id: string, middle: readonly Step[]) => (await judged(id, whole(middle))).instances;
const FLUSH = ['request', 'multi', 'send', 'handler-in', 'invalidate', 'handler-out', 'flushed'];

describe('I18 unlink-locks, at pmdp_collapse_flush()', () => {
  it.each([
    ['mmap_lock held for writing', { mmap: '0x3', file: '0x0' }, 3],
    ['the i_mmap lock held by a reader', { mmap: '0x100', file: '0x100' }, 3],
    ['mmap_lock held by readers only', { mmap: '0x100', file: '0x0' }, 2],
    ['what is no lock word behind a file mapping', { mmap: '0x100', file: '0xffff888101230001' }, 2],
  ])('%s', async (_, locks, passes) => {
    expect(await verdict('I18', collapse(locks))).toMatchObject({
      pass: passes,
      violated: 0,
      unknown: 3 - passes,
    });
  });
});

describe('I21 no-mixed-size', () => {
  it('passes where the flush comes before the huge entry, and is violated without it', async () => {
    expect(await verdict('I21', collapse())).toMatchObject({ pass: 3, violated: 0 });
    expect(await verdict('I21', but(...FLUSH))).toMatchObject({ pass: 2, violated: 1 });
  });

  it('is unknown where the flush may have been lost', async () => {
    const lost = insertAfter(but(...FLUSH), 'unlink', LOST(0));
    expect(await verdict('I21', lost)).toMatchObject({ violated: 0 });
  });
});

describe('I22 deposit-only-after-sync', () => {
  it('passes behind flush and IPI, under the lock', async () => {
    expect(await verdict('I22', collapse())).toMatchObject({ pass: 3, violated: 0 });
  });

  it.each([
    ['a flush', FLUSH],
    ['an IPI to all CPUs', ['sync', 'sync-send', 'sync-in', 'sync-out', 'synced']],
  ])('is violated without %s', async (_, labels) => {
    expect(await verdict('I22', but(...labels))).toMatchObject({ pass: 2, violated: 1 });
  });

  it('is violated where mmap_lock is not held for writing', async () => {
    expect(await verdict('I22', collapse(WRITER, '0x100'))).toMatchObject({ pass: 2, violated: 1 });
  });
});

describe('I13 rcu-head-union', () => {
  it('passes for tables that no call_rcu holds', async () => {
    expect(await verdict('I13', [])).toMatchObject({ pass: 2, violated: 0 });
  });

  it('is violated where a table is deposited while its call_rcu is pending', async () => {
    const pending = mine(munmapRcu(2)).flatMap((s) =>
      s.label === 'gp-start' ? [deposit(tablePfn(2)), withdraw(tablePfn(2)), s] : [s],
    );
    expect(await verdict('I13', pending)).toMatchObject({ pass: 2, violated: 1 });
  });
});

describe('I15 deposits-zapped', () => {
  const handOver = step(
    'pmd',
    WORKER,
    `pmd_free_tlb: (___pmd_free_tlb+0x4/0x80) tlb=0xffffc90000123d00 mm=0xffff888100051300 pmd=0x${(0xffff888000000000n + BigInt(PMD_PFN) * 4096n).toString(16)}`,
  );

  it('passes where every deposit of the PMD table was withdrawn', async () => {
    expect(await verdict('I15', [deposit(T), withdraw(T), handOver])).toMatchObject({ pass: 1, violated: 0 });
  });

  it('is violated where one is left, through whichever entry it came', async () => {
    const other = `0x${(0xffff888000000000n + BigInt(PMD_PFN) * 4096n + 512n).toString(16)}`;
    expect(await verdict('I15', [deposit(T + 1, '0x1', other), handOver])).toMatchObject({
      pass: 0,
      violated: 1,
    });
  });
});
