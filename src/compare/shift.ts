import type { Estimate } from '../latency/statistics/bootstrap-shifts.js';

/**
 * What an interval is about. `runs`: how a kernel differs from another, because the spread of runs is in it.
 * `within`: these two recordings only. `assumed`: these two, with a spread of runs that the asker stated.
 */
export type Basis = 'runs' | 'within' | 'assumed' | 'none';

/** A statistic on both sides; before and after are means over the runs (geometric where a ratio is asked for). */
export interface Shift {
  readonly before: number;
  readonly after: number;
  readonly ratio: Estimate | null;
  readonly difference: Estimate | null;
  readonly basis: Basis;
  /** A key of `METHODS`. */
  readonly method:
    | 'betweenRuns'
    | 'pairs'
    | 'shiftBootstrap'
    | 'shiftBins'
    | 'tails'
    | 'meanBounds'
    | 'meanNormal'
    | 'seen'
    /** Several runs that give no interval (`interval-limits.ts`). */
    | 'noUneven'
    | 'noEdge'
    | 'noSingle'
    | 'noTail';
}
