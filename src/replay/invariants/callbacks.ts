import { isKernelAddr } from '../../kernel/bytes.js';
import { FUNC, GP_EVENT, isTableFunc, OP, type Op, READER } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import { KNOWN } from '../ledger.js';
import type { Head, Reader, Table, Task } from '../state.js';
import { enqueueOf } from '../step-rcu.js';
import {
  bothOrders,
  CLOCK,
  type Court,
  flips,
  LOSS,
  lostSince,
  margin,
  order,
  w,
  witnesses,
} from './court.js';
import type { ReaderWatch } from './reader-watch.js';
import { levelName, pageName, READER_NAMES } from './table-life.js';

/** mm/mmu_gather.c MAX_TABLE_BATCH: (4096 − 24) / 8. */
const MAX_TABLE_BATCH = 509;
/** Lazy callbacks are flushed after 10 s (jiffies_lazy_flush); a stall is announced after 21 s more. */
const LAZY_NS = 10e9;
const STALL_NS = 31e9;
/** kernel/rcu/tree.c qhimark: beyond it RCU itself considers a CPU flooded. */
const STORM = 10_000;

/** include/trace/events/rcu.h rcu_batch_end: more callbacks, need_resched, idle task, callback kthread. */
const BATCH_STATE = /^[.C][.S][.I][.R]$/;

const MAX_HASHES = 1 << 16;

const OLD_READER = 'a reader that was never seen to begin ended later: it may have been open';

interface Spanned {
  readonly startTs: number;
  readonly startCpu: number;
  readonly startRef: number;
  readonly endTs: number;
  readonly endCpu: number;
  readonly endRef: number;
}

/**
 * Callbacks and grace periods: I08 batch-bound, I40 gp-waits-readers, I41 gp-seq, I43 batch-limits, I44 cb-context, I45 lazy-delay, I46
 * gp-storm, I55 addr-domain. Source: mm/mmu_gather.c, kernel/rcu/tree.c.
 */
export class CallbackFamily {
  private readonly court: Court;
  private singles = 0;
  private storming = false;
  private readonly start = { seq: Number.NaN, ref: -1, ts: 0, cpu: -1, step: 0 };
  private running = Number.NaN;
  private readonly spanned = new Map<Reader, Spanned>();

  /** Head address → what the tracepoints print for it. */
  private readonly hashes = new Map<number, number>();
  private readonly name: (id: number) => string;
  /** Limit of the batch that runs on a CPU; 0 none known. */
  private readonly limits: number[] = [];

  private readonly watch: ReaderWatch;
  /** Grace periods that ended before any reader was seen. */
  private before = 0;
  private beforeRef = -1;

  constructor(court: Court, name: (id: number) => string, watch: ReaderWatch) {
    this.court = court;
    this.watch = watch;
    this.name = name;
  }

  /**
   * I55: the enqueue tracepoint follows the call_rcu probe of the same head at once. Raw, both print one address;
   * hashed, one address has one hash for as long as the kernel runs (lib/vsprintf.c ptr_to_hashval()).
   */
  enqueueTraced(task: Task, op: Op): void {
    const enqueue = enqueueOf(this.court.state, task, op);
    if (!enqueue || op.a0 !== op.a0 || enqueue.addr !== enqueue.addr) return;
    const { addr } = enqueue;
    const expected = isKernelAddr(op.a0) ? addr : this.hashes.get(addr);
    if (expected === undefined) {
      if (this.hashes.size >= MAX_HASHES) this.hashes.clear();
      this.hashes.set(addr, op.a0);
    } else if (expected === op.a0) this.court.ledger.pass(55, KNOWN.observed);
    else {
      this.court.ledger.violated(55, {
        message:
          'the probe and the tracepoint of one call_rcu name different heads: pointers of two kernels are mixed',
        known: KNOWN.observed,
        events: witnesses(w(enqueue.ref, 'call_rcu probe'), w(op.ref, 'rcu_callback')),
      });
    }
  }

  /** I43: the limit is printed; idle CPUs and callback kthreads go on beyond it. */
  batch(op: Op): void {
    if (op.cpu < 0) return;
    const limit = this.limits[op.cpu] ?? 0;
    if (op.kind === OP.BATCH) {
      this.limits[op.cpu] = op.a1 === op.a1 ? Math.max(op.a1, 0) : 0;
      return;
    }
    this.limits[op.cpu] = 0;
    if (limit === 0 || !(op.a0 >= 0)) return;
    const { ledger } = this.court;
    const state = this.name(op.a1);
    if (op.a0 <= limit) ledger.pass(43, KNOWN.observed);
    // perf cannot print these characters: `idle=>c<>c<>c<>c<`.
    else if (!BATCH_STATE.test(state)) {
      ledger.unknown(43, 'whether the CPU was idle at the end of the batch is not shown', op.ref);
    } else if (/[IR]/.test(state)) ledger.pass(43, KNOWN.observed);
    else {
      ledger.violated(43, {
        message: `${op.a0} callbacks ran in one batch whose limit is ${limit}`,
        known: KNOWN.observed,
        assumesAllCpus: true,
        events: witnesses(w(op.ref, 'batch ends')),
      });
    }
  }

