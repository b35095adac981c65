import { LIMITS } from './costs.js';

/** Log-linear buckets of relative width 1/32: quantiles in bounded memory. */
const STEPS = 32;

/** Counts of a simulation, kept by the simulator itself: independent of what a replay finds in the log. */
export class SimCounts {
  munmaps = 0;
  tablesFreed = 0;
  tablesRemoved = 0;
  pagesFreed = 0;
  flushes = 0;
  flushIpis = 0;
  syncIpis = 0;
  callRcu = 0;
  deferredTables = 0;
  gracePeriods = 0;
  peakDeferredBytes = 0;
  private deferredPages = 0;
  private readonly latencies = new Map<number, number>();
  private maxNs = 0;

  latency(ns: number): void {
    this.munmaps++;
    this.maxNs = Math.max(this.maxNs, ns);
    const bucket = Math.ceil(Math.log2(Math.max(1, ns)) * STEPS);
    this.latencies.set(bucket, (this.latencies.get(bucket) ?? 0) + 1);
  }

  /** Pages that wait for a grace period, batch pages included. */
  defer(pages: number): void {
    this.deferredPages += pages;
    this.peakDeferredBytes = Math.max(this.peakDeferredBytes, this.deferredPages * 4096);
  }

  release(pages: number): void {
    this.deferredPages -= pages;
  }

  /** Nearest rank, to the upper edge of its bucket (2.2 % wide); NaN without calls. */
  private quantile(q: number): number {
    let left = Math.ceil(q * this.munmaps);
    for (const [bucket, count] of [...this.latencies].sort((a, b) => a[0] - b[0])) {
      left -= count;
      if (left <= 0) return Math.min(this.maxNs, 2 ** (bucket / STEPS));
    }
    return Number.NaN;
  }

  report(variant: string, lines: number): SimSummary {
    const at = (q: number): number | null => (this.munmaps === 0 ? null : Math.round(this.quantile(q)));
    return {
      schema: 'pttrace-simulate/1',
      variant,
      lines,
      munmaps: this.munmaps,
      tablesRemoved: this.tablesRemoved,
      tablesFreed: this.tablesFreed,
      pagesFreed: this.pagesFreed,
      flushes: this.flushes,
      flushIpis: this.flushIpis,
      syncIpis: this.syncIpis,
      callRcu: this.callRcu,
      deferredTables: this.deferredTables,
      gracePeriods: this.gracePeriods,
      peakDeferredBytes: this.peakDeferredBytes,
      munmapNs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) },
      limits: LIMITS,
    };
  }
}

export interface SimSummary {
  readonly schema: 'pttrace-simulate/1';
  readonly variant: string;
  readonly lines: number;
  readonly munmaps: number;
  readonly tablesRemoved: number;
  /** Equal to `tablesRemoved`: the log ends when the last callback has run. */
  readonly tablesFreed: number;
  readonly pagesFreed: number;
  readonly flushes: number;
  readonly flushIpis: number;
  readonly syncIpis: number;
  readonly callRcu: number;
  readonly deferredTables: number;
  readonly gracePeriods: number;
  readonly peakDeferredBytes: number;
  /** Simulated latencies, ns; null without calls. Quantiles are upper edges of buckets 2.2 % wide. */
  readonly munmapNs: {
    readonly p50: number | null;
    readonly p90: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
  readonly limits: readonly string[];
}
