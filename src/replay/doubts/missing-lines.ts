import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef, RecordBatch } from '../../timeline/batch.js';
import type { Evidence } from '../evidence.js';
import { Contradictions } from './contradictions.js';
import type { Latest, Moment } from './doubtful.js';
import { TaskOrder } from './task-order.js';
import type { UnseenNumbers } from './unseen-numbers.js';

const PICKED =
  'only events of some tasks are here: what is absent may have happened while others ran (picked out of a longer text, or a filter of the recorder)';

/** Places in one capture from which on each counts: lines were picked out all along. */
const MANY = 3;
const IDLE = 0;

/**
 * Lines that are not there, although nothing announces a loss: somebody cut them out, or picked others out of a longer text.
 * Where switches of a CPU do not fit together again and again, each place counts as a loss on every CPU; one alone is a
 * contradiction among others. Where whole tasks were left out, what rests on an absence while they ran is unknown.
 */
export class MissingLines {
  private readonly order = new TaskOrder();
  private contradictions: Contradictions | null = null;
  private evidence: Evidence | null = null;
  /** By CPU: its last event. */
  private last: Latest[] = [];
  private readonly now: Latest = { event: 0, seq: 0, ref: -1 };
  private places = 0;
  /** Number of the event behind which the first such place begins; -1 none. */
  private first = -1;

  /** Watches one capture. */
  monitor(evidence: Evidence, unseen: UnseenNumbers): Contradictions {
    this.evidence = evidence;
    this.contradictions = new Contradictions(evidence, unseen);
    return this.contradictions;
  }

  /**
   * A row of a known CPU, decoded to `op` if to anything: event number `event`, step `seq` of the machine. Returns the number
   * of the event behind which lines are missing, on every CPU; -1 none are.
   */
  follow(batch: RecordBatch, row: number, op: Op | null, event: number, seq: number): number {
    const cpu = batch.cpu[row]!;
    const last = this.lastOf(cpu);
    const ref = batch.ref(row);
    const since = op?.kind === OP.SW ? this.switches(cpu, op, last, event, seq, ref) : -1;
    if (op?.kind !== OP.SW)
      this.order.shows(cpu, batch.pid[row]!, op?.kind ?? OP.none, batch.flags[row]!, last);
    last.event = event;
    last.seq = seq;
    last.ref = ref;
    return since;
  }

  /** Events of this CPU, or of any (-1), were lost: told otherwise. */
  forget(cpu: number): void {
    this.order.forget(cpu);
  }

  /** The capture ends. */
  end(): void {
    const left = this.order.left();
    if (left.length > 0) this.evidence?.ledger.unseenIn(left, PICKED);
    this.order.end();
    this.last = [];
    this.places = 0;
    this.first = -1;
  }

  private switches(cpu: number, op: Op, last: Moment, event: number, seq: number, ref: EvidenceRef): number {
    const prev = op.a0;
    // A CPU goes offline from its stopper thread and comes back in its idle task; on one that is not online tracepoints are silent.
    if (prev === IDLE && this.evidence?.state.cpus[cpu]?.hotplugged) this.order.forget(cpu);
    const { now } = this;
    now.event = event;
    now.seq = seq;
    now.ref = ref;
    const jump = this.order.switches(cpu, prev, op.a1, last, now);
    if (jump === null) return -1;
    this.contradictions?.between(jump.from, { ...now });
    if (this.first < 0) this.first = jump.from.event;
    const many = this.places >= MANY;
    // Where that task has shown events as well, two things say the same.
    this.places += jump.shown ? MANY : 1;
    if (this.places < MANY) return -1;
    return many ? jump.from.event : Math.min(this.first, jump.from.event);
  }

  private lastOf(cpu: number): Latest {
    while (this.last.length <= cpu) this.last.push({ event: 0, seq: 0, ref: -1 });
    return this.last[cpu]!;
  }
}
