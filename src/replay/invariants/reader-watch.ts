import { OP, type Op, READER } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { KNOWN } from '../ledger.js';
import { type Court, LOSS, order } from './court.js';

/** Spans kept one by one; beyond it neighbours are joined, at the later of their ends. */
const MAX_SPANS = 8192;

const LATE = 'a CPU shows its first event only later: a reader may have been on it';
const before = (probe: string, cpu: number): string =>
  `absence of readers is not proven: ${probe} was not seen to fire${cpu < 0 ? '' : ` on CPU ${cpu}`} before`;
const ended = (probe: string): string =>
  `absence of readers is not proven: the trace ends before ${probe} fired again${probe === READERS ? ' on every CPU' : ''}`;
const READERS = 'a reader probe';
const BRACKETS = 'the gup_fast_fallback probe';

/** An instant that a proof must come before, or after. */
export interface Instant {
  readonly seq: number;
  readonly tsNs: number;
  readonly cpu: number;
}

/** A span without a reader across it: a pass, as soon as the probe that would have shown one fires again. */
interface Span {
  readonly invariant: number;
  readonly end: Instant;
  readonly ref: EvidenceRef;
  readonly hidden: boolean;
  readonly count: number;
}

interface Firing {
  /** First and newest since the last loss there; seq 0: none. */
  first: Instant;
  last: Instant;
}

const NEVER: Instant = { seq: 0, tsNs: Number.NaN, cpu: -1 };

/**
 * That no reader section lay across a span (I37, I40) is an absence: evidence only where the probe that shows a
 * beginning fired before the span and after it, on every CPU that shows events, with no loss between. Readers seen
 * as GUP brackets only run where somebody pins pages: there the probe must have fired on any CPU (inferred).
 */
export class ReaderWatch {
  private readonly court: Court;
  /** Number of the last event before this capture. */
  private readonly begun: number;
  private readonly byCpu: Firing[] = [];
  private readonly brackets: Firing = { first: NEVER, last: NEVER };
  private spans: Span[] = [];
  private bracketSpans: Span[] = [];
  /** CPU whose newest reader is the oldest: until it shows another, nothing more is proven. */
  private slowest = -1;

  constructor(court: Court) {
    this.court = court;
    this.begun = court.ledger.now;
  }

  /** Invariant `invariant` holds over the span from `start` to `end` unless a reader was there unseen. */
  quiet(invariant: number, start: Instant, end: Instant, ref: EvidenceRef): void {
    const { ledger, state, coverage } = this.court;
    // What was lost may have begun a section that is still open, however long ago.
    if (state.lossSeq > 0) {
      ledger.unknown(invariant, LOSS, ref);
      return;
    }
    const span = { invariant, end, ref, hidden: ledger.hidden, count: 1 };
    if (coverage.total(OP.RB) === 0) {
      if (this.surely(this.brackets.first, start)) this.bracketSpans = put(this.bracketSpans, span);
      else ledger.unknown(invariant, before(BRACKETS, -1), ref);
      return;
    }
    for (const { id, lastSeq } of state.cpus) {
      if (lastSeq < 0 || this.surely(this.byCpu[id]?.first ?? NEVER, start)) continue;
      ledger.unknown(invariant, before(READERS, id), ref);
      return;
    }
    this.spans = put(this.spans, span);
  }

  /** A reader or GUP bracket begins. */
  seen(op: Op): void {
    const now: Instant = { seq: this.court.state.seq, tsNs: op.tsNs, cpu: op.cpu };
    if (op.kind === OP.GUP) {
      if (op.a0 !== 1) return;
      fired(this.brackets, now);
      if (this.bracketSpans.length > 0) {
        this.bracketSpans = this.settle(this.bracketSpans, KNOWN.inferred, [this.brackets]);
      }
      return;
    }
    // Neither a lock nor the hardware is what a grace period waits for.
    if (op.cpu < 0 || op.a0 > READER.preemptoff) return;
    const mine = this.byCpu[op.cpu];
    if (mine) fired(mine, now);
    else this.byCpu[op.cpu] = { first: now, last: now };
    if (this.spans.length === 0 || (this.slowest >= 0 && this.slowest !== op.cpu)) return;
    const all = this.court.state.cpus.filter((c) => c.lastSeq >= 0).map((c) => this.byCpu[c.id]);
    let slow = op.cpu;
    for (const f of all) if (f && f.last.seq < this.byCpu[slow]!.last.seq) slow = f.last.cpu;
    this.slowest = slow;
    if (all.every((f) => f !== undefined))
      this.spans = this.settle(this.spans, KNOWN.absence, all as Firing[]);
  }

  /** The first event of a CPU in this capture: what was proven without it is not. */
  appeared(): void {
    this.slowest = -1;
    if (this.court.coverage.total(OP.RB) > 0) this.forget(LATE);
  }

  /** A section ended that began before the capture: no absence of readers until now means anything. */
  forget(why: string): void {
    const { ledger } = this.court;
    for (const span of [...this.spans, ...this.bracketSpans]) this.unknown(span, why);
    this.spans = [];
    this.bracketSpans = [];
    for (const id of [37, 40]) ledger.seenAfterAll(id, this.begun, why);
  }

  end(): void {
    for (const span of this.spans) this.unknown(span, ended(READERS));
    for (const span of this.bracketSpans) this.unknown(span, ended(BRACKETS));
    this.spans = [];
    this.bracketSpans = [];
  }

  private settle(
    spans: readonly Span[],
    known: typeof KNOWN.absence | typeof KNOWN.inferred,
    by: Firing[],
  ): Span[] {
    const { state } = this.court;
    const open: Span[] = [];
    for (const span of spans) {
      if (state.lossSeq > 0) this.unknown(span, LOSS);
      else if (by.every((f) => this.surely(span.end, f.last))) this.pass(span, known);
      else open.push(span);
    }
    return open;
  }

  private pass(span: Span, known: typeof KNOWN.absence | typeof KNOWN.inferred): void {
    const { ledger } = this.court;
    const now = ledger.hidden;
    ledger.hidden = span.hidden;
    for (let i = 0; i < span.count; i++) ledger.passUnseen(span.invariant, known, span.ref);
    ledger.hidden = now;
  }

  private unknown(span: Span, why: string): void {
    this.court.ledger.unknown(span.invariant, why, span.ref, span.count);
  }

  /** One before the other, and not within the clock error. */
  private surely(a: Instant, b: Instant): boolean {
    if (a.seq === 0 || a.seq > b.seq) return false;
    return order(this.court, a.tsNs, a.cpu, b.tsNs, b.cpu) !== null;
  }
}

function fired(firing: Firing, now: Instant): void {
  if (firing.first.seq === 0) firing.first = now;
  firing.last = now;
}

function put(spans: Span[], span: Span): Span[] {
  spans.push(span);
  if (spans.length <= MAX_SPANS) return spans;
  spans.sort(
    (a, b) => a.invariant - b.invariant || Number(a.hidden) - Number(b.hidden) || a.end.seq - b.end.seq,
  );
  const joined: Span[] = [];
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i]!;
    const next = spans[i + 1];
    if (next?.invariant === span.invariant && next.hidden === span.hidden) {
      joined.push({ ...next, count: span.count + next.count });
      i++;
    } else joined.push(span);
  }
  return joined;
}
