/** ftrace text of munmaps whose every step takes a known time, for both kinds of kernel. */

/** µs before the event of each step. */
export interface StepTimes {
  /** From the syscall to the first table. */
  readonly entry: number;
  readonly remove: number;
  readonly pvOp: number;
  readonly append: number;
  readonly batchPage: number;
  readonly flush: number;
  readonly callRcu: number;
  /** call_rcu() to rcu_callback in it. */
  readonly queue: number;
  /** To the first page freed after the flush, and each page after it. */
  readonly firstFree: number;
  readonly pageFree: number;
  readonly leave: number;
}

export const TIMES: StepTimes = {
  entry: 40,
  remove: 2,
  pvOp: 3,
  append: 3,
  batchPage: 6,
  flush: 100,
  callRcu: 0,
  queue: 7,
  firstFree: 11,
  pageFree: 2,
  leave: 20,
};

export interface TraceShape {
  readonly kernel: 'sync' | 'rcu';
  readonly munmaps: number;
  readonly tables: number;
  readonly pages: number;
  /** Pages are freed before the flush: a broken kernel. */
  readonly early?: boolean;
  readonly clock?: string;
}

const HEADER = `# tracer: nop
#
# entries-in-buffer/entries-written: 1000/1000   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;
const VMEMMAP = 0xffffea0000000000n;
const page = (pfn: number): string => `0x${(VMEMMAP + BigInt(pfn) * 64n).toString(16)}`;
const direct = (pfn: number): string => `0x${(0xffff888000000000n + BigInt(pfn) * 4096n).toString(16)}`;
const TLB = '0xffffc9000045fc90';
const MM = '0xffff8881000517c0';

export function trace(shape: TraceShape, times: StepTimes = TIMES): string {
  let us = 5_000_000;
  const out: string[] = [];
  const line = (after: number, text: string, flags = '.....', task = '            work-343 '): void => {
    us += after;
    const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
    out.push(`${task}    [000] ${flags} ${stamp.padStart(12)}: ${text}`);
  };
  const probe = (after: number, name: string, symbol: string, args: string, flags?: string): void =>
    line(after, `${name}: (${symbol}+0x4/0x90) ${args}`.trimEnd(), flags);
  const rcu = shape.kernel === 'rcu';
  const on = `tlb=${TLB} mm=${MM}`;
  for (let n = 0; n < shape.munmaps; n++) {
    const base = 0x10_000 + n * 0x100;
    const tables = Array.from({ length: shape.tables }, (_, i) => base + i);
    const data = Array.from({ length: shape.pages }, (_, i) => base + 0x80 + i);
    const batch = base + 0xf0;
    tables.forEach((t, i) => {
      probe(50, 'pte_alloc', '__pte_alloc', `mm=${MM} pmd=${direct(0x9000)}`);
      line(
        times.batchPage,
        `mm_page_alloc: page=${page(t)} pfn=0x${t.toString(16)} order=0 migratetype=0 gfp_flags=GFP_KERNEL`,
      );
      line(1, `pte_alloc_one_ret: (__pte_alloc+0x1a/0xc0 <- pte_alloc_one) page=${page(t)}`);
      probe(1, 'pmd_install', 'pmd_install', `mm=${MM} pmd=${direct(0x9000)}${''} page=${page(t)} n=${i}`);
    });
    line(200, `sys_munmap(addr: 100000000000, len: ${(shape.tables * 0x200000).toString(16)})`);
    probe(5, 'call_rcu', 'call_rcu', `head=${direct(0x8000 + n)} func=mt_free_rcu+0x0/0x20`);
    line(
      times.queue,
      `rcu_callback: rcu_preempt rhp=00000000${(0x1000 + n).toString(16).padStart(8, '0')} func=mt_free_rcu 3`,
      'd....',
    );
    probe(10, 'tlb_gather_mmu', 'tlb_gather_mmu', on);
    probe(1, 'unmap_vmas', 'unmap_vmas', `tlb=${TLB}`);
    probe(times.entry, 'free_pgtables', 'free_pgtables', on);
    tables.forEach((t, i) => {
      probe(times.remove, 'pte_free_tlb', '___pte_free_tlb', `${on} page=${page(t)}`);
      probe(times.pvOp, 'native_tlb_remove_table', 'native_tlb_remove_table', `${on} table=${page(t)}`);
      if (!rcu) return;
      probe(times.append, 'tlb_remove_table', 'tlb_remove_table', `${on} table=${page(t)}`);
      if (i === 0)
        line(
          times.batchPage,
          `mm_page_alloc: page=${page(batch)} pfn=0x${batch.toString(16)} order=0 migratetype=0 gfp_flags=GFP_NOWAIT`,
        );
    });
    probe(
      5,
      'tlb_finish_mmu',
      'tlb_finish_mmu',
      `${on} batch=${rcu ? direct(batch) : '0x0'} start=0x100000000000 end=0x100001000000 flags=0xf4`,
    );
    const frees = [...data, ...(rcu ? [] : tables)];
    const free = (): void =>
      frees.forEach((f, i) => {
        line(
          i === 0 ? times.firstFree : times.pageFree,
          `mm_page_free: page=${page(f)} pfn=0x${f.toString(16)} order=0`,
        );
      });
    if (shape.early) free();
    probe(
      1,
      'flush_tlb_mm_range',
      'flush_tlb_mm_range',
      `mm=${MM} start=0x100000000000 end=0x100001000000 stride_shift=12 freed_tables=1`,
    );
    line(2, 'tlb_flush: pages:-1 reason:local mm shootdown (3)', 'd..1.');
    line(times.flush, 'flush_tlb_mm_range_ret: (tlb_finish_mmu+0xe7/0x160 <- flush_tlb_mm_range)');
    if (rcu) {
      probe(
        times.callRcu,
        'call_rcu',
        'call_rcu',
        `head=${direct(batch)} func=tlb_remove_table_rcu+0x0/0x40`,
      );
      line(
        times.queue,
        `rcu_callback: rcu_preempt rhp=00000000${(0x2000 + n).toString(16).padStart(8, '0')} func=tlb_remove_table_rcu 4`,
        'd....',
      );
    }
    if (!shape.early) free();
    line(4, 'tlb_finish_mmu_ret: (vms_clear_ptes+0x11a/0x130 <- tlb_finish_mmu)');
    line(times.leave, 'sys_munmap -> 0x0');
    const idle = '          <idle>-0   ';
    const rhp = (of: number): string => `00000000${(of + n).toString(16).padStart(8, '0')}`;
    line(20_000, `rcu_invoke_callback: rcu_preempt rhp=${rhp(0x1000)} func=mt_free_rcu`, '..s1.', idle);
    if (rcu) {
      line(1, `rcu_invoke_callback: rcu_preempt rhp=${rhp(0x2000)} func=tlb_remove_table_rcu`, '..s1.', idle);
      line(
        1,
        `tlb_remove_table_rcu: (tlb_remove_table_rcu+0x4/0x40) head=${direct(batch)} nr=${shape.tables} tables={${tables.map(page).join(',')}}`,
        '..s1.',
        idle,
      );
      for (const t of [...tables, batch])
        line(2, `mm_page_free: page=${page(t)} pfn=0x${t.toString(16)} order=0`, '..s1.', idle);
      line(1, 'tlb_remove_table_rcu_ret: (rcu_core+0x2db/0xa40 <- tlb_remove_table_rcu)', '..s1.', idle);
    }
    line(30_000, 'rcu_utilization: Start context switch', 'd..1.');
  }
  return HEADER + out.map((l) => `${l}\n`).join('');
}
