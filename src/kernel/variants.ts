import { VARIANT_ROWS, type VariantRow } from './variant-rows.js';

export type { FreeStep } from './variant-rows.js';

import { UsageError } from '../result/usage-error.js';
/** Set of kernel variants, one bit each. 0 = no known kernel behaves like that. */
export type VariantMask = number;

/** A kernel variant: its row, and what follows from it. */
export interface Variant extends VariantRow {
  /**
   * `sync`: tables go into the page batch and are freed after the flush. `rcu`: batches go to call_rcu.
   * `either`: native hardware `sync`, PV guests `rcu`.
   */
  readonly leaf: 'sync' | 'rcu' | 'either';
}

const leafOf = ({ inlinePath, batchPath }: VariantRow): Variant['leaf'] =>
  batchPath.length === 0 ? 'sync' : inlinePath.length === 0 ? 'rcu' : 'either';

/** In the order of their bits. */
export const VARIANTS: readonly Variant[] = VARIANT_ROWS.map((row) => ({ ...row, leaf: leafOf(row) }));

export const ALL_VARIANTS: VariantMask = (1 << VARIANTS.length) - 1;

/** Bits of the named variants. Throws on a name that does not exist. */
export function maskOf(...ids: readonly string[]): VariantMask {
  let mask = 0;
  for (const id of ids) {
    const bit = VARIANTS.findIndex((x) => x.id === id);
    if (bit < 0)
      throw new UsageError(`unknown kernel variant '${id}'; known: ${VARIANTS.map((x) => x.id).join(', ')}`);
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