  queued(head: Head, op: Op): void {
    const { ledger } = this.court;
    if (head.func === FUNC.tlb_remove_table_rcu && head.tablesKnown) {
      if (head.tables.length <= MAX_TABLE_BATCH) ledger.pass(8, KNOWN.observed);
      else {
        ledger.violated(8, {
          message: `a batch of ${head.tables.length} tables: a page holds ${MAX_TABLE_BATCH}`,
          known: KNOWN.observed,
          events: witnesses(w(op.ref, 'call_rcu')),
        });
      }
    }
    if (head.func !== FUNC.__tlb_remove_table_one_rcu) return;
    if (++this.singles <= STORM) ledger.pass(46, KNOWN.observed);
    else if (!this.storming) {
      this.storming = true;
      ledger.violated(46, {
        message: `${this.singles} single tables await their grace period: memory that the failing allocations need`,
        known: KNOWN.observed,
        events: witnesses(w(op.ref, 'call_rcu')),
      });
    }
  }

  callbackRan(head: Head, op: Op): void {
    if (head.func === FUNC.__tlb_remove_table_one_rcu && this.singles > 0) this.singles--;
    if (this.singles <= STORM) this.storming = false;
    if (!isTableFunc(head.func)) return;
    this.context(op);
    this.delay(head, op);
    this.count(head, op);
  }

  /** The callback's own probe, after the tracepoint that invoked it. */
  callbackShown(head: Head, op: Op): void {
    this.count(head, op);
  }

