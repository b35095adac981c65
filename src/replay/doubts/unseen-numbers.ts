import { SHOOTDOWN } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Evidence } from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import type { Moment } from './doubtful.js';
import { GpNumbers, type UnseenStart } from './gp-numbers.js';
import { UnseenGenerations } from './unseen-generations.js';

/**
 * Grace periods and flushes that are counted and not shown, for those monitors behind this one that ask what it means: each
 * answer is about the operation at hand.
 */
export class UnseenNumbers implements Monitor {
  /** `OP.GP`: a grace period that began unseen. */
  period: UnseenStart | null = null;
  /** `isOfFlush`: when a flush of this mm was shown last, if others in between were not. */
  flush: Moment | null = null;
  private readonly periods: GpNumbers;
  private readonly generations: UnseenGenerations;

  readonly on: OpListeners = {
    [OP.GP]: (op) => {
      this.period = this.periods.next(op);
    },
    [OP.FR]: (op) => this.generations.requested(op),
    [OP.FMULTI]: (op) => this.shown(op),
    [OP.INV]: (op) => this.shown(op),
  };

  constructor(evidence: Evidence) {
    this.periods = new GpNumbers(evidence);
    this.generations = new UnseenGenerations(evidence);
  }

  private shown(op: Op): void {
    this.flush = isOfFlush(op) ? this.generations.shown(SHOOTDOWN.mm(op), SHOOTDOWN.tlbGen(op), op) : null;
  }
}

/**
 * `OP.FMULTI` or `OP.INV` within the flush of an mm, by the task that flushes: only flush_tlb_mm_range() does these
 * (arch/x86/mm/tlb.c; arch_tlbbatch_flush() does them for no mm).
 */
export function isOfFlush(op: Op): boolean {
  const unsaid = op.kind === OP.FMULTI && op.context === CONTEXT.unknown;
  const mm = SHOOTDOWN.mm(op);
  return (op.context === CONTEXT.task || unsaid) && isKnown(mm) && mm !== 0;
}
