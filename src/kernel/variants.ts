/** Set of kernel variants, one bit each. 0 = no known kernel behaves like that. */
export type VariantMask = number;

/** What `tlb_remove_table()` or its stand-in does with a table. */
export interface Variant {
  readonly id: string;
  readonly title: string;
  readonly kernels: string;
  /** Configuration or machine that makes a kernel this variant. */
  readonly condition: string;
  /**
   * `sync`: tables go into the page batch and are freed after the flush. `rcu`: batches go to call_rcu.
   * `either`: native hardware `sync`, PV guests `rcu`.
   */
  readonly leaf: 'sync' | 'rcu' | 'either';
  /** No memory for a batch: how a single table is freed. `none`: there are no batches. */
  readonly single: 'none' | 'sync' | 'sync1+sync' | 'sync1+call_rcu' | 'call_rcu' | 'synchronize_rcu+sync';
  /** `tlb_remove_table_sync_one()` sends IPIs (it is an empty stub without MMU_GATHER_RCU_TABLE_FREE). */
  readonly sync1Real: boolean;
  /** `pv_ops.mmu.tlb_remove_table` exists, so `native_tlb_remove_table` may be hit. */
  readonly pvOp: boolean;
  /** madvise(MADV_DONTNEED) may free empty page tables (CONFIG_PT_RECLAIM). */
  readonly reclaim: boolean;
  /** Reason 5 of `tlb_flush`, `TLB_REMOTE_WRONG_CPU`, may be traced: came with lazy mm_cpumask updates in 6.14. */
  readonly wrongCpuReason: boolean;
  /** A flush may be broadcast by INVLPGB instead of IPIs, on AMD since 6.15 (arch/x86/mm/tlb.c broadcast_tlb_flush()). */
  readonly invlpgb: boolean;
  readonly source: string;
}

const v = (
  id: string,
  title: string,
  kernels: string,
  condition: string,
  shape: Omit<Variant, 'id' | 'title' | 'kernels' | 'condition' | 'source'>,
  source: string,
): Variant => ({ id, title, kernels, condition, ...shape, source });

const OLD = { reclaim: false, wrongCpuReason: false, invlpgb: false };
const AMD = { wrongCpuReason: true, invlpgb: true };
const SELECTED = 'MMU_GATHER_RCU_TABLE_FREE always on, pv op removed';

