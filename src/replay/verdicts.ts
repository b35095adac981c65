import type { VariantMask } from '../kernel/variants.js';
import type { EvidenceRef } from '../timeline/batch.js';
import type { Rests } from './doubts/doubtful.js';
import type { Ledger } from './ledger.js';
import type { Known, Violation } from './tally.js';

/** The book of one rule: what its monitor writes, without having to know the rule's number. */
export class Verdicts {
  readonly rule: number;
  private readonly ledger: Ledger;

  constructor(ledger: Ledger, rule: number) {
    this.ledger = ledger;
    this.rule = rule;
  }

  pass(known: Known): void {
    this.ledger.pass(this.rule, known);
  }

  /** Counted by somebody else, whatever a filter hides. */
  passes(known: Known, count: number): void {
    this.ledger.tally(this.rule).pass[known]! += count;
  }

  /** A pass because something was not seen: taken back if events were lost, as is told later, or CPUs not recorded. */
  passUnseen(known: Known, ref: EvidenceRef, rests?: Rests): void {
    this.ledger.passUnseen(this.rule, known, ref, rests);
  }

  /** What was not seen has turned out to have been there: such passes since event number `from` mean nothing. */
  seenAfterAll(from: number, why: string): void {
    this.ledger.seenAfterAll(this.rule, from, why);
  }

  /** Take back a pass that a later event contradicts. */
  revoke(known: Known): void {
    this.ledger.revoke(this.rule, known);
  }

  /** `at`: number of the event at which it happened, where that is not the one being judged. */
  violated(finding: Violation, at?: number): void {
    this.ledger.violated(this.rule, finding, at);
  }

  unknown(why: string, example: EvidenceRef, count = 1): void {
    this.ledger.unknown(this.rule, why, example, count);
  }

  /** Cut off by an edge of the recording: not an opportunity at all, but counted. */
  censored(): void {
    this.ledger.censored(this.rule);
  }

  /** An instance that is violated under some variants, passes under others and says nothing about the rest. */
  masked(
    violatedUnder: VariantMask,
    passUnder: VariantMask,
    known: Known,
    finding: () => Violation,
    at?: number,
  ): void {
    this.ledger.masked(this.rule, violatedUnder, passUnder, known, finding, at);
  }
}
