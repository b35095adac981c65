import type { PrintFamily } from '../latency/histogram/bpftrace-labels.js';
import { type KeyedCounts, printHistMap, printLhistMap } from '../latency/histogram/bpftrace-print.js';
import type { HistShape } from '../latency/histogram/hist-shape.js';

/** A map as bpftrace of that release prints it. */
export const printed = (
  name: string,
  shape: HistShape,
  blocks: readonly KeyedCounts[],
  family: PrintFamily,
): string =>
  shape.kind === 'lhist'
    ? printLhistMap(name, shape, blocks, { family })
    : printHistMap(name, blocks, { family, bits: shape.bits });

/** A bound as reports say it: null where it is open. */
export const finite = (n: number): number | null => (Number.isFinite(n) ? n : null);
