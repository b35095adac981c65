import { FUNC, isTableFunc, OP, type Op } from '../../kernel/ops.js';
import { KNOWN, type Known } from '../ledger.js';
import { type Cpu, type Gather, type Head, LIFE, type Reader } from '../state.js';
import {
  absent,
  bothOrders,
  CLOCK,
  type Court,
  explainedBySkew,
  flips,
  LOSS,
  lostSince,
  margin,
  order,
  w,
  witnesses,
} from './court.js';
import type { ReaderWatch } from './reader-watch.js';
import { READER_NAMES } from './table-life.js';

const NO_GP = 'grace periods are not shown: needs rcu:rcu_grace_period (CONFIG_RCU_TRACE)';
const BETWEEN = 'the older call_rcu may have been interrupted before it reached the list';
const NO_READERS =
  'no reader sections are shown: needs probes on __rcu_read_lock/__rcu_read_unlock or gup_fast_fallback';

/**
 * RCU: I11 no-double-call_rcu, I36 cb-after-gp, I37 cb-not-inside-reader, I38 cb-exactly-once, I39 cb-func-match,
 * I42 fifo. Source: kernel/rcu/tree.c, kernel/rcu/rcu_segcblist.c; guarantees G1–G5 in docs/invariants.md.
 *
 * I11, I38 and I39 count page-table callbacks only; callbacks of other subsystems are still judged when they
 * break a rule, and I36 and I42 count them all.
 */
export class RcuFamily {
  private readonly court: Court;
  private waitingForGp: { head: Head; ref: number }[] = [];
  /** An enqueue that is counted already. */
  private twice = -1;
  /** A callback ran away from its enqueuing CPU: callbacks are offloaded, so per-CPU order says less. */
  private offloaded = false;

  private readonly watch: ReaderWatch;

  constructor(court: Court, watch: ReaderWatch) {
    this.court = court;
    this.watch = watch;
  }

  /** I11 holds if nothing was queued on this head before: it came to life, or was handed over, in plain sight. */
  queued(head: Head, gather: Gather | null): void {
    if (!isTableFunc(head.func)) return;
    const { ledger, state } = this.court;
    const seenFrom = Math.max(gather && !gather.headless ? gather.gbSeq : 0, head.tables[0]?.trSeq ?? 0);
    if (state.lossSeq > seenFrom) {
      if (head.crRef !== this.twice) ledger.unknown(11, LOSS, head.crRef);
    } else ledger.pass(11, KNOWN.observed);
  }

  /** I11: CR(h) while h is pending. `debug_rcu_head_queue()` catches the same in a debug kernel. */
  queuedTwice(head: Head, again: Op): void {
    const { ledger, coverage } = this.court;
    const byTracepoint = again.kind === OP.RQ;
    const table = isTableFunc(head.func);
    if (table && head.overtakenBy) this.neverRan(head, coverage);
    // The queued() that follows counts the new enqueue as a pass; this instance is the violation instead.
    const events = witnesses(w(head.crRef, 'first call_rcu'), w(again.ref, 'second call_rcu'));
    if (lostSince(this.court, head.crSeq)) {
      ledger.unknown(11, LOSS, again.ref);
      this.twice = again.ref;
      return;
    }
    if (byTracepoint && coverage.total(OP.RI) === 0) return;
    if (!byTracepoint) {
      // The callback's own probe can be skipped silently; the release of its page cannot.
      const endShows = coverage.total(OP.FREE) > 0 && head.page >= 0;
      if (!endShows) {
        ledger.unknown(
          11,
          'whether the callback ran in between is not shown: needs kmem:mm_page_free',
          again.ref,
        );
        return;
      }
    }
    ledger.violated(11, {
      message: `call_rcu() on a head that is still pending${table ? '' : ' (not a page-table callback)'}`,
      known: KNOWN.observed,
      assumesAllCpus: true,
      held: [`RCU: the head, pending on the callback list of CPU ${head.crCpu}`],
      events,
    });
  }

  callbackRan(head: Head, op: Op): void {
    const known: Known = head.ran === 1 ? KNOWN.observed : KNOWN.inferred;
    const { ledger } = this.court;
    if (isTableFunc(head.func)) ledger.pass(38, known);
    if (head.cbFunc !== 0) this.sameFunc(head, head.cbFunc, op, true);
    else if (isTableFunc(head.func)) {
      // Its releases show that it ran, not as what.
      this.court.ledger.unknown(39, 'which function ran is not shown, only what it released', op.ref);
    }
    this.order(head, op, known);
    this.afterGp(head, known, op);
    if (isTableFunc(head.func)) this.readersAtCallback(head, op);
    if (head.crCpu >= 0 && op.cpu >= 0 && head.crCpu !== op.cpu) this.offloaded = true;
  }

  /** The callback's own probe fires after the tracepoint that invoked it. */
  callbackFunc(head: Head, op: Op): void {
    this.sameFunc(head, op.a1, op, false);
  }

