import { allocated, freed, insertAfter, insertBefore, moveBefore, step, without } from '../support/story.js';
import type { NearCase } from './cases.js';
import { broadcast, gens, handOver, inner, nested, of, page, retract, retracts, single } from './paths.js';
import {
  among,
  flush,
  INNER_TLB,
  khugepaged,
  low,
  MM,
  probe,
  RUNNING,
  rangeOf,
  rcu,
  returns,
  TLB,
  tablePfn,
  task,
  WHOLE,
  write,
} from './steps.js';

/** Gathers in each other, collapse and retract, huge pages, reclaim, exit. */

export const GATHERS: readonly NearCase[] = [
  // gathers in each other
  { name: 'gather in a gather', text: of(nested(rcu({ n: 3, gen: 6 }), inner(5)), gens) },
  {
    name: 'two gathers in a gather',
    text: of(
      nested(
        nested(rcu({ n: 3, gen: 7 }), inner(5)),
        inner(6).map((s) => ({ ...s, rest: s.rest.replaceAll('347a10', '347900') })),
      ),
      (c) => rcu({ ...c, gen: c.n * 3 - 2 }),
    ),
  },
  {
    name: 'handed to the outer one once the inner one has ended',
    text: of(insertAfter(nested(rcu({ n: 3, gen: 6 }), inner(5)), 'inner-done'), gens),
  },
  {
    name: 'handed to the inner one that has ended',
    text: of(
      insertAfter(nested(rcu({ n: 3, gen: 6 }), inner(5)), 'inner-done', ...handOver('late', INNER_TLB, 90)),
      gens,
    ),
    wrong: ['I49'],
  },
  {
    name: 'handed over behind the gather',
    text: of(insertAfter(rcu({ n: 3 }), 'finished', ...handOver('late', TLB, 90))),
    wrong: ['I49'],
  },
  {
    name: 'the same table handed over twice',
    text: of(insertAfter(rcu({ n: 3 }), 'append0', ...handOver('more', TLB, 3))),
    wrong: ['I14', 'I13', 'I12'],
  },
  // collapse and retract
  { name: 'retract', text: retracts(retract(3)) },
  {
    name: 'retract, queued before its flush',
    text: retracts(moveBefore(moveBefore(retract(3), 'defer', 'request'), 'enqueue', 'request')),
    wrong: ['I09', 'I18', 'I02', 'I03'],
  },
  {
    name: 'retract, released before its callback',
    text: retracts(moveBefore(retract(3), 'free', 'gp-start')),
    wrong: ['I04', 'I12', 'I38', 'I03'],
  },
  {
    name: 'retract, callback without a grace period',
    text: retracts(without(retract(3), 'gp-start', 'gp-end')),
    wrong: ['I36'],
    kernel: '6.18',
  },
  {
    name: 'retract beside munmap() of the same process',
    text: write([
      ...RUNNING,
      ...rcu({ n: 1 }),
      ...insertBefore(
        rcu({ n: 2, gen: 3 }),
        'finish',
        ...retract(3).map((s) => ({ ...s, rest: s.rest.replace('new_tlb_gen=3', 'new_tlb_gen=2') })),
      ),
      ...rcu({ n: 4 }),
      ...retract(5),
    ]),
  },
  // THP
  {
    name: 'table withdrawn at a split, and installed again',
    text: of([
      probe(
        'deposit',
        khugepaged,
        'pgtable_trans_huge_deposit',
        `mm=${MM} pmdp=0xffff888110000018 pgtable=${page(3)}`,
      ),
      ...rcu({ n: 2, gen: 3 }).slice(0, 0),
      returns(
        'withdraw',
        task(1),
        'pgtable_trans_huge_withdraw',
        '__split_huge_pmd_locked',
        `page=${page(3)}`,
      ),
      ...without(rcu({ n: 3 }), 'alloc0', 'birth0'),
    ]),
  },
  {
    name: 'table of a huge page released with it',
    text: of(
      insertBefore(
        insertBefore(rcu({ n: 3 }), 'pgd', step('deposited', task(0), freed(tablePfn(60)))),
        'enter',
        step('made', task(0), allocated(tablePfn(60), 'GFP_PGTABLE_USER')),
        returns('made-ret', task(0), 'pte_alloc_one', 'do_huge_pmd_anonymous_page', `page=${page(60)}`),
      ),
    ),
  },
  {
    name: 'table never put into place',
    text: of([
      step('a', task(0), allocated(tablePfn(61), 'GFP_PGTABLE_USER')),
      returns('b', task(0), 'pte_alloc_one', '__pte_alloc', `page=${page(61)}`),
      step('c', task(0), freed(tablePfn(61))),
      ...rcu({ n: 3 }),
    ]),
  },
  // reclaim, hugetlb, exit
  {
    name: 'reclaimed table released after an IPI to all CPUs',
    text: write([
      ...RUNNING,
      ...rcu({ n: 1 }),
      ...rcu({ n: 2 }),
      ...insertBefore(
        single(3)
          .map((s) =>
            s.label === 'enter'
              ? { ...s, rest: `sys_madvise(start: 0x${low(3).toString(16)}, len_in: 0x200000, behavior: 4)` }
              : s.label === 'exit'
                ? { ...s, rest: 'sys_madvise -> 0x0' }
                : s,
          )
          .filter((s) => s.label !== 'pgd' && s.label !== 'pgd-done'),
        'unlink0',
        returns('reclaimed', task(0), 'try_get_and_clear_pmd', 'try_to_free_pte', 'ret=0x1'),
      ).flatMap((s) =>
        s.label === 'append0'
          ? [
              s,
              ...flush({ gen: 3, range: rangeOf(3), from: 'tlb_remove_table' }),
              ...broadcast(),
              step('free0', task(0), freed(tablePfn(3))),
            ]
          : [s],
      ),
      ...rcu({ n: 4 }),
      ...rcu({ n: 5 }),
    ]),
    wrong: ['I06', 'I07', 'I04', 'I12'],
  },
  {
    name: 'hugetlb: table unshared, flushed, all CPUs asked',
    text: of([
      step('enter', task(0), `sys_munmap(addr: 0x${low(3).toString(16)}, len: 0x200000)`),
      probe('gather', task(0), 'tlb_gather_mmu', `tlb=${TLB} mm=${MM}`),
      probe('unshare', task(0), 'huge_pmd_unshare'),
      returns('unshared', task(0), 'huge_pmd_unshare', '__unmap_hugepage_range', 'ret=0x1'),
      ...flush({ gen: 3, range: rangeOf(3), freedTables: 0, from: 'huge_pmd_unshare_flush' }),
      ...broadcast(),
      probe(
        'finish',
        task(0),
        'tlb_finish_mmu',
        `tlb=${TLB} mm=${MM} batch=0x0 start=0x7ffffffff000 end=0x0 flags=0x0`,
      ),
      returns('finished', task(0), 'tlb_finish_mmu', 'unmap_region'),
      step('exit', task(0), 'sys_munmap -> 0x0'),
    ]),
  },
  {
    name: 'hugetlb: table unshared, no flush',
    text: write([
      ...among(rcu, [
        step('enter', task(0), `sys_munmap(addr: 0x${low(3).toString(16)}, len: 0x200000)`),
        probe('unshare', task(0), 'huge_pmd_unshare'),
        returns('unshared', task(0), 'huge_pmd_unshare', '__unmap_hugepage_range', 'ret=0x1'),
        step('exit', task(0), 'sys_munmap -> 0x0'),
      ]),
    ]),
    wrong: ['I35'],
  },
  {
    name: 'exit beside a fork',
    text: write([
      ...RUNNING,
      ...rcu({ n: 1 }),
      step('fork', task(1), 'sched_process_fork: comm=app pid=101 child_comm=app child_pid=200'),
      ...rcu({ n: 2 }),
      probe('ends', task(0), 'exit_mmap', `mm=${MM}`),
      ...without(rcu({ n: 3 }), 'enter', 'exit').map((s) => ({
        ...s,
        rest: s.rest
          .replace('tlb_gather_mmu: (tlb_gather_mmu', 'tlb_gather_mmu_fullmm: (tlb_gather_mmu_fullmm')
          .replace(rangeOf(3), WHOLE),
      })),
      step('ended', task(0), 'exit_mmap_ret: (mmput+0x5e/0x130 <- exit_mmap)'),
      step('gone', task(0), 'sched_process_exit: comm=app pid=100 prio=120'),
    ]),
  },
];
