import { GRACE_PERIOD } from '../../kernel/operands.js';
import { GP_EVENT, OP, type Op, READER } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import {
  bothOrders,
  CLOCK,
  type Evidence,
  flips,
  LOSS,
  lostSince,
  margin,
  surelyBefore,
  w,
  witnesses,
} from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import type { Reader } from '../state/contexts.js';
import type { Verdicts } from '../verdicts.js';
import { READER_NAMES } from './names.js';
import { PROBES } from './probes.js';
import { ReaderWatch } from './reader-watch.js';
import { rule } from './rule.js';

export const gpWaitsReaders = rule({
  number: 40,
  name: 'gp-waits-readers',
  severity: 'S1',
  statement: 'a grace period ends after every reader that began before it started',
  why: 'this is what a grace period is',
  source: 'kernel/rcu/tree.c rcu_gp_cleanup(); Documentation/RCU/Design/Requirements',
  needs: [PROBES.GP, PROBES.RB],
  idle: 'no grace period ended',
  held: 'the reader section',
  missing: 'its end',
  words:
    'A grace period that starts after a reader has begun may not end before that reader has ended. All else in RCU follows from this.',
  bugs: ['L33'],
  monitor: (evidence, verdicts) => new GpWaitsReaders(evidence, verdicts),
});

/** A grace period that ended while a reader older than its start was open. */
interface Spanned {
  readonly startTs: number;
  readonly startCpu: number;
  readonly startRef: EvidenceRef;
  readonly endTs: number;
  readonly endCpu: number;
  readonly endRef: EvidenceRef;
}

interface Start {
  readonly ref: EvidenceRef;
  readonly ts: number;
  readonly cpu: number;
  readonly step: number;
  /** Sections that were open. */
  readonly readers: number;
}

class GpWaitsReaders implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly watch: ReaderWatch;
  private start: Start | null = null;
  /** rcu_gp_init() was entered and has not returned. */
  private opening: Start | null = null;
  private readonly spanned = new Map<Reader, Spanned>();
  /** Grace periods that ended before any reader was seen. */
  private before = 0;
  private beforeRef: EvidenceRef = -1;

  readonly on: OpListeners = {
    [OP.GP]: (op) => {
      if (GRACE_PERIOD.event(op) === GP_EVENT.init) this.opening = this.moment(op);
      if (GRACE_PERIOD.event(op) !== GP_EVENT.start) return;
      // Between the entry of rcu_gp_init() and here: who began before the entry is surely older.
      this.start = { ...(this.opening ?? this.moment(op)), ref: op.ref };
      this.opening = null;
    },
  };

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
    this.watch = evidence.shared(ReaderWatch);
    this.watch.join(verdicts);
  }

  private moment(op: Op): Start {
    const { state } = this.evidence;
    let readers = 0;
    for (const reader of state.readers.values()) if (reader.kind <= READER.preemptoff) readers++;
    return { ref: op.ref, ts: op.tsNs, cpu: op.cpu, step: state.seq, readers };
  }

  /** A section open since before the start must be over at the end. */
  gpEnded(op: Op): void {
    const { state, coverage } = this.evidence;
    const { start } = this;
    if (!start) return;
    if (coverage.shown(OP.RB) === 0) {
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
    if (start.readers > 0 && state.lossSeq <= start.step) {
      this.watch.crossed(this.verdicts);
      return;
    }
    const from = { seq: start.step, tsNs: start.ts, cpu: start.cpu };
    this.watch.quiet(this.verdicts, from, { seq: state.seq, tsNs: op.tsNs, cpu: op.cpu }, op.ref);
  }

  readerEnded(reader: Reader, op: Op): void {
    const gp = this.spanned.get(reader);
    if (!gp) return;
    this.spanned.delete(reader);
    const { evidence, verdicts } = this;
    const known = bothOrders(
      surelyBefore(evidence, reader.ts, reader.cpu, gp.startTs, gp.startCpu),
      surelyBefore(evidence, gp.endTs, gp.endCpu, op.tsNs, op.cpu),
    );
    if (known === null) verdicts.unknown(CLOCK, gp.endRef);
    else if (lostSince(evidence, reader.seq)) verdicts.unknown(LOSS, gp.endRef);
    else {
      verdicts.violated({
        message: 'a grace period ended although a reader older than its start was still running',
        known,
        held: [`CPU ${reader.cpu}: a reader (${READER_NAMES[reader.kind] ?? 'unnamed'})`],
        before: gp.endRef,
        ...flips(
          margin(evidence, reader.ts, reader.cpu, gp.startTs, gp.startCpu),
          margin(evidence, gp.endTs, gp.endCpu, op.tsNs, op.cpu),
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

  readerExpired(reader: Reader): void {
    const gp = this.spanned.get(reader);
    if (!gp) return;
    this.spanned.delete(reader);
    this.verdicts.unknown('a reader open at the end of a grace period has no end in the trace', gp.endRef);
  }

  end(): void {
    for (const reader of [...this.spanned.keys()]) this.readerExpired(reader);
    if (this.before > 0 && this.evidence.coverage.shown(OP.RB) > 0) {
      this.watch.unproven(
        this.verdicts,
        'no reader had been seen by then',
        this.beforeRef,
        this.before,
        true,
      );
    }
    this.before = 0;
  }
}
