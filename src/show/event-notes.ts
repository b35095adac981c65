import { OP } from '../kernel/ops.js';

/** Which argument of an operation (0 or 1) names its mm. */
export const MM_SLOT: Readonly<Record<number, 0 | 1>> = {
  [OP.GB]: 1,
  [OP.GE]: 1,
  [OP.TR]: 1,
  [OP.FR]: 0,
  [OP.FMULTI]: 1,
  [OP.PUB]: 0,
  [OP.EXITMM]: 0,
  [OP.UL]: 0,
  [OP.INV]: 1,
};
/** Operations that name their gather, as argument 0. */
export const TLB_KINDS = new Set<number>([
  OP.GB,
  OP.GE,
  OP.FMMU,
  OP.TR,
  OP.APP,
  OP.PVOP,
  OP.UVMA,
  OP.FPGT,
  OP.FPGD,
]);

/** What an operation does to what is watched, in words. */
export const KIND_NOTE: Readonly<Record<number, string>> = {
  [OP.GB]: 'gather begins',
  [OP.GE]: 'gather is finished',
  [OP.FMMU]: 'tlb_flush_mmu',
  [OP.TR]: 'table handed over',
  [OP.APP]: 'appended to the batch',
  [OP.PVOP]: 'native pv operation',
  [OP.UL]: 'unlinked (reclaim)',
  [OP.PUB]: 'table published (attempt)',
  [OP.PTEN]: 'allocated as a PTE table',
  [OP.FPSC]: 'being released',
  [OP.FREE]: 'page released',
  [OP.ALLOC]: 'page allocated',
  [OP.FR]: 'flush begins',
  [OP.FMULTI]: 'flush goes to other CPUs',
  [OP.INV]: 'invalidates',
  [OP.EXITMM]: 'exit_mmap',
  [OP.RB]: 'reader begins',
  [OP.RE]: 'reader ends',
  [OP.DR]: 'dereferenced',
  [OP.DEFER]: 'deferred free',
  [OP.UVMA]: 'unmap_vmas',
  [OP.FPGT]: 'free_pgtables',
  [OP.FPGD]: 'free_pgd_range',
  [OP.CR]: 'call_rcu',
  [OP.CB]: 'callback runs',
};
