import { OP, Op } from '../kernel/ops.js';
import type { EvidenceRef, RecordBatch } from '../timeline/batch.js';
import { CONTEXT } from '../timeline/flags.js';
import { Contradictions } from './contradictions.js';
import type { Moment } from './doubtful.js';
import type { Evidence } from './evidence.js';
import type { Session } from './session.js';
import { TaskOrder } from './task-order.js';

const PICKED =
  'only events of some tasks are here: what is absent may have happened while others ran (picked out of a longer text, or a filter of the recorder)';

/** Places in one capture from which on each counts: lines were picked out all along. */
const MANY = 3;

/** Whose lines they are. */
interface Replay {
  readonly session: Session;
  readonly options: { readonly phases?: { cut(): void } | undefined };
}

/**
 * Lines that are not there, although nothing announces a loss: somebody cut them out, or picked others out of a longer text.
 * Where switches of a CPU do not fit together again and again, each place counts as a loss on every CPU; one alone is a
 * contradiction among others. Where whole tasks were left out, what rests on an absence while they ran is unknown.
 */
export class MissingLines {
  private readonly replay: Replay;
  private readonly order = new TaskOrder();
  private contradictions: Contradictions | null = null;
  /** By CPU: number, step and place of its last event. */
  private last: number[] = [];
  private places = 0;
  private first: Moment | null = null;

  constructor(replay: Replay) {
    this.replay = replay;
  }

  /** Watches one capture. */
  monitor(evidence: Evidence): Contradictions {
    this.contradictions = new Contradictions(evidence);
    return this.contradictions;
  }

  /** A row of a known CPU, decoded to `op` if to anything: event number `event`. */
  follow(batch: RecordBatch, row: number, op: Op | null, event: number): void {
    const { order, last } = this;
    const { seq } = this.replay.session.state;
    const cpu = batch.cpu[row]!;
    const i = cpu * 3;
    if (op?.kind !== OP.SW) {
      if (order.shows(cpu, batch.pid[row]!, op?.kind ?? OP.none, batch.flags[row]!))
        order.another(cpu, this.lastOf(cpu));
      last[i] = event;
      last[i + 1] = seq;
      last[i + 2] = batch.ref(row);
      return;
    }
    const now = { event, seq, ref: batch.ref(row) };
    const since = order.switches(cpu, op.a0, op.a1, this.lastOf(cpu), now);
    last[i] = event;
    last[i + 1] = seq;
    last[i + 2] = now.ref;
    if (since === null) return;
    this.contradictions?.between(since, now);
    this.first ??= since;
    const many = this.places >= MANY;
    // Where that task has shown events as well, two things say the same.
    this.places += order.shown ? MANY : 1;
    if (this.places >= MANY)
      this.behind(many ? since.event : Math.min(this.first.event, since.event), now.ref);
  }

  /** Events of this CPU, or of any (-1), were lost: told otherwise. */
  forget(cpu: number): void {
    this.order.forget(cpu);
  }

  /** The capture ends. */
  end(): void {
    const left = this.order.left();
    if (left.length > 0) this.replay.session.ledger.unseenIn(left, PICKED);
    this.order.end();
    this.last = [];
    this.places = 0;
    this.first = null;
  }

  private lastOf(cpu: number): Moment {
    const [event = 0, seq = 0, ref = -1] = this.last.slice(cpu * 3, cpu * 3 + 3);
    return { event, seq, ref };
  }

  private behind(since: number, ref: EvidenceRef): void {
    const loss = new Op();
    loss.kind = OP.lost;
    loss.cpu = loss.pid = -1;
    loss.ref = ref;
    loss.context = CONTEXT.unknown;
    loss.a0 = -1;
    this.replay.options.phases?.cut();
    this.replay.session.lose(loss, since);
  }
}