/** kernel-semantics §0. The order is that of the bits. */
export const VARIANTS: readonly Variant[] = [
  v(
    'A0',
    'synchronous, no RCU',
    '≤ 6.13',
    'CONFIG_PARAVIRT=n',
    { leaf: 'sync', single: 'none', sync1Real: false, pvOp: false, ...OLD },
    'arch/x86/Kconfig, include/asm-generic/tlb.h',
  ),
  v(
    'A1',
    'synchronous, native pv op',
    '≤ 6.13',
    'CONFIG_PARAVIRT=y on hardware, or a guest without PV flush',
    { leaf: 'sync', single: 'none', sync1Real: true, pvOp: true, ...OLD },
    'arch/x86/kernel/paravirt.c',
  ),
  v(
    'A2',
    'semi RCU (PV guest)',
    '≤ 6.13',
    'CONFIG_PARAVIRT=y and KVM, Hyper-V or Xen PV with PV TLB flush',
    { leaf: 'rcu', single: 'sync1+sync', sync1Real: true, pvOp: true, ...OLD },
    'arch/x86/kernel/kvm.c, mm/mmu_gather.c',
  ),
  v(
    'B',
    'RCU, single tables by call_rcu after an IPI',
    'series v2',
    'CONFIG_PT_RECLAIM=y',
    {
      leaf: 'rcu',
      single: 'sync1+call_rcu',
      sync1Real: true,
      pvOp: true,
      reclaim: true,
      wrongCpuReason: false,
      invlpgb: false,
    },
    'mm: pgtable: reclaim empty page table pages, v2 patch 6/7',
  ),
  v(
    'Bn',
    'as A0, A1 or A2',
    'series v2',
    'CONFIG_PT_RECLAIM=n',
    { leaf: 'either', single: 'sync1+sync', sync1Real: true, pvOp: true, ...OLD },
    'as B',
  ),
  v(
    'C',
    'RCU, single tables by call_rcu',
    '6.14',
    'CONFIG_PT_RECLAIM=y',
    {
      leaf: 'rcu',
      single: 'call_rcu',
      sync1Real: true,
      pvOp: true,
      reclaim: true,
      wrongCpuReason: true,
      invlpgb: false,
    },
    '718b13861d22',
  ),
  v(
    'Cn',
    'synchronous, or semi RCU in PV guests',
    '6.14',
    'CONFIG_PT_RECLAIM=n',
    { leaf: 'either', single: 'sync1+sync', sync1Real: true, pvOp: true, ...OLD, wrongCpuReason: true },
    '718b13861d22',
  ),
  v(
    'D',
    'RCU, single tables by call_rcu',
    '6.15 – 7.0',
    `CONFIG_PT_RECLAIM=y; ${SELECTED}`,
    { leaf: 'rcu', single: 'call_rcu', sync1Real: true, pvOp: false, reclaim: true, ...AMD },
    'a37259732a7d, f2c5c2105827, 530c12f84d2c',
  ),
  v(
    'Dn',
    'RCU, single tables synchronously after an IPI',
    '6.15 – 6.19',
    `CONFIG_PT_RECLAIM=n; ${SELECTED}`,
    { leaf: 'rcu', single: 'sync1+sync', sync1Real: true, pvOp: false, reclaim: false, ...AMD },
    'a37259732a7d, f2c5c2105827',
  ),
  v(
    'E',
    'RCU, single tables by call_rcu',
    '≥ 7.1',
    `CONFIG_PT_RECLAIM=y; ${SELECTED}`,
    { leaf: 'rcu', single: 'call_rcu', sync1Real: true, pvOp: false, reclaim: true, ...AMD },
    '1fb3d8c20bfa',
  ),
  v(
    'En',
    'RCU, single tables after synchronize_rcu',
    '≥ 7.1',
    `CONFIG_PT_RECLAIM=n; ${SELECTED}`,
    {
      leaf: 'rcu',
      single: 'synchronize_rcu+sync',
      sync1Real: true,
      pvOp: false,
      reclaim: false,
      ...AMD,
    },
    '1fb3d8c20bfa',
  ),
  v(
    'F',
    'as E, redundant IPIs skipped',
    'linux-next 2026',
    `CONFIG_PT_RECLAIM=y; ${SELECTED}; tlb_remove_table_sync_*() return at once where the flush sent IPIs`,
    { leaf: 'rcu', single: 'call_rcu', sync1Real: true, pvOp: false, reclaim: true, ...AMD },
    'skip redundant sync IPIs, v7',
  ),
  v(
    'Fn',
    'as En, redundant waits skipped',
    'linux-next 2026',
    `CONFIG_PT_RECLAIM=n; ${SELECTED}; tlb_remove_table_sync_*() return at once where the flush sent IPIs`,
    {
      leaf: 'rcu',
      single: 'synchronize_rcu+sync',
      sync1Real: true,
      pvOp: false,
      reclaim: false,
      ...AMD,
    },
    'skip redundant sync IPIs, v7',
  ),
];

export const ALL_VARIANTS: VariantMask = (1 << VARIANTS.length) - 1;
export { ALL_VARIANTS as ALL };

/** Bits of the named variants. Throws on a name that does not exist. */
export function maskOf(...ids: readonly string[]): VariantMask {
  let mask = 0;
  for (const id of ids) {
    const bit = VARIANTS.findIndex((x) => x.id === id);
    if (bit < 0)
      throw new RangeError(`unknown kernel variant '${id}'; known: ${VARIANTS.map((x) => x.id).join(', ')}`);
    mask |= 1 << bit;
  }
  return mask;
}

/** Names of the variants in a mask, in table order. */
export const namesOf = (mask: VariantMask): string[] =>
  VARIANTS.filter((_, i) => mask & (1 << i)).map((x) => x.id);

/** Variants with a property. */
export function maskWhere(keep: (variant: Variant) => boolean): VariantMask {
  let mask = 0;
  VARIANTS.forEach((x, i) => {
    if (keep(x)) mask |= 1 << i;
  });
  return mask;
}