  private sameFunc(head: Head, func: number, op: Op, first: boolean): void {
    const { ledger } = this.court;
    if (func === head.func) {
      if (first && isTableFunc(func)) ledger.pass(39, KNOWN.observed);
      return;
    }
    if (head.func === FUNC.unknown || func === FUNC.unknown) return;
    if (!first && isTableFunc(head.func)) ledger.revoke(39, KNOWN.observed);
    ledger.violated(39, {
      message: 'the callback that ran is not the one that was queued on this head',
      known: KNOWN.observed,
      events: witnesses(w(head.crRef, 'queued'), w(op.ref, 'ran')),
    });
  }

  /** I42: rcu_segcblist keeps the order of one CPU's enqueues. */
  private order(head: Head, op: Op, known: Known): void {
    const { ledger } = this.court;
    if (head.crCpu < 0 || op.cpu < 0) return;
    if (head.crCpu !== op.cpu) {
      ledger.unknown(42, 'the callback ran on another CPU than the one that queued it', op.ref);
      return;
    }
    const younger = head.overtakenBy;
    if (!younger) {
      // A younger one may have run in what was lost here.
      if ((this.court.state.cpus[op.cpu]?.lossSeq ?? 0) > head.crSeq) ledger.unknown(42, LOSS, op.ref);
      else ledger.pass(42, known);
      return;
    }
    if (lostSince(this.court, head.crSeq)) {
      ledger.unknown(42, LOSS, op.ref);
      return;
    }
    if (head.listedSeq === 0 || head.listedSeq > younger.crSeq) {
      ledger.unknown(42, BETWEEN, op.ref);
      return;
    }
    ledger.violated(42, {
      message: `callbacks of CPU ${head.crCpu} ran out of order`,
      known: KNOWN.observed,
      before: younger.cbRef,
      events: witnesses(
        w(head.crRef, 'queued first'),
        w(younger.crRef, 'queued second'),
        w(younger.cbRef, 'second ran'),
        w(op.ref, 'first ran'),
      ),
    });
  }

  private afterGp(head: Head, known: Known, op: Op): void {
    const { ledger, state, coverage } = this.court;
    if (coverage.total(OP.GP) === 0) {
      ledger.unknown(36, NO_GP, op.ref);
    } else if (state.gp.ended > head.gpStarts) ledger.pass(36, known);
    else if (lostSince(this.court, head.crSeq)) ledger.unknown(36, LOSS, op.ref);
    else this.waitingForGp.push({ head, ref: op.ref });
  }

  /** Callbacks that came before any sufficient grace period had been seen to end. */
  gpEnded(op: Op): void {
    if (this.waitingForGp.length === 0) return;
    const { ledger, state } = this.court;
    const still: { head: Head; ref: number }[] = [];
    for (const wait of this.waitingForGp) {
      const { head } = wait;
      if (lostSince(this.court, head.crSeq)) {
        ledger.unknown(36, LOSS, wait.ref);
      } else if (
        state.gp.ended > head.gpStarts &&
        (order(this.court, head.cbTs, head.cbCpu, op.tsNs, op.cpu) === null ||
          explainedBySkew(this.court, head.cbTs, head.cbCpu, op.tsNs, op.cpu))
      ) {
        ledger.unknown(36, CLOCK, wait.ref);
      } else {
        ledger.violated(36, {
          message: 'a callback ran before a full grace period had passed since call_rcu',
          known: KNOWN.observed,
          assumesAllCpus: true,
          before: wait.ref,
          ...(state.gp.ended > head.gpStarts
            ? flips(margin(this.court, head.cbTs, head.cbCpu, op.tsNs, op.cpu))
            : {}),
          events: witnesses(
            w(head.crRef, 'call_rcu'),
            w(wait.ref, 'callback'),
            w(
              op.ref,
              state.gp.ended > head.gpStarts ? 'first sufficient grace period ends' : 'grace period ends',
            ),
          ),
        });
      }
    }
    this.waitingForGp = still;
  }

  private readersAtCallback(head: Head, op: Op): void {
    const { ledger, state, coverage } = this.court;
    let spanned = false;
    for (const reader of state.readers.values()) {
      if (reader.seq > head.crSeq || reader.kind > 2) continue;
      spanned = true;
      reader.overlaps.push({ what: 'callback', table: null, head, ref: op.ref, ts: op.tsNs, cpu: op.cpu });
    }
    if (spanned) return;
    for (const seq of state.gups.values()) {
      if (seq < head.crSeq) {
        ledger.unknown(37, 'a GUP bracket spans it, which is not the IRQ-off section itself', op.ref);
        return;
      }
    }
    if (coverage.total(OP.RB) + coverage.total(OP.GUP) === 0) ledger.unknown(37, NO_READERS, op.ref);
    else {
      const queued = { seq: head.crSeq, tsNs: head.crTs, cpu: head.crCpu };
      this.watch.quiet(37, queued, { seq: state.seq, tsNs: op.tsNs, cpu: op.cpu }, op.ref);
    }
  }

