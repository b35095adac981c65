import { VARIANTS, type Variant } from '../kernel/variants.js';

/** What follows the flush when no batch page could be had, in this order. */
export type SingleStep = 'sync-ipi' | 'sync-rcu' | 'call-rcu' | 'free';

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

const SINGLE: Readonly<Record<Variant['single'], readonly SingleStep[]>> = {
  none: [],
  sync: ['free'],
  'sync1+sync': ['sync-ipi', 'free'],
  'sync1+call_rcu': ['sync-ipi', 'call-rcu'],
  call_rcu: ['call-rcu'],
  'synchronize_rcu+sync': ['sync-rcu', 'free'],
};

/** Variants whose sync steps return at once: on native hardware the flush before them sent the IPIs. */
const SKIPS_SYNC: ReadonlySet<string> = new Set(['F', 'Fn']);

/** Tables of one batch page: (4096 − 24) / 8. */
export const MAX_TABLE_BATCH = 509;
/** Page batch: the bundle on the stack, full one early, and what further pages hold. */
export const PAGE_BUNDLE = 7;
export const MAX_PAGE_SLOTS = 8 + 19 * 510;
/** `tlb_single_page_flush_ceiling`. */
export const FLUSH_CEILING = 33;

/**
 * Free path of a variant (kernel-semantics §1.3). `pv`: a guest with paravirtual TLB flush. A2 is one by
 * definition, A0 and A1 never are.
 *
 * Throws RangeError for an unknown variant and for a machine the variant excludes.
 */
export function freePath(id: string, pv = id === 'A2'): FreePath {
  const v = VARIANTS.find((x) => x.id === id);
  if (!v) {
    throw new RangeError(`unknown kernel variant '${id}'; known: ${VARIANTS.map((x) => x.id).join(', ')}`);
  }
  if (pv && (id === 'A0' || id === 'A1')) throw new RangeError(`variant ${id} excludes a PV guest: use A2`);
  if (!pv && id === 'A2') throw new RangeError('variant A2 is a PV guest by definition');
  const batch = v.leaf === 'rcu' || (v.leaf === 'either' && pv);
  const single = batch ? SINGLE[v.single].filter((s) => !skipped(id, pv, s)) : [];
  return {
    variant: id,
    pvProbe: v.pvOp && !pv,
    leaf: batch ? 'batch' : 'pages',
    single,
  };
}

const skipped = (id: string, pv: boolean, step: SingleStep): boolean =>
  SKIPS_SYNC.has(id) && !pv && step.startsWith('sync-');
