import type { DelayKind } from '../latency/delays.js';
import type { UnlinkedBy } from '../replay/state/walks.js';

/** Stamps and durations are ns since the zero point of the timeline (`TimeBase`); with a clock that counts ticks, ticks. */
export interface MeasuredSpan {
  readonly endNs: number;
  readonly durationNs: number;
  /** Where it ended; negative: not known. */
  readonly cpu: number;
  /** Negative: not known. */
  readonly tid: number;
  /** Id of the task's name. */
  readonly comm: number;
}

export interface MeasuredDelay {
  readonly queuedNs: number;
  readonly durationNs: number;
  readonly kind: DelayKind;
  /** Tables that it frees; NaN: not known. */
  readonly tables: number;
}

/** A PTE table with readers in it when it was unlinked. */
export interface MeasuredMargin {
  readonly table: string;
  /** User address that it mapped; null: not known. */
  readonly address: string | null;
  readonly unlinkedBy: UnlinkedBy;
  readonly unlinkedNs: number;
  readonly releasedNs: number;
  /** From the end of the last of these readers to the release; negative: released under it. */
  readonly marginNs: number;
  readonly walkers: number;
  readonly gupFast: number;
}

/** Told of every single thing that is measured, in the order in which it was known, as the distributions are. */
export interface Measured {
  span(span: MeasuredSpan): void;
  delay(delay: MeasuredDelay): void;
  margin(margin: MeasuredMargin): void;
}
