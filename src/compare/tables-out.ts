import { analyse } from '../analyse/analyse.js';
import { isStored } from '../parsers/input/chunks.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { PipelineOptions } from '../read/pipeline.js';
import type { Result } from '../result/types.js';

/** Who walked page tables on their way out, over all recordings of a side that have the probes of level `readers`. */
export interface ReadersOut {
  /** Recordings with lookups, of all of the side. */
  runs: number;
  /** Released tables that somebody was seen in. */
  tables: number;
  atUnlink: { walkers: number; gupFast: number };
  /** Walkers still in a table at its release. */
  atFree: number;
  /** From the last reader out to the release, where somebody was inside at the unlink. Null: nobody was, or no end was seen. */
  margin: { count: number; leastNs: number; medianOfRunsNs: number } | null;
}

/** Page-table memory that waits for RCU, over all recordings of a side that show `call_rcu`. */
export interface DeferredOut {
  runs: number;
  /** The greatest number and size of tables that waited at once, in the least and the greatest of the runs. */
  peakTables: [least: number, greatest: number];
  peakBytes: [least: number, greatest: number];
  /** Batches whose number of tables is not shown: the peak may be higher. */
  unknownBatches: number;
}

/** What the recordings of one side show of tables between their unlink and their release. */
export interface TablesOut {
  runs: number;
  readers: ReadersOut | null;
  deferred: DeferredOut | null;
}

/** What of one recording's result counts here. */
export type RunTables = Pick<Result, 'readers' | 'deferred' | 'operations'>;

/** Null unless it is a recording on disk. It is replayed for it. */
export async function runTables(
  path: string,
  options: Omit<PipelineOptions, 'paths'>,
): Promise<RunTables | null> {
  if (path === '-' || !isStored(path)) return null;
  try {
    const { readers, deferred, operations } = await analyse({ ...options, paths: [path] });
    return { ...(readers ? { readers } : {}), deferred, operations };
  } catch (error) {
    if (error instanceof TraceError) return null;
    throw error;
  }
}

/** A run that holds nothing of either kind counts in `runs` only. */
export const tablesOut = (results: readonly RunTables[]): TablesOut => ({
  runs: results.length,
  readers: readersOut(results),
  deferred: deferredOut(results),
});

function readersOut(results: readonly RunTables[]): ReadersOut | null {
  const all = results.flatMap((r) => (r.readers ? [r.readers] : []));
  if (all.length === 0) return null;
  const sum = (of: (r: (typeof all)[number]) => number): number => all.reduce((n, r) => n + of(r), 0);
  const margins = all.flatMap((r) => (r.margin.quantiles ? [r.margin.quantiles.p50] : []));
  const least = all.flatMap((r) => (r.closest[0] ? [r.closest[0].marginNs] : []));
  return {
    runs: all.length,
    tables: sum((r) => r.tables.released),
    atUnlink: {
      walkers: sum((r) => r.inside.atUnlink.walkers),
      gupFast: sum((r) => r.inside.atUnlink.gupFast),
    },
    atFree: sum((r) => r.inside.atFree.walkers),
    margin:
      margins.length === 0 || least.length === 0
        ? null
        : {
            count: sum((r) => r.margin.count),
            leastNs: Math.min(...least),
            medianOfRunsNs: middle(margins),
          },
  };
}

function deferredOut(results: readonly RunTables[]): DeferredOut | null {
  const all = results.filter((r) => (r.operations.CR ?? 0) > 0).map((r) => r.deferred);
  if (all.length === 0) return null;
  const range = (values: number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  return {
    runs: all.length,
    peakTables: range(all.map((d) => d.peakTables)),
    peakBytes: range(all.map((d) => d.peakBytes)),
    unknownBatches: all.reduce((n, d) => n + d.unknownBatches, 0),
  };
}

/** The lower of the two in the middle, so that it is one of the runs' own. */
function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}
