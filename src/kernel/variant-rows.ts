/** What a page table goes through on its way out, one step after the other. */
export type FreeStep =
  /** flush_tlb_mm_range() with freed_tables=1, returned. */
  | 'flush'
  /** tlb_remove_table_sync_one(): an IPI to all CPUs, answered. */
  | 'sync-ipi'
  /** tlb_remove_table_sync_rcu(): a grace period waited for on the spot. */
  | 'sync-rcu'
  /** call_rcu(): released by its callback. */
  | 'call-rcu'
  /** Released by the task itself. */
  | 'free';

/** Mainline release, `6.15`; rows compare by it. */
type Release = `${number}.${number}`;

/** One way in which x86 kernels free page tables: all that the program knows of a kernel variant. */
export interface VariantRow {
  readonly id: string;
  readonly title: string;
  /** In words. */
  readonly kernels: string;
  /** Configuration or machine that makes a kernel this variant. */
  readonly condition: string;
  /** Of a table that is released with the data pages of its gather; empty: none is. */
  readonly inlinePath: readonly FreeStep[];
  /** Of a table that finds room in a batch; empty: there are no batches. Both paths: on hardware inline, in PV guests by batch. */
  readonly batchPath: readonly FreeStep[];
  /** Of a table for whose batch there is no memory; empty: there are no batches. */
  readonly singlePath: readonly FreeStep[];
  /** `hardware`: never a guest with paravirtual TLB flush; `pv-guest`: always. */
  readonly machine: 'any' | 'hardware' | 'pv-guest';
  /** On hardware, waits after a flush that sent IPIs return at once. */
  readonly skipsSync: boolean;
  /** `tlb_remove_table_sync_one()` sends IPIs (it is an empty stub without MMU_GATHER_RCU_TABLE_FREE). */
  readonly sync1Real: boolean;
  /** `tlb_remove_table_sync_rcu()` exists. */
  readonly syncRcu: boolean;
  /** `pv_ops.mmu.tlb_remove_table` exists, so `native_tlb_remove_table` may be hit. */
  readonly pvOp: boolean;
  /** madvise(MADV_DONTNEED) may free empty page tables (CONFIG_PT_RECLAIM). */
  readonly reclaim: boolean;
  /** Reason 5 of `tlb_flush`, `TLB_REMOTE_WRONG_CPU`, may be traced: came with lazy mm_cpumask updates in 6.14. */
  readonly wrongCpuReason: boolean;
  /** A flush may be broadcast by INVLPGB instead of IPIs, on AMD since 6.15 (arch/x86/mm/tlb.c broadcast_tlb_flush()). */
  readonly invlpgb: boolean;
  /** Mainline releases that it can be; null: of a series that was posted, not of a release. */
  readonly releases: { readonly from?: Release; readonly below?: Release } | null;
  /** In no release up to `UNRELEASED_UP_TO` (variants-of-release.ts): of linux-next. */
  readonly unreleased: boolean;
  /** Kernels with an older number may have it by backport, where their configuration knows CONFIG_PT_RECLAIM. */
  readonly backported: boolean;
  /** Values of CONFIG_ options that it takes: `null`, the option must not exist. */
  readonly config: { readonly PT_RECLAIM: 'y' | 'n' | null; readonly PARAVIRT?: 'y' | 'n' };
  readonly source: string;
}

const FREE_INLINE = ['flush', 'free'] as const;
const BATCHED = ['flush', 'call-rcu'] as const;
const IPI_THEN_FREE = ['flush', 'sync-ipi', 'free'] as const;
const BY_CALL_RCU = ['flush', 'call-rcu'] as const;
const GP_THEN_FREE = ['flush', 'sync-rcu', 'free'] as const;

const OLD = {
  skipsSync: false,
  syncRcu: false,
  pvOp: true,
  reclaim: false,
  wrongCpuReason: false,
  invlpgb: false,
  machine: 'any',
  sync1Real: true,
  backported: false,
  unreleased: false,
} as const;
/** 6.15 and later: MMU_GATHER_RCU_TABLE_FREE always selected, the paravirt operation gone. */
const NEW = { ...OLD, pvOp: false, wrongCpuReason: true, invlpgb: true } as const;
const SELECTED = 'MMU_GATHER_RCU_TABLE_FREE always on, pv op removed';
const SKIPS = 'tlb_remove_table_sync_*() return at once where the flush sent IPIs';

