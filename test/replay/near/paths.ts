import { freed, insertAfter, insertBefore, type Step, step, structPage, without } from '../support/story.js';
import {
  among,
  flush,
  gracePeriod,
  INNER_TLB,
  irq,
  khugepaged,
  low,
  MM,
  probe,
  RUNNING,
  rangeOf,
  rcu,
  returns,
  singleHead,
  softirq,
  tablePfn,
  task,
  write,
} from './steps.js';

/** Ways of a table that several cases take. */

export const of = (odd: readonly Step[], plain = rcu): string => write(among(plain, odd));
export const page = (n: number, k = 0): string => structPage(tablePfn(n, k));
export const BATCH = ['I03', 'I04', 'I08', 'I12', 'I38', 'I41'];

/** A table alone, where there is no memory for a batch. */
export const single = (n: number): Step[] =>
  without(
    rcu({ n }),
    'enqueue',
    'callback',
    'free0',
    'batch-free',
    'called',
    'gp-start',
    'gp-end',
    'finish',
    'request',
    'multi',
    'told',
    'send1',
    'send2',
    'local',
    'in1',
    'inv1',
    'out1',
    'in2',
    'inv2',
    'out2',
    'flushed',
  );
export const singleRcu = (n: number): Step[] => [
  ...insertAfter(
    single(n),
    'append0',
    ...flush({ gen: n, range: rangeOf(n), from: 'tlb_remove_table' }),
    probe('enqueue', task(0), 'call_rcu', `head=${singleHead(n)} func=__tlb_remove_table_one_rcu+0x0/0x30`),
  ),
  ...gracePeriod(n),
  step('free0', softirq(0), freed(tablePfn(n))),
];
/** tlb_remove_table_sync_one(): asks CPUs 1 and 2. */
export const broadcast = (who = task(0)): Step[] => [
  ...[1, 2].map((cpu) =>
    step(
      `sync${cpu}`,
      who,
      `csd_queue_cpu: cpu=${cpu} callsite=smp_call_function+0x3d/0x70 func=tlb_remove_table_smp_sync csd=ffff88811c4${cpu}b000`,
    ),
  ),
  ...[1, 2].flatMap((cpu) => [
    step(
      `sync-in${cpu}`,
      irq(cpu),
      `csd_function_entry: func=tlb_remove_table_smp_sync, csd=ffff88811c4${cpu}b000`,
    ),
    step(
      `sync-out${cpu}`,
      irq(cpu),
      `csd_function_exit: func=tlb_remove_table_smp_sync, csd=ffff88811c4${cpu}b000`,
    ),
  ]),
];

/** mm/khugepaged.c retract_page_tables(): unlink and flush inside pmdp_collapse_flush(), then the table is deferred. */
export const retract = (n: number): Step[] => [
  probe(
    'collapse',
    khugepaged,
    'pmdp_collapse_flush',
    `address=0x${low(n).toString(16)} pmdp=0xffff888110000${n}08`,
  ),
  ...flush({ by: khugepaged, gen: n, asked: [0, 1, 2], range: rangeOf(n), from: 'pmdp_collapse_flush' }),
  probe('defer', khugepaged, 'pte_free_defer', `mm=${MM} table=${page(n)}`),
  probe('enqueue', khugepaged, 'call_rcu', `head=${singleHead(n)} func=pte_free_now+0x0/0x20`),
  ...gracePeriod(n),
  probe('callback', softirq(3), 'pte_free_now', `head=${singleHead(n)}`),
  step('free', softirq(3), freed(tablePfn(n))),
];
export const retracts = (odd: readonly Step[]): string =>
  write([
    ...RUNNING,
    ...retract(1),
    ...retract(2),
    ...odd,
    ...retract(4),
    ...retract(5),
    ...rcu({ n: 6 }),
    ...rcu({ n: 7 }),
  ]);

/** A gather inside another (mm/hugetlb.c), with a table of its own. */
export const nested = (outer: Step[], inner: readonly Step[]): Step[] =>
  insertBefore(outer, 'finish', ...inner);
export const inner = (n: number): Step[] => [
  probe('inner', task(0), 'tlb_gather_mmu', `tlb=${INNER_TLB} mm=${MM}`),
  probe(
    'inner-finish',
    task(0),
    'tlb_finish_mmu',
    `tlb=${INNER_TLB} mm=${MM} batch=0x0 ${rangeOf(n)} flags=0x20`,
  ),
  ...flush({ gen: n, range: rangeOf(n), freedTables: 0 }).map((s) => ({ ...s, label: `i-${s.label}` })),
  returns('inner-done', task(0), 'tlb_finish_mmu', '__unmap_hugepage_range'),
];
export const gens = (c: { n: number }): Step[] => rcu({ ...c, gen: c.n * 2 });

export const handOver = (label: string, tlb: string, n: number): Step[] => [
  probe(label, task(0), '___pte_free_tlb', `tlb=${tlb} mm=${MM} page=${page(n)}`),
  probe(`${label}-append`, task(0), 'tlb_remove_table', `tlb=${tlb} mm=${MM} table=${page(n)}`),
];

export function pv(steps: Step[]): Step[] {
  return without(steps, 'multi', 'send1', 'send2', 'in1', 'inv1', 'out1', 'in2', 'inv2', 'out2').map((s) =>
    s.label === 'told' ? probe('told', task(0), 'kvm_flush_tlb_multi') : s,
  );
}

export function old(text: string): string {
  return text
    .split('\n')
    .filter((l) => !/: csd_queue_cpu/.test(l))
    .map((l) =>
      l
        .replace(/: csd_function_(entry|exit): .*/, ': call_function_$1: vector=252')
        .replace(/ flags=0x\w+$/, '')
        .replace(/ pfn=(0x\w+) order/, ' pfn=$1 order'),
    )
    .join('\n');
}

/** The same in a PV guest up to 6.14: an IPI to all CPUs, then the release by the task itself. */
export const singleSync = (n: number): Step[] =>
  insertAfter(
    single(n),
    'append0',
    ...flush({ gen: n, range: rangeOf(n), from: 'tlb_remove_table' }),
    ...broadcast(),
    step('free0', task(0), freed(tablePfn(n))),
  );
