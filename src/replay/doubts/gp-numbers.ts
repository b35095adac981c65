import { GRACE_PERIOD as GP } from '../../kernel/operands.js';
import { GP_EVENT, type Op } from '../../kernel/ops.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Evidence } from '../evidence.js';
import type { Latest, Window } from './doubtful.js';

/** Events by which the number of the newest grace period is known: its own, and those of CPUs that notice it. */
const NUMBERED: ReadonlySet<number> = new Set([
  GP_EVENT.start,
  GP_EVENT.end,
  GP_EVENT.cpustart,
  GP_EVENT.cpuend,
  GP_EVENT.cpuqs,
]);

/** A grace period began and was not shown to: behind `from`, by `to`. */
export interface UnseenStart extends Window {
  /** Steps between two such events, on an average. */
  readonly meanSteps: number;
  /** Told by a start whose own number is too high, which may be what is wrong. */
  readonly byStart: boolean;
}

/** Which grace periods are shown to begin, by their numbers: kernel/rcu/rcu.h, each is four above the one before. */
export class GpNumbers {
  private readonly evidence: Evidence;
  private newest = Number.NaN;
  private readonly last: Latest = { event: 0, seq: 0, ref: -1 };
  private count = 0;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  next(op: Op): UnseenStart | null {
    const number = GP.seq(op);
    if (!NUMBERED.has(GP.event(op)) || !isKnown(number)) return null;
    const { event, seq } = this.evidence.state;
    const { last } = this;
    const byStart = GP.event(op) === GP_EVENT.start;
    const unseen =
      number > this.newest + (byStart ? 4 : 0)
        ? { from: { ...last }, to: { event, seq, ref: op.ref }, meanSteps: seq / this.count, byStart }
        : null;
    this.count++;
    last.event = event;
    last.seq = seq;
    last.ref = op.ref;
    // Of one that began before the recording a late CPU may tell.
    const own = byStart || GP.event(op) === GP_EVENT.end;
    if (number > this.newest || (own && !isKnown(this.newest))) this.newest = number;
    return unseen;
  }
}
