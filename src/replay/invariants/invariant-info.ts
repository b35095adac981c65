import type { VariantMask } from '../../kernel/variants.js';

/** One ordering rule, in words and in what it takes to decide it. */
export interface InvariantInfo {
  /** 1–56; printed as I01 … I56. */
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly statement: string;
  readonly why: string;
  readonly source: string;
  /** Operations without which no instance can arise, each with the probe that shows it. */
  readonly needs: readonly { readonly op: number; readonly probe: string }[];
  /** What to say when the probes fired but nothing it is about happened. */
  readonly idle: string;
  /** Arises only once a page table was queued to RCU: without one it is idle, whatever probes are missing. */
  readonly afterQueue?: true;
  readonly variants: VariantMask;
  readonly severity: 'S1' | 'S2' | 'S3' | 'S4';
}
