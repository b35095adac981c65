import { byName } from '../result/by-name.js';
/** What an argument of a step names. */
export type ArgKind = 'mm' | 'address' | 'page' | 'head' | 'lock' | 'reader' | 'word';

export interface StepSpec {
  readonly args: readonly ArgKind[];
  /** Arguments that may be left out, at the end. */
  readonly optional?: readonly ArgKind[];
  /** The last kind may be repeated. */
  readonly many?: true;
  /** Words an argument of kind `word` may be. */
  readonly words?: readonly string[];
  readonly what: string;
}

/** Steps of a litmus test; docs/litmus.md has the same table for people. */
export const STEPS: Readonly<Record<string, StepSpec>> = byName({
  // page tables
  map: { args: ['mm', 'address', 'page'], what: 'the parent entry for the address points to a table' },
  unlink: {
    args: ['mm', 'address'],
    optional: ['page'],
    what: 'the parent entry is cleared (the innermost table there, or the one named)',
  },
  set: { args: ['page', 'address', 'page'], what: 'an entry of a table points to a page' },
  clr: { args: ['page', 'address'], what: 'the entry is cleared' },
  sethuge: { args: ['mm', 'address', 'page'], what: 'a huge page is installed' },
  relink: { args: ['mm', 'address', 'page'], what: 'an entry read earlier is installed elsewhere' },
  free: { args: ['page'], what: 'the page is released' },
  reuse: { args: ['page'], what: 'the page is used for something else without a release' },
  pgd: { args: ['page'], what: 'the page is a top-level table' },
  tlbremove: { args: ['page'], what: 'tlb_remove_table()' },
  deposit: { args: ['page', 'page'], what: 'a spare table is kept on a PMD table' },
  withdraw: { args: ['page'], what: 'it is taken back' },
  reclaim: { args: ['page'], what: 'the table is taken for empty' },
  // walkers
  walk: {
    args: ['mm', 'address'],
    optional: ['word'],
    words: ['user'],
    what: 'hardware walks the tables (a device too); user: in user mode, under the user PCID',
  },
  access: {
    args: ['mm', 'address'],
    optional: ['word'],
    words: ['user'],
    what: 'an access, which walks unless cached',
  },
  rd: { args: ['reader', 'page'], what: 'a software walker begins: irqoff, rcu, preemptoff or lock:NAME' },
  deref: { args: ['page'], what: 'it reads the table' },
  rdend: { args: ['page'], what: 'it ends' },
  pin: {
    args: ['mm', 'address', 'page', 'word'],
    words: ['recheck', 'norecheck'],
    what: 'it keeps the page it found; with recheck it has read the parent entry again',
  },
  // caches
  inval: {
    args: ['mm'],
    optional: ['word'],
    words: ['leaf', 'kernel'],
    what: 'this CPU (or device) drops what it cached of the mm; leaf: only translations; kernel: only that PCID',
  },
  invlpgb: { args: ['mm'], what: 'AMD broadcast invalidation is issued' },
  tlbsync: { args: [], what: 'and is complete everywhere' },
  // waiting
  syncipi: { args: [], what: 'tlb_remove_table_sync_one(): an IPI to all CPUs, waited for' },
  syncrcu: { args: [], what: 'tlb_remove_table_sync_rcu(): a grace period, waited for' },
  callrcu: {
    args: ['head', 'page'],
    many: true,
    what: 'tables go to call_rcu; head T.pt is the one inside table T, any other a batch',
  },
  cb: { args: ['head'], what: 'its callback runs' },
  // locks
  lock: { args: ['lock'], what: 'taken; ptl…, pmd… and pud… are spinlocks, the others sleep' },
  unlock: { args: ['lock'], what: 'dropped' },
  drop: {
    args: ['lock', 'mm', 'address'],
    what: 'dropped, and with it the last hold on what was mapped there',
  },
  need: { args: ['lock'], what: 'the next step is only correct under this lock' },
  ptlfree: { args: ['page'], what: "the table's split lock is destroyed" },
  ptlock: { args: ['page'], what: 'and used' },
  // promises
  vmaunlink: { args: ['mm', 'address'], what: 'the VMA can no longer be found through its file' },
  ret: { args: ['mm', 'address'], what: 'return to user space: the address must be gone' },
  // the kernel's own mechanism, where `broken:` rules apply
  switch: {
    args: ['mm'],
    optional: ['word'],
    words: ['begin', 'cr3', 'end'],
    what: 'switch_mm_irqs_off(), whole or one of its three parts',
  },
  lazy: { args: [], what: 'the CPU runs a kernel thread and keeps CR3' },
  flush: {
    args: ['mm'],
    optional: ['word'],
    words: ['tables'],
    what: 'flush_tlb_mm_range(), with freed_tables=1 if tables',
  },
  vcpuout: {
    args: [],
    what: 'the hypervisor takes the CPU away: a flush leaves it a note instead of an IPI',
  },
  vcpuin: { args: [], what: 'and gives it back' },
  hvflush: {
    args: ['mm'],
    what: 'a flush by hypercall (Hyper-V, Xen): caches are empty, nobody was interrupted',
  },
  batch: { args: ['mm'], what: 'reclaim puts a flush off' },
  batchflush: { args: ['mm'], what: 'arch_tlbbatch_flush()' },
  // grace periods by the model of Tree RCU
  gpstart: { args: [], what: 'a grace period starts' },
  gpend: { args: [], what: 'and ends, unless somebody has still to report' },
  qs: {
    args: [],
    what: 'context switch, idle or user mode: a quiescent state, unless a section is open here',
  },
  preempt: { args: [], what: 'the task is switched out; an rcu_read_lock() section goes on' },
  offload: { args: [], what: 'callbacks of this CPU are offloaded and may be lazy' },
  flushlazy: { args: [], what: 'its lazy callbacks are given to RCU' },
  runcbs: {
    args: [],
    optional: ['word'],
    words: Array.from({ length: 256 }, (_, i) => `P${i}`),
    what: 'callbacks that may run do so and release their tables (those of another CPU, if offloaded)',
  },
  scan: { args: ['page'], what: 'reclaim starts to empty a table' },
  tryreclaim: { args: ['mm', 'address', 'page'], what: 'reclaim unlinks it if it may' },
});
