import type { PrintFamily } from '../latency/histogram/bpftrace-labels.js';
import type { HistShape } from '../latency/histogram/hist-shape.js';
import type { SpanSource } from '../latency/span-source.js';
import type { InputReport } from '../result/types.js';
import type { CollectOptions } from './collect-spans.js';

export const HIST_SCHEMA = 'pttrace/hist/1';
export const DEFAULT_QUANTILES = [0.5, 0.9, 0.99, 0.999] as const;

export interface HistOptions extends Omit<CollectOptions, 'source' | 'keepOrder'> {
  /** What to measure; omitted: munmap, or the histograms the input holds. Given: the input is a recording. */
  readonly source?: SpanSource | undefined;
  /** Default hist() without bits. */
  readonly shape?: HistShape | undefined;
  /** bpftrace release family whose print style is used; default the newest. */
  readonly family?: PrintFamily | undefined;
  /** `us`: durations are divided by 1000 (whole) before counting, as `(nsecs - @start[tid]) / 1000`. */
  readonly unit?: 'ns' | 'us' | undefined;
  /** Map name without `@`; default `ns` or `usecs`. */
  readonly mapName?: string | undefined;
  /** In 0 … 1. */
  readonly quantiles?: readonly number[] | undefined;
  /** Add each group's percentile distribution in HdrHistogram's text form. */
  readonly hgrm?: boolean | undefined;
}

export interface HistQuantile {
  q: number;
  /** In the report's unit: exact from events; of printed bins a point inside the bin, by convention. */
  value: number | null;
  /** The quantile lies in [low, high): equal to `value` where it is exact. Null: open. */
  low: number | null;
  high: number | null;
}

export interface HistBucket {
  /** Half open, [low, high); null: open. */
  low: number | null;
  high: number | null;
  count: number;
}

export interface HistGroup {
  /** Key as bpftrace prints it between the brackets; null without key. */
  key: string | null;
  keys: string[];
  /** Read back: prose line before the histogram, and its 1-based line. */
  title: string;
  line: number | null;
  /** Read back, where the histograms differ in it: the map, and its unit. */
  mapName?: string;
  unit?: HistReport['unit'];
  count: number;
  /** Spans without a duration: begin or end outside the recording, lost events, too many open at once. */
  censored: { start: number; end: number; loss: number; evicted: number };
  buckets: HistBucket[];
  quantiles: HistQuantile[];
  /** Decimal strings of ns (ticks); null where only bins are known. */
  sum: string | null;
  min: number | null;
  max: number | null;
  mean: number | null;
  /** Percentile distribution (.hgrm), when asked for. */
  hgrm?: string;
}

export interface HistReport {
  schema: typeof HIST_SCHEMA;
  version: string;
  inputs: InputReport[];
  /** `events`: every duration was seen; `bins`: read back from printed histograms. */
  from: 'events' | 'bins';
  measured: string;
  by: string[];
  /** Unit of buckets, quantiles, min, max, mean. `unknown`: the printout does not say. */
  unit: 'ns' | 'us' | 'ms' | 's' | 'ticks' | 'unknown';
  resolutionNs: number | null;
  windowNs: number | null;
  shape: HistShape | null;
  mapName: string;
  bpftraceVersion: PrintFamily;
  filter: string | null;
  quantileMethod: string;
  groups: HistGroup[];
  /** The histograms byte for byte as bpftrace of that version prints them. */
  printed: string;
  notes: string[];
  partial: boolean;
}