  readerEnded(reader: Reader, op: Op): void {
    for (const overlap of reader.overlaps) {
      if (overlap.what !== 'callback' || !overlap.head) continue;
      const { head } = overlap;
      const known = bothOrders(
        order(this.court, reader.ts, reader.cpu, head.crTs, head.crCpu),
        order(this.court, overlap.ts, head.cbCpu, op.tsNs, op.cpu),
      );
      if (known === null) {
        this.court.ledger.unknown(37, CLOCK, overlap.ref);
        continue;
      }
      this.court.ledger.violated(37, {
        message: 'a callback ran inside a reader section that began before its call_rcu',
        known,
        held: [`CPU ${reader.cpu}: a reader (${READER_NAMES[reader.kind] ?? 'unnamed'})`],
        before: overlap.ref,
        ...flips(
          margin(this.court, reader.ts, reader.cpu, head.crTs, head.crCpu),
          margin(this.court, overlap.ts, head.cbCpu, op.tsNs, op.cpu),
        ),
        events: witnesses(
          w(reader.ref, `reader begins on CPU ${reader.cpu}`),
          w(overlap.head.crRef, 'call_rcu'),
          w(overlap.ref, 'callback'),
          w(op.ref, 'reader ends'),
        ),
      });
    }
  }

  readerLost(reader: Reader): void {
    for (const overlap of reader.overlaps) {
      if (overlap.what === 'callback') {
        this.court.ledger.unknown(37, 'a reader open at the callback has no end in the trace', reader.ref);
      }
    }
  }

  /** I38, callback without an unmatched enqueue. */
  callbackUnmatched(previous: Head | null, cpu: Cpu | null, op: Op): void {
    const { ledger, state } = this.court;
    if (!isTableFunc(op.a1)) return;
    if (!previous) {
      // Heads queued before the capture run first (per-CPU order); after a head whose enqueue is in the trace has
      // run on this CPU, an unmatched one cannot be of that kind.
      if (!cpu || cpu.matchedSeq === 0 || this.offloaded || state.lossSeq > 0) {
        ledger.censored(38);
        return;
      }
    }
    absent(
      this.court,
      38,
      {
        kinds: [OP.CR],
        cpu: op.cpu,
        since: previous ? previous.cbSeq : (cpu?.matchedSeq ?? 0),
        probe: 'the call_rcu probe',
      },
      {
        message: previous ? 'a callback ran twice for one call_rcu' : 'a callback ran that was never queued',
        severity: 'S1',
        events: witnesses(
          w(previous?.crRef ?? -1, 'call_rcu'),
          w(previous?.cbRef ?? -1, 'callback'),
          w(op.ref, previous ? 'callback again' : 'callback'),
        ),
      },
    );
  }

  /** The memory of a pending head is in use again: its callback must have run, or its tables leak. */
  headReused(head: Head, op: Op): void {
    const { ledger, coverage } = this.court;
    if (!isTableFunc(head.func)) return;
    if (lostSince(this.court, head.crSeq)) ledger.unknown(38, LOSS, op.ref);
    else if (coverage.total(OP.CB) + coverage.total(OP.RI) === 0) {
      ledger.unknown(38, 'callbacks have no probe in this trace', op.ref);
    } else if (coverage.total(OP.FREE) > 0) {
      ledger.violated(38, {
        message:
          'a page of a queued callback is in use again, but the callback was not seen nor its tables released',
        known: KNOWN.absence,
        assumesAllCpus: true,
        severity: 'S3',
        events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'its page is in use again')),
      });
    }
  }

  end(): void {
    const { ledger, state, coverage } = this.court;
    for (const wait of this.waitingForGp) {
      ledger.unknown(36, 'the trace ends before the grace period that would decide it', wait.ref);
    }
    this.waitingForGp = [];
    for (const reader of state.readers.values()) this.readerLost(reader);
    for (const cpu of state.cpus) {
      for (const head of cpu.fifo) {
        if (!isTableFunc(head.func)) continue;
        if (head.overtakenBy === null) ledger.censored(38);
        else this.neverRan(head, coverage);
      }
    }
  }

  /** I38, an enqueue whose turn came and went: younger heads of the same CPU have run. */
  private neverRan(head: Head, coverage: Court['coverage']): void {
    const { ledger } = this.court;
    const younger = head.overtakenBy!;
    const tablesHeld =
      head.tablesKnown &&
      head.tables.length > 0 &&
      head.tables.every((t) => t.life !== LIFE.freed && t.key >= 0);
    if (lostSince(this.court, head.crSeq)) ledger.unknown(38, LOSS, head.crRef);
    else if (tablesHeld && coverage.firedOn(OP.FREE, head.crCpu) && !this.offloaded) {
      ledger.violated(38, {
        message: `the callback of this call_rcu never ran although younger ones of CPU ${head.crCpu} did`,
        known: KNOWN.absence,
        assumesAllCpus: true,
        severity: 'S3',
        events: witnesses(
          w(head.crRef, 'call_rcu'),
          w(younger.crRef, 'younger call_rcu'),
          w(younger.cbRef, 'younger callback'),
        ),
      });
    } else ledger.unknown(38, 'its callback is not shown (probe missing or skipped)', head.crRef);
  }
}