  /** I08: the callback releases what was appended. */
  private count(head: Head, op: Op): void {
    if (op.kind !== OP.CB || !(op.a3 >= 0) || head.func !== FUNC.tlb_remove_table_rcu || !head.tablesKnown)
      return;
    if (op.a3 === head.tables.length) return;
    // Every level passes tlb_remove_table(): only where its probe showed all of them is the count known.
    if (head.tables.length === 0 || !head.tables.every((t) => t.appRef >= 0)) return;
    const { ledger, state } = this.court;
    if (state.lossSeq > 0) ledger.unknown(8, LOSS, op.ref);
    else if (head.released.length > 0 && op.a3 === head.tables.length + head.released.length) {
      for (const table of head.released) this.stillListed(table, head, op);
    } else {
      ledger.violated(8, {
        message: `${head.tables.length} tables were appended, but the callback releases ${op.a3}`,
        known: KNOWN.observed,
        assumesAllCpus: true,
        events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'callback')),
      });
    }
  }

  /** I12: by its count the callback releases a table that the task has released already. */
  private stillListed(table: Table, head: Head, op: Op): void {
    const { ledger } = this.court;
    ledger.revoke(12, KNOWN.observed);
    ledger.violated(12, {
      message: `${levelName(table)} table ${pageName(table.key)} was released by a task while it stood in the batch that an RCU callback releases`,
      known: KNOWN.observed,
      assumesAllCpus: true,
      held: ['struct mmu_table_batch: a pointer to the released table'],
      missing: 'its release by the callback only',
      before: table.freeRef,
      events: witnesses(
        w(table.trRef, 'handed over'),
        w(table.freeRef, 'released by the task'),
        w(head.crRef, 'call_rcu'),
        w(op.ref, 'callback releases all'),
      ),
    });
  }

  /** I44: kernel/rcu/tree.c rcu_do_batch() runs in softirq or in a kthread made for it. */
  private context(op: Op): void {
    const { ledger } = this.court;
    if (op.context === CONTEXT.softirq) ledger.pass(44, KNOWN.observed);
    else if (op.context === CONTEXT.hardirq || op.context === CONTEXT.nmi) {
      ledger.violated(44, {
        message: `an RCU callback runs in ${op.context === CONTEXT.nmi ? 'NMI' : 'hard interrupt'} context`,
        known: KNOWN.observed,
        certain: true,
        events: witnesses(w(op.ref, 'callback')),
      });
    } else
      ledger.unknown(44, 'the lines do not show a softirq, nor a kthread known to run callbacks', op.ref);
  }

  /** I45. */
  private delay(head: Head, op: Op): void {
    const { ledger } = this.court;
    const ns = op.tsNs - head.crTs;
    if (ns <= LAZY_NS) ledger.pass(45, KNOWN.observed);
    else if (ns <= STALL_NS)
      ledger.unknown(45, 'more than 10 s: a lazy flush and a slow grace period explain it', op.ref);
    else {
      ledger.violated(45, {
        message: `the callback ran ${(ns / 1e9).toFixed(1)} s after call_rcu: a stalled grace period`,
        known: KNOWN.observed,
        events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'callback')),
      });
    }
  }

  /** I41: kernel/rcu/rcu.h rcu_seq_start(), rcu_seq_end(); `end` is traced with the old number. */
  gracePeriod(op: Op): void {
    if (op.a1 !== GP_EVENT.start) {
      if (op.a1 === GP_EVENT.end && op.a0 === this.running) this.running = Number.NaN;
      return;
    }
    const { ledger, state } = this.court;
    const { start } = this;
    const state4 = ((op.a0 % 4) + 4) % 4;
    const lost = lostSince(this.court, start.step);
    if (state4 !== 1) this.badSequence(`grace period ${op.a0} starts with a number that is not 4k+1`, op, -1);
    else if (start.seq === start.seq && !lost && op.a0 !== start.seq + 4) {
      this.badSequence(`grace period ${op.a0} follows ${start.seq}`, op, start.ref);
    } else if (this.running === this.running && !lost && start.seq === start.seq) {
      this.badSequence(`grace period ${op.a0} starts while ${this.running} has not ended`, op, start.ref);
    } else ledger.pass(41, KNOWN.observed);
    this.running = op.a0;
    start.seq = op.a0;
    start.ref = op.ref;
    start.ts = op.tsNs;
    start.cpu = op.cpu;
    start.step = state.seq;
  }

  private badSequence(message: string, op: Op, before: number): void {
    this.court.ledger.violated(41, {
      message,
      known: KNOWN.observed,
      assumesAllCpus: true,
      events: witnesses(w(before, 'previous start'), w(op.ref, 'start')),
    });
  }

  /** I40: a section open since before the start must be over at the end. */
  gpEnded(op: Op): void {
    const { state, coverage } = this.court;
    const { start } = this;
    if (start.seq !== start.seq) return;
    if (coverage.total(OP.RB) === 0) {
      if (this.before++ === 0) this.beforeRef = op.ref;
      return;
    }
    let open = false;
    for (const reader of state.readers.values()) {
      if (reader.kind > READER.preemptoff || reader.seq > start.step) continue;
      open = true;
      if (this.spanned.has(reader)) continue;
      this.spanned.set(reader, {
        startTs: start.ts,
        startCpu: start.cpu,
        startRef: start.ref,
        endTs: op.tsNs,
        endCpu: op.cpu,
        endRef: op.ref,
      });
    }
    if (open) return;
    const from = { seq: start.step, tsNs: start.ts, cpu: start.cpu };
    this.watch.quiet(40, from, { seq: state.seq, tsNs: op.tsNs, cpu: op.cpu }, op.ref);
  }

  readerEnded(reader: Reader, op: Op): void {
    const gp = this.spanned.get(reader);
    if (!gp) return;
    this.spanned.delete(reader);
    const { ledger } = this.court;
    const known = bothOrders(
      order(this.court, reader.ts, reader.cpu, gp.startTs, gp.startCpu),
      order(this.court, gp.endTs, gp.endCpu, op.tsNs, op.cpu),
    );
    if (known === null) ledger.unknown(40, CLOCK, gp.endRef);
    else if (lostSince(this.court, reader.seq)) ledger.unknown(40, LOSS, gp.endRef);
    else {
      ledger.violated(40, {
        message: 'a grace period ended although a reader older than its start was still running',
        known,
        held: [`CPU ${reader.cpu}: a reader (${READER_NAMES[reader.kind] ?? 'unnamed'})`],
        before: gp.endRef,
        ...flips(
          margin(this.court, reader.ts, reader.cpu, gp.startTs, gp.startCpu),
          margin(this.court, gp.endTs, gp.endCpu, op.tsNs, op.cpu),
        ),
        events: witnesses(
          w(reader.ref, 'reader begins'),
          w(gp.startRef, 'grace period starts'),
          w(gp.endRef, 'grace period ends'),
          w(op.ref, 'reader ends'),
        ),
      });
    }
  }

  /** A section ended that began before the capture: no absence of readers until now means anything. */
  readerUnseen(): void {
    this.watch.forget(OLD_READER);
  }

  readerLost(reader: Reader): void {
    const gp = this.spanned.get(reader);
    if (!gp) return;
    this.spanned.delete(reader);
    this.court.ledger.unknown(
      40,
      'a reader open at the end of a grace period has no end in the trace',
      gp.endRef,
    );
  }

  end(): void {
    for (const reader of [...this.spanned.keys()]) this.readerLost(reader);
    const { ledger, coverage } = this.court;
    if (this.before > 0 && coverage.total(OP.RB) > 0) {
      ledger.unknown(40, 'no reader had been seen by then', this.beforeRef, this.before);
    }
    this.before = 0;
  }
}
