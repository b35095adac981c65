import type { Op } from '../../kernel/ops.js';
import { type Evidence, LOSS, lostSince, w } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Flush } from '../state/table-life.js';
import { KNOWN, type Known, type Violation } from '../tally.js';
import type { Verdicts } from '../verdicts.js';

type Finding = Omit<Violation, 'known'>;

interface Unseen {
  /** Counts as held if the flush was back. */
  readonly pass: boolean;
  /** Broken if it was not; null: then nothing is known. */
  readonly finding: Finding | null;
  readonly ref: number;
  readonly hidden: boolean;
  readonly at: number;
}

/**
 * What of a rule rests on the return of a flush. One that nobody saw is certain only when it can no longer come: if it
 * comes after all, what its task did before that happened within the flush.
 */
export class UnseenReturns implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly open = new Map<Flush, Unseen[]>();

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  /** `known` null: it holds without being counted. */
  rests(flush: Flush, known: Known | null, ref: number, finding: () => Finding | null): void {
    if (!flush.backByOrder || flush.settled) {
      if (known !== null) this.verdicts.pass(known);
      return;
    }
    let cases = this.open.get(flush);
    if (!cases) this.open.set(flush, (cases = []));
    const { hidden, now } = this.evidence.ledger;
    cases.push({ pass: known !== null, finding: finding(), ref, hidden, at: now });
  }

  returnUnseen(flush: Flush): void {
    for (const { pass } of this.take(flush)) if (pass) this.verdicts.pass(KNOWN.inferred);
  }

  returnedAfterAll(flush: Flush, op: Op): void {
    const lost = lostSince(this.evidence, flush.frSeq);
    for (const { finding, at, ref } of this.take(flush)) {
      if (lost) this.verdicts.unknown(LOSS, op.ref);
      else if (!finding) this.verdicts.unknown(NOT_OF_MM, ref);
      else {
        const events = [...finding.events, w(op.ref, 'flush returns')];
        this.verdicts.violated({ ...finding, events, known: KNOWN.observed }, at);
      }
    }
  }

  end(): void {
    for (const flush of [...this.open.keys()]) {
      for (const { pass, ref } of this.take(flush)) if (pass) this.verdicts.unknown(NEVER_SEEN, ref);
    }
  }

  /** One by one, each under the filter of its own time. */
  private *take(flush: Flush): Generator<Unseen> {
    const cases = this.open.get(flush);
    if (!cases) return;
    this.open.delete(flush);
    const { ledger } = this.evidence;
    const { hidden } = ledger;
    for (const c of cases) {
      ledger.hidden = c.hidden;
      yield c;
    }
    ledger.hidden = hidden;
  }
}

const NEVER_SEEN =
  'the return of the flush was not seen, and the recording ends before it can no longer come';
const NOT_OF_MM = 'a page freed before the flush is not known to be a frame of this mm';
