import type { RecordBatch } from '../timeline/batch.js';
import type { EventHead, EventTable } from '../timeline/events.js';
import { contextOf } from '../timeline/flags.js';
import { ArgumentReader } from './argument-reader.js';
import type { Bases } from './bases.js';
import * as bodies from './bodies.js';
import { startsWith } from './bytes.js';
import { type EventPlan, FORM, lacksBracket, lacksSlots, planOf } from './event-plan.js';
import type { FuncTable } from './func-table.js';
import { Hits } from './hits.js';
import { decodeMarker, MARKER, setSlot } from './marker.js';
import { BASIS, GP_EVENT, OP, type Op } from './ops.js';
import type { ProbesFile } from './probes-file.js';

export interface DecoderOptions {
  readonly events: EventTable;
  readonly funcs: FuncTable;
  readonly bases: Bases;
  /** The recording's `kprobe_events` file, if there is one. */
  readonly probes?: ProbesFile;
}

const UNSEEN = 0;
const NO_MEANING = 1;
const PLANNED = 2;

/**
 * Records → operations. Which event means what is looked up by event id; the meaning of a head is worked out
 * once (`event-plan.ts`), so the loop per record only reads numbers from bytes.
 */
export class Decoder {
  private readonly events: EventTable;
  private readonly funcs: FuncTable;
  private readonly probes: ProbesFile | undefined;
  private state = new Uint8Array(256);
  private readonly plans: EventPlan[] = [];
  private readonly syscalls: number[] = [];
  /** By function and side: all that shows its hits. */
  private readonly hits = new Map<string, Hits>();
  private readonly args: ArgumentReader;
  /** The row last given means something, but what it says is damaged: what it told of is not known. */
  unread = false;

  constructor({ events, funcs, bases, probes }: DecoderOptions) {
    this.events = events;
    this.funcs = funcs;
    this.probes = probes;
    this.args = new ArgumentReader(events, funcs, bases, probes);
  }

  /**
   * Fill `op` from a row. False: the record means nothing to the machine, and what `op` then holds is of no use.
   * Slots the record does not give are NaN; no value is made up.
   */
  decode(batch: RecordBatch, row: number, op: Op): boolean {
    this.unread = false;
    const id = batch.event[row]!;
    const state = id < this.state.length ? this.state[id]! : UNSEEN;
    if (state === NO_MEANING || (state === UNSEEN && !this.plan(id))) return this.printed(batch, row, op);
    const plan = this.plans[id]!;
    // The most frequent event of RCU, and mostly no quiescent state.
    if (
      plan.form === FORM.utilization &&
      !bodies.isQuiescent(batch.bytes, batch.bodyStart[row]!, batch.bodyEnd[row]!)
    ) {
      return false;
    }
    op.kind = plan.kind;
    op.basis = plan.basis;
    this.columns(batch, row, op);
    if (plan.form === FORM.fields) {
      if (plan.args === null || plan.args.length > 0) {
        const { args } = this;
        args.unread = false;
        args.read(plan, id, batch, row, op);
        if (args.unread) {
          this.unread = true;
          return false;
        }
      }
      for (let i = 0; i < plan.fixed.length; i++) setSlot(op, plan.fixed[i]![0], plan.fixed[i]![1]);
      if (op.kind === OP.CR || op.kind === OP.CB) this.args.head(op);
      // rcu_gp_init() that found no reason to begin one.
      else if (op.kind === OP.GP && op.a2 === 0) op.a1 = GP_EVENT.other;
      return plan.hits === null || !plan.hits.again(plan.source, op);
    }
    const means = this.special(plan, id, batch, row, op);
    if (lacksSlots(plan, op)) this.unread = true;
    if (!means || this.unread) return false;
    return plan.hits === null || !plan.hits.again(plan.source, op);
  }

  get bases(): Bases {
    return this.args.bases;
  }

  /** What comes now is of a kernel that has its pages elsewhere. */
  rebase(bases: Bases): void {
    this.args.bases = bases;
  }

  /** Another capture begins: its events may have other arguments. */
  restart(): void {
    for (const plan of this.plans) if (plan) plan.present = plan.wide = plan.lesser = 0;
  }

