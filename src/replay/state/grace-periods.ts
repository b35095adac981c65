import type { EvidenceRef } from '../../timeline/batch.js';

/** Grace periods as `rcu:rcu_grace_period` shows them. */
export interface GracePeriods {
  /** Starts seen so far. */
  starts: number;
  /** rcu_gp_init() was entered and has not returned: the number may have moved already, or not yet. */
  opening: boolean;
  /** gp_seq of the running one, NaN none. */
  seq: number;
  startRef: EvidenceRef;
  /** Index (as `starts`) of the newest one that has ended. */
  ended: number;
  endedRef: EvidenceRef;
  endedTs: number;
  /** Index of the newest one whose end is not shown, and that the next one proves to be over. */
  unshownEnd: number;
  /** As `rcu:rcu_exp_grace_period` shows the expedited ones; `ended` counts as `starts` does. */
  readonly expedited: { starts: number; running: boolean; ended: number };
}
