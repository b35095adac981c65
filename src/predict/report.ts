import type { EventQuote, InputReport } from '../result/types.js';

export const PREDICT_SCHEMA = 'pttrace-predict/1';

/** Frees that have the same answer for the same reason. */
export interface PredictGroup {
  /** What kept walkers out at the unlink, and what came between that and the release, in words. */
  readonly path: string;
  readonly frees: number;
  readonly verdict: 'safe' | 'candidate' | 'unknown';
  /** What alone suffices; what is not shown. */
  readonly because: string;
  /** One order of steps in which the walker uses the table after its release, shortest there is. */
  readonly steps: readonly string[];
  /** The first of them in the recording. */
  readonly events: readonly EventQuote[];
}

export interface PredictReader {
  readonly reader: string;
  readonly candidates: number;
  readonly safe: number;
  readonly unknown: number;
  readonly groups: readonly PredictGroup[];
}

/** What `pttrace predict` says: for each free, whether a walker would be safe there. */
export interface PredictReport {
  readonly schema: typeof PREDICT_SCHEMA;
  readonly version: string;
  readonly inputs: readonly InputReport[];
  readonly variants: readonly string[];
  /** Releases of page tables whose unlink the recording shows. */
  readonly frees: number;
  /** How flushes may have reached other CPUs. */
  readonly flushBy: readonly string[];
  readonly readers: readonly PredictReader[];
  readonly limits: readonly string[];
  readonly partial: boolean;
}

export const PREDICT_LIMITS: readonly string[] = [
  'Decided on the model of docs/explore.md: one walker of each kind on one other CPU, one pass, at every point that the recorded locks, interrupts and grace periods allow.',
  'The steps between unlink and release are those of the recording; that a callback waited for a grace period, that locks were held and that an interrupt was answered is what replay checks.',
  'Tables that khugepaged deposits instead of releasing them are not counted.',
];
