import { FLUSH } from '../../kernel/operands.js';
import type { Op } from '../../kernel/ops.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Evidence } from '../evidence.js';
import type { Latest, Moment } from './doubtful.js';

/** Generations of an mm that pass unseen: one flush alone may have been missed. */
const UNSEEN = 2;
/** mms remembered at most. */
const MOST = 1 << 16;

interface Shown extends Latest {
  /** Its generation less the flushes shown by then. */
  ahead: number;
  /** Flushes, of all mms, that were under way. */
  underWay: number;
}

/** Each flush of an mm counts its generation up by one (arch/x86/mm/tlb.c inc_mm_tlb_gen()): flushes that are not shown are counted. */
export class UnseenGenerations {
  private readonly evidence: Evidence;
  private readonly flushes = new Map<number, number>();
  private readonly last = new Map<number, Shown>();

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  requested(op: Op): void {
    const mm = FLUSH.mm(op);
    if (!isKnown(mm)) return;
    if (this.flushes.size >= MOST) {
      this.flushes.clear();
      this.last.clear();
    }
    this.flushes.set(mm, (this.flushes.get(mm) ?? 0) + 1);
  }

  /** A flush of this mm shows its generation: when one was shown last, if flushes in between were not; else null. */
  shown(mm: number, gen: number, op: Op): Moment | null {
    if (!isKnown(gen) || gen <= 0) return null;
    const { event, seq, openFlushes } = this.evidence.state;
    const ahead = gen - (this.flushes.get(mm) ?? 0);
    const last = this.last.get(mm);
    const underWay = openFlushes.length;
    if (last === undefined) {
      this.last.set(mm, { ahead, underWay, event, seq, ref: op.ref });
      return null;
    }
    const unseen = ahead - last.ahead - last.underWay >= UNSEEN;
    const before = unseen ? { event: last.event, seq: last.seq, ref: last.ref } : null;
    last.ahead = ahead;
    last.underWay = underWay;
    last.event = event;
    last.seq = seq;
    last.ref = op.ref;
    return before;
  }
}