  /** What a row says of itself; nothing of its body yet. */
  private columns(batch: RecordBatch, row: number, op: Op): void {
    op.ref = batch.ref(row);
    op.tsNs = batch.tsNs[row]!;
    const cpu = batch.cpu[row]!;
    op.cpu = cpu;
    if (cpu > this.args.maxCpu) this.args.maxCpu = cpu;
    op.pid = batch.pid[row]!;
    op.flags = batch.flags[row]!;
    op.context = contextOf(op.flags);
    op.a0 = op.a1 = op.a2 = op.a3 = op.a4 = op.a5 = op.a6 = op.a7 = Number.NaN;
    op.nTables = 0;
  }

  /** trace_printk() prints the name of the function it stands in where an event has its own. */
  private printed(batch: RecordBatch, row: number, op: Op): boolean {
    const b = batch.bytes;
    const start = batch.bodyStart[row]!;
    if (b[start] !== MARKER[0]) return false;
    const end = batch.bodyEnd[row]!;
    if (!startsWith(b, start, end, MARKER)) return false;
    op.basis = BASIS.observed;
    this.columns(batch, row, op);
    return decodeMarker(b, start, end, this.args.bases, this.funcs, op);
  }

  private plan(id: number): boolean {
    if (id >= this.state.length) {
      const bigger = new Uint8Array(Math.max(this.state.length * 2, id + 1));
      bigger.set(this.state);
      this.state = bigger;
    }
    const plan = planOf(this.events.head(id), this.probes);
    this.state[id] = plan ? PLANNED : NO_MEANING;
    if (!plan) return false;
    this.plans[id] = plan;
    this.sharedHits(plan, this.events.head(id));
    this.syscalls[id] = plan.syscall === '' ? 0 : this.funcs.idOfName(plan.syscall);
    return true;
  }

  /** Which of the events that show the same hits this one is: by its name, whatever place its head names besides. */
  private sharedHits(plan: EventPlan, head: EventHead): void {
    const syscall = plan.kind === OP.SE || plan.kind === OP.SX;
    if ((plan.symbol === '' && !syscall) || plan.kind === OP.other) return;
    const key = `${syscall ? '' : plan.symbol} ${plan.kind} ${plan.fixed.join()}`;
    let hits = this.hits.get(key);
    if (!hits) this.hits.set(key, (hits = new Hits()));
    plan.hits = hits;
    const tracer = head.kind === 'function' || head.kind === 'span';
    plan.source = hits.source(syscall ? head.kind : tracer ? head.kind : head.name);
  }

  private special(plan: EventPlan, id: number, batch: RecordBatch, row: number, op: Op): boolean {
    const b = batch.bytes;
    const start = batch.bodyStart[row]!;
    const end = batch.bodyEnd[row]!;
    switch (plan.form) {
      case FORM.tlbFlush:
        return bodies.tlbFlush(b, start, end, op);
      case FORM.gracePeriod:
        return bodies.gracePeriod(b, start, end, op);
      case FORM.utilization:
        op.a0 = 1;
        return true;
      case FORM.watching:
        return bodies.watching(b, start, end, op);
      case FORM.schedSwitch:
        return bodies.schedSwitch(b, start, end, op);
      case FORM.hotplug:
        return bodies.hotplug(b, start, end, op);
      case FORM.pageAlloc:
        return bodies.pageAlloc(b, start, end, op);
      case FORM.rawSyscallEnter:
        return bodies.rawSyscallEnter(b, start, end, this.funcs, op);
      case FORM.rawSyscallExit:
        return bodies.rawSyscallExit(b, start, end, this.funcs, op);
      case FORM.syscallEnter:
        op.a0 = this.syscalls[id]!;
        bodies.syscallArgs(b, start, end, op);
        this.unread = lacksBracket(plan, b, end);
        return true;
      case FORM.syscallExit:
        op.a0 = this.syscalls[id]!;
        bodies.syscallReturn(b, start, end, op);
        return true;
      case FORM.marker:
        return decodeMarker(b, start, end, this.args.bases, this.funcs, op);
      default:
        op.a0 = batch.aux[row]!;
        return true;
    }
  }
}