/** kernel-semantics §0. The order is that of the bits. */
export const VARIANT_ROWS: readonly VariantRow[] = [
  {
    ...OLD,
    id: 'A0',
    title: 'synchronous, no RCU',
    kernels: '≤ 6.13',
    condition: 'CONFIG_PARAVIRT=n',
    inlinePath: FREE_INLINE,
    batchPath: [],
    singlePath: [],
    machine: 'hardware',
    sync1Real: false,
    pvOp: false,
    releases: { below: '6.14' },
    config: { PT_RECLAIM: null, PARAVIRT: 'n' },
    source: 'arch/x86/Kconfig, include/asm-generic/tlb.h',
  },
  {
    ...OLD,
    id: 'A1',
    title: 'synchronous, native pv op',
    kernels: '≤ 6.13',
    condition: 'CONFIG_PARAVIRT=y on hardware, or a guest without PV flush',
    inlinePath: FREE_INLINE,
    batchPath: [],
    singlePath: [],
    machine: 'hardware',
    releases: { below: '6.14' },
    config: { PT_RECLAIM: null, PARAVIRT: 'y' },
    source: 'arch/x86/kernel/paravirt.c',
  },
  {
    ...OLD,
    id: 'A2',
    title: 'semi RCU (PV guest)',
    kernels: '≤ 6.13',
    condition: 'CONFIG_PARAVIRT=y and KVM, Hyper-V or Xen PV with PV TLB flush',
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: IPI_THEN_FREE,
    machine: 'pv-guest',
    releases: { below: '6.14' },
    config: { PT_RECLAIM: null, PARAVIRT: 'y' },
    source: 'arch/x86/kernel/kvm.c, mm/mmu_gather.c',
  },
  {
    ...OLD,
    id: 'B',
    title: 'RCU, single tables by call_rcu after an IPI',
    kernels: 'series v2',
    condition: 'CONFIG_PT_RECLAIM=y',
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: ['flush', 'sync-ipi', 'call-rcu'],
    reclaim: true,
    releases: null,
    backported: true,
    config: { PT_RECLAIM: 'y' },
    source: 'mm: pgtable: reclaim empty page table pages, v2 patch 6/7',
  },
  {
    ...OLD,
    id: 'Bn',
    title: 'as A0, A1 or A2',
    kernels: 'series v2',
    condition: 'CONFIG_PT_RECLAIM=n',
    inlinePath: FREE_INLINE,
    batchPath: BATCHED,
    singlePath: IPI_THEN_FREE,
    releases: null,
    backported: true,
    config: { PT_RECLAIM: 'n' },
    source: 'as B',
  },
  {
    ...OLD,
    id: 'C',
    title: 'RCU, single tables by call_rcu',
    kernels: '6.14',
    condition: 'CONFIG_PT_RECLAIM=y',
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: BY_CALL_RCU,
    reclaim: true,
    wrongCpuReason: true,
    releases: { from: '6.14', below: '6.15' },
    backported: true,
    config: { PT_RECLAIM: 'y' },
    source: '718b13861d22',
  },
  {
    ...OLD,
    id: 'Cn',
    title: 'synchronous, or semi RCU in PV guests',
    kernels: '6.14',
    condition: 'CONFIG_PT_RECLAIM=n',
    inlinePath: FREE_INLINE,
    batchPath: BATCHED,
    singlePath: IPI_THEN_FREE,
    wrongCpuReason: true,
    releases: { from: '6.14', below: '6.15' },
    backported: true,
    config: { PT_RECLAIM: 'n' },
    source: '718b13861d22',
  },
  {
    ...NEW,
    id: 'D',
    title: 'RCU, single tables by call_rcu',
    kernels: '6.15 – 7.0',
    condition: `CONFIG_PT_RECLAIM=y; ${SELECTED}`,
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: BY_CALL_RCU,
    reclaim: true,
    releases: { from: '6.15', below: '7.1' },
    backported: true,
    config: { PT_RECLAIM: 'y' },
    source: 'a37259732a7d, f2c5c2105827, 530c12f84d2c',
  },
  {
    ...NEW,
    id: 'Dn',
    title: 'RCU, single tables synchronously after an IPI',
    kernels: '6.15 – 6.19',
    condition: `CONFIG_PT_RECLAIM=n; ${SELECTED}`,
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: IPI_THEN_FREE,
    releases: { from: '6.15', below: '7.1' },
    backported: true,
    config: { PT_RECLAIM: 'n' },
    source: 'a37259732a7d, f2c5c2105827',
  },
  {
    ...NEW,
    id: 'E',
    title: 'RCU, single tables by call_rcu',
    kernels: '≥ 7.1',
    condition: `CONFIG_PT_RECLAIM=y; ${SELECTED}`,
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: BY_CALL_RCU,
    syncRcu: true,
    reclaim: true,
    releases: { from: '7.1' },
    config: { PT_RECLAIM: 'y' },
    source: '1fb3d8c20bfa',
  },
  {
    ...NEW,
    id: 'En',
    title: 'RCU, single tables after synchronize_rcu',
    kernels: '≥ 7.1',
    condition: `CONFIG_PT_RECLAIM=n; ${SELECTED}`,
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: GP_THEN_FREE,
    syncRcu: true,
    releases: { from: '7.1' },
    config: { PT_RECLAIM: 'n' },
    source: '1fb3d8c20bfa',
  },
  {
    ...NEW,
    id: 'F',
    title: 'as E, redundant IPIs skipped',
    kernels: 'linux-next 2026',
    condition: `CONFIG_PT_RECLAIM=y; ${SELECTED}; ${SKIPS}`,
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: BY_CALL_RCU,
    skipsSync: true,
    syncRcu: true,
    reclaim: true,
    unreleased: true,
    // linux-next carries the number of the release before it.
    releases: { from: '6.15' },
    config: { PT_RECLAIM: 'y' },
    source: 'skip redundant sync IPIs, v7',
  },
  {
    ...NEW,
    id: 'Fn',
    title: 'as En, redundant waits skipped',
    kernels: 'linux-next 2026',
    condition: `CONFIG_PT_RECLAIM=n; ${SELECTED}; ${SKIPS}`,
    inlinePath: [],
    batchPath: BATCHED,
    singlePath: GP_THEN_FREE,
    skipsSync: true,
    syncRcu: true,
    unreleased: true,
    releases: { from: '6.15' },
    config: { PT_RECLAIM: 'n' },
    source: 'skip redundant sync IPIs, v7',
  },
];
