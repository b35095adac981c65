import { GUP, READ } from '../../kernel/operands.js';
import { OP, type Op, READER } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { type Evidence, LOSS, order } from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import type { Cpu } from '../state/contexts.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';

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
  readonly verdicts: Verdicts;
  readonly end: Instant;
  readonly ref: EvidenceRef;
  readonly hidden: boolean;
  readonly count: number;
  /** Not even a section whose hits were missed can lie across it. */
  readonly whole: boolean;
}

interface Doubt {
  readonly ref: EvidenceRef;
  readonly edge: boolean;
  count: number;
}

interface Firing {
  /** First and newest since the last loss there; seq 0: none. */
  first: Instant;
  last: Instant;
}

/** A reader that was there would have shown itself by one of these. */
const READER_KINDS = [OP.RB, OP.RE, OP.GUP, OP.MAP, OP.MAPR];

const NEVER: Instant = { seq: 0, tsNs: Number.NaN, cpu: -1 };

/**
 * That no reader section lay across a span (I37, I40) is an absence: evidence only where the probe that shows a
 * beginning fired before the span and after it, on every CPU that shows events, with no loss between. Readers seen
 * as GUP brackets only run where somebody pins pages: there the probe must have fired on any CPU (inferred).
 */
export class ReaderWatch implements Monitor {
  private readonly evidence: Evidence;
  private readonly users: Verdicts[] = [];

  readonly on: OpListeners = {
    [OP.RB]: (op) => this.seen(op),
    [OP.GUP]: (op) => this.seen(op),
  };

