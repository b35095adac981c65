import { UsageError } from '../result/usage-error.js';
import { type FreeStep, VARIANTS } from './variants.js';

/** What follows the flush when no batch page could be had, in this order. */
export type SingleStep = Exclude<FreeStep, 'flush'>;

/** What a kernel variant does with one table, on a given machine. */
export interface FreePath {
  readonly variant: string;
  /** `native_tlb_remove_table` is called (and its probe fires) for every table. */
  readonly pvProbe: boolean;
  /** `pages`: with the data pages, freed after the flush. `batch`: `tlb_remove_table`, freed by `call_rcu`. */
  readonly leaf: 'pages' | 'batch';
  /** Empty for `pages`. */
  readonly single: readonly SingleStep[];
}

/** Tables of one batch page: (4096 − 24) / 8. */
export const MAX_TABLE_BATCH = 509;
/** Page batch: the bundle on the stack, full one early, and what further pages hold. */
export const PAGE_BUNDLE = 7;
export const MAX_PAGE_SLOTS = 8 + 19 * 510;
/** `tlb_single_page_flush_ceiling`. */
export const FLUSH_CEILING = 33;

/**
 * Free path of a variant (kernel-semantics §1.3). `pv`: a guest with paravirtual TLB flush. By default
 * what the variant is by definition.
 *
 * Throws UsageError for an unknown variant and for a machine the variant excludes.
 */
export function freePath(id: string, guest?: boolean): FreePath {
  const v = VARIANTS.find((x) => x.id === id);
  if (!v) {
    throw new UsageError(`unknown kernel variant '${id}'; known: ${VARIANTS.map((x) => x.id).join(', ')}`);
  }
  const pv = guest ?? v.machine === 'pv-guest';
  if (pv && v.machine === 'hardware') {
    const other = VARIANTS.find((x) => x.machine === 'pv-guest');
    throw new UsageError(`variant ${id} excludes a PV guest${other ? `: use ${other.id}` : ''}`);
  }
  if (!pv && v.machine === 'pv-guest') throw new UsageError(`variant ${id} is a PV guest by definition`);
  const batch = v.leaf === 'rcu' || (v.leaf === 'either' && pv);
  const steps = batch ? v.singlePath : [];
  // On native hardware the flush before them sent the IPIs.
  const returnsAtOnce = (s: SingleStep): boolean => v.skipsSync && !pv && s.startsWith('sync-');
  return {
    variant: id,
    pvProbe: v.pvOp && !pv,
    leaf: batch ? 'batch' : 'pages',
    single: steps.filter((s): s is SingleStep => s !== 'flush').filter((s) => !returnsAtOnce(s)),
  };
}