  /** Number of the last event before this capture. */
  private readonly begun: number;
  private readonly byCpu: Firing[] = [];
  private readonly brackets: Firing = { first: NEVER, last: NEVER };
  private readonly seenAcross = new Set<Verdicts>();
  /** Of which a span was shown to be without readers. */
  private readonly proven = new Set<Verdicts>();
  private readonly doubts = new Map<Verdicts, Map<string, Doubt>>();
  private over = false;
  private spans: Span[] = [];
  private bracketSpans: Span[] = [];
  /** CPU whose newest reader is the oldest: until it shows another, nothing more is proven. */
  private slowest = -1;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
    this.begun = evidence.ledger.now;
  }

  /** A rule whose passes rest on what this watches. */
  join(verdicts: Verdicts): void {
    this.users.push(verdicts);
  }

  /** Readers seen to begin before the span ended within it: that is what the rule is about. */
  crossed(verdicts: Verdicts): void {
    verdicts.pass(KNOWN.observed);
    this.seenAcross.add(verdicts);
  }

  /**
   * A span of which nothing tells whether a reader lay across it. `edge`: only because the recording, or what it shows of
   * readers, begins or ends too near.
   */
  unproven(verdicts: Verdicts, why: string, ref: EvidenceRef, count = 1, edge = false): void {
    const doubts = this.doubts.get(verdicts) ?? new Map<string, Doubt>();
    this.doubts.set(verdicts, doubts);
    const known = doubts.get(why);
    if (known) known.count += count;
    else doubts.set(why, { ref, count, edge });
    if (this.over) this.book();
  }

  /** The rule holds over the span from `start` to `end` unless a reader was there unseen. */
  quiet(verdicts: Verdicts, start: Instant, end: Instant, ref: EvidenceRef): void {
    const { ledger, state, coverage } = this.evidence;
    // What was lost may have begun a section that is still open, however long ago.
    if (state.lossSeq > 0) {
      verdicts.unknown(LOSS, ref);
      return;
    }
    const whole = state.cpus.every((cpu) => cpu.lastSeq < 0 || this.showsItself(cpu, start, end));
    const span = { verdicts, end, ref, hidden: ledger.hidden, count: 1, whole };
    if (coverage.shown(OP.RB) === 0) {
      if (this.surely(this.brackets.first, start)) this.bracketSpans = put(this.bracketSpans, span);
      else this.unproven(verdicts, before(BRACKETS, -1), ref, 1, true);
      return;
    }
    for (const { id, lastSeq } of state.cpus) {
      if (lastSeq < 0 || this.surely(this.byCpu[id]?.first ?? NEVER, start)) continue;
      this.unproven(verdicts, before(READERS, id), ref, 1, true);
      return;
    }
    this.spans = put(this.spans, span);
  }

  /**
   * A kprobe misses only hits inside the handler of another one, or inside an interrupt of that handler, and the handler
   * neither sleeps nor is preempted (kernel/kprobes.c). A section that was missed is over, then, before the CPU shows an event
   * of a task, or one that a kprobe did record.
   */
  private showsItself(cpu: Cpu, start: Instant, end: Instant): boolean {
    const within = (at: Instant): boolean => this.surely(start, at) && this.surely(at, end);
    return (
      within({ seq: cpu.taskSeq, tsNs: cpu.taskTs, cpu: cpu.id }) || within(this.byCpu[cpu.id]?.last ?? NEVER)
    );
  }

  /** A reader or GUP bracket begins. */
  private seen(op: Op): void {
    const now: Instant = { seq: this.evidence.state.seq, tsNs: op.tsNs, cpu: op.cpu };
    if (op.kind === OP.GUP) {
      if (!GUP.entry(op)) return;
      fired(this.brackets, now);
      if (this.bracketSpans.length > 0) {
        this.bracketSpans = this.settle(this.bracketSpans, KNOWN.inferred, [this.brackets]);
      }
      return;
    }
    // Neither a lock nor the hardware is what a grace period waits for.
    if (op.cpu < 0 || READ.kind(op) > READER.preemptoff) return;
    const mine = this.byCpu[op.cpu];
    if (mine) fired(mine, now);
    else this.byCpu[op.cpu] = { first: now, last: now };
    this.settleReaders(op.cpu);
  }

  private settleReaders(cpu: number): void {
    if (this.spans.length === 0 || (this.slowest >= 0 && this.slowest !== cpu)) return;
    const all = this.evidence.state.cpus.filter((c) => c.lastSeq >= 0).map((c) => this.byCpu[c.id]);
    let slow = cpu;
    for (const f of all) if (f && f.last.seq < this.byCpu[slow]!.last.seq) slow = f.last.cpu;
    this.slowest = slow;
    if (all.every((f) => f !== undefined))
      this.spans = this.settle(this.spans, KNOWN.absence, all as Firing[]);
  }

  /** Probes that have fired there would have fired until now. */
  alive(cpu: number, tsNs: number): void {
    const now: Instant = { seq: this.evidence.state.seq, tsNs, cpu };
    const mine = this.byCpu[cpu];
    if (mine && mine.first.seq > 0) {
      mine.last = now;
      this.slowest = -1;
      this.settleReaders(cpu);
    }
    if (this.brackets.first.seq === 0) return;
    this.brackets.last = now;
    this.bracketSpans = this.settle(this.bracketSpans, KNOWN.inferred, [this.brackets]);
  }

  /** The first event of a CPU in this capture: what was proven without it is not. */
  cpuAppeared(): void {
    this.slowest = -1;
    if (this.evidence.coverage.shown(OP.RB) > 0) this.forget(LATE);
  }

  /** A section ended that began before the capture. */
  readerUnseen(): void {
    this.forget('a reader that was never seen to begin ended later: it may have been open');
  }

  /** No absence of readers until now means anything. */
  private forget(why: string): void {
    for (const span of [...this.spans, ...this.bracketSpans]) this.unknown(span, why);
    this.spans = [];
    this.bracketSpans = [];
    for (const verdicts of this.users) verdicts.seenAfterAll(this.begun, why);
    this.proven.clear();
  }

  end(): void {
    for (const span of this.spans) this.unknown(span, ended(READERS), true);
    for (const span of this.bracketSpans) this.unknown(span, ended(BRACKETS), true);
    this.spans = [];
    this.bracketSpans = [];
    this.over = true;
    this.book();
  }

  /**
   * Where readers were seen to be waited for, a span without any is no opportunity; else it is all there is. Beside spans
   * that are shown to be without any, those at an edge are no more than cut off.
   */
  private book(): void {
    for (const [verdicts, doubts] of this.doubts) {
      for (const [why, { ref, count, edge }] of doubts) {
        const cut = this.seenAcross.has(verdicts) || (edge && this.proven.has(verdicts));
        if (cut) for (let i = 0; i < count; i++) verdicts.censored();
        else verdicts.unknown(why, ref, count);
      }
    }
    this.doubts.clear();
  }

  private settle(
    spans: readonly Span[],
    known: typeof KNOWN.absence | typeof KNOWN.inferred,
    by: Firing[],
  ): Span[] {
    const { state } = this.evidence;
    const open: Span[] = [];
    for (const span of spans) {
      if (state.lossSeq > 0) this.unknown(span, LOSS);
      else if (by.every((f) => this.surely(span.end, f.last))) this.pass(span, known);
      else open.push(span);
    }
    return open;
  }

  private pass(span: Span, known: typeof KNOWN.absence | typeof KNOWN.inferred): void {
    const { ledger } = this.evidence;
    const now = ledger.hidden;
    ledger.hidden = span.hidden;
    this.proven.add(span.verdicts);
    const rests = { kinds: span.whole ? [] : READER_KINDS, idle: true };
    for (let i = 0; i < span.count; i++) span.verdicts.passUnseen(known, span.ref, rests);
    ledger.hidden = now;
  }

  private unknown(span: Span, why: string, edge = false): void {
    if (why === LOSS) span.verdicts.unknown(why, span.ref, span.count);
    else this.unproven(span.verdicts, why, span.ref, span.count, edge);
  }

  /** One before the other, and not within the clock error. */
  private surely(a: Instant, b: Instant): boolean {
    if (a.seq === 0 || a.seq > b.seq) return false;
    return order(this.evidence, a.tsNs, a.cpu, b.tsNs, b.cpu) !== null;
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
    (a, b) =>
      a.verdicts.rule - b.verdicts.rule || Number(a.hidden) - Number(b.hidden) || a.end.seq - b.end.seq,
  );
  const joined: Span[] = [];
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i]!;
    const next = spans[i + 1];
    if (next?.verdicts === span.verdicts && next.hidden === span.hidden) {
      joined.push({ ...next, count: span.count + next.count, whole: span.whole && next.whole });
      i++;
    } else joined.push(span);
  }
  return joined;
}
