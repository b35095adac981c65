import type { RecordBatch } from '../timeline/batch.js';
import type { EventHead, EventTable } from '../timeline/events.js';
import { contextOf } from '../timeline/flags.js';
import type { Bases } from './bases.js';
import * as bodies from './bodies.js';
import { DIGIT, parseValue53, signed53, startsWith } from './bytes.js';
import {
  batchCount,
  type EventPlan,
  FORM,
  isCutPointer,
  lacksBracket,
  lacksSlots,
  learnArguments,
  POINTER_LENGTH,
  planOf,
} from './event-plan.js';
import { FUNC_DAMAGED, type FuncTable } from './func-table.js';
import { Hits } from './hits.js';
import { decodeMarker, headPage, MARKER, setSlot } from './marker.js';
import { BASIS, GP_EVENT, OP, type Op } from './ops.js';
import { pfnOfEntry, tableOfPmd } from './page-entry.js';
import { type ArgumentPlan, isNumber, isPart } from './probe-args.js';
import type { ProbesFile } from './probes-file.js';
import { ANOTHER_EVENT, endOfValue, isWord, runsOn, seekValue, significantDigits } from './value-scan.js';

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
const MAX_RELEARN = 16;
/** Lines that lack an argument, one after the other, before the event counts as one that has not got it. */
const MAX_LESSER = 4;
const NR_CPUS_IN_MASK = 53;

/**
 * Records → operations. Which event means what is looked up by event id; the meaning of a head is worked out
 * once (`event-plan.ts`), so the loop per record only reads numbers from bytes.
 */
export class Decoder {
  private readonly events: EventTable;
  private readonly funcs: FuncTable;
  private bases: Bases;
  private readonly probes: ProbesFile | undefined;
  private state = new Uint8Array(256);
  private readonly plans: EventPlan[] = [];
  private readonly syscalls: number[] = [];
  /** By function and side: all that shows its hits. */
  private readonly hits = new Map<string, Hits>();
  private maxCpu = 0;
  /** Number last read by `pointer`. */
  private value = 0;
  /** The row last given means something, but what it says is damaged: what it told of is not known. */
  unread = false;

  constructor({ events, funcs, bases, probes }: DecoderOptions) {
    this.events = events;
    this.funcs = funcs;
    this.bases = bases;
    this.probes = probes;
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
        this.fields(plan, id, batch, row, op);
        if (this.unread) return false;
      }
      for (let i = 0; i < plan.fixed.length; i++) setSlot(op, plan.fixed[i]![0], plan.fixed[i]![1]);
      if (op.kind === OP.CR || op.kind === OP.CB) this.head(op);
      // rcu_gp_init() that found no reason to begin one.
      else if (op.kind === OP.GP && op.a2 === 0) op.a1 = GP_EVENT.other;
      return plan.hits === null || !plan.hits.again(plan.source, op);
    }
    const means = this.special(plan, id, batch, row, op);
    if (lacksSlots(plan, op)) this.unread = true;
    if (!means || this.unread) return false;
    return plan.hits === null || !plan.hits.again(plan.source, op);
  }

  /** What comes now is of a kernel that has its pages elsewhere. */
  rebase(bases: Bases): void {
    this.bases = bases;
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
    if (cpu > this.maxCpu) this.maxCpu = cpu;
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
    return decodeMarker(b, start, end, this.bases, this.funcs, op);
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
        return decodeMarker(b, start, end, this.bases, this.funcs, op);
      default:
        op.a0 = batch.aux[row]!;
        return true;
    }
  }

  /** Read the arguments that have a role. They are looked for in the line's order; a miss relearns the layout. */
  private fields(plan: EventPlan, id: number, batch: RecordBatch, row: number, op: Op): void {
    if (plan.args === null) learnArguments(plan, this.events.head(id), batch.body(row), this.probes);
    op.basis = plan.basis;
    const b = batch.bytes;
    const end = batch.bodyEnd[row]!;
    let p = batch.bodyStart[row]!;
    let args = plan.args!;
    let present = 0;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      const at = seekValue(b, p, end, arg.name);
      if (at === ANOTHER_EVENT) {
        this.unread = true;
        return;
      }
      if (at >= 0) {
        present |= 1 << i;
        p = this.pointer(b, at, end);
        if (p > 0) this.fill(arg, this.value, b, at, p, op);
        else {
          p = endOfValue(b, at, end);
          const value = parseValue53(b, at, p);
          if (value !== value && isNumber(arg) && !isWord(b, at, p)) this.unread = true;
          this.fill(arg, value, b, at, p, op);
        }
        if (p - at >= POINTER_LENGTH) plan.wide |= 1 << i;
        else if ((plan.wide & (1 << i)) !== 0 && isCutPointer(arg, b, at, p)) this.unread = true;
        continue;
      }
      if (plan.spec && plan.relearned < MAX_RELEARN) {
        const before = plan.args;
        plan.relearned++;
        learnArguments(plan, this.events.head(id), batch.body(row), this.probes);
        if (isPart(plan.args!, before!) && ++plan.lesser < MAX_LESSER) {
          plan.args = before;
          plan.relearned--;
          this.unread = true;
          return;
        }
        plan.present = plan.wide = 0;
        op.basis = plan.basis;
        args = plan.args!;
        op.a0 = op.a1 = op.a2 = op.a3 = op.a4 = op.a5 = op.a6 = op.a7 = Number.NaN;
        i = -1;
        present = 0;
        p = batch.bodyStart[row]!;
        if (args.length === 0) break;
      }
    }
    // What all lines of an event say, and one does not, has been damaged there.
    const length = end - batch.bodyStart[row]!;
    if ((plan.present & ~present) !== 0 || (length > plan.longest && runsOn(b, p, end))) this.unread = true;
    else {
      plan.present |= present;
      plan.lesser = 0;
      // Bodies of an event are all about as long: one with another line's end in it is longer.
      if (length > plan.longest) plan.longest = length;
    }
  }

  /** Reads `0x…` up to a blank, comma or bracket into `value` in one pass; its end, 0 if it is no such number. */
  private pointer(b: Uint8Array, at: number, end: number): number {
    if (at + 2 >= end || b[at] !== 0x30 || (b[at + 1]! | 0x20) !== 0x78) return 0;
    const first = at + 2;
    const half = Math.min(first + 8, end);
    let p = first;
    let hi = 0;
    let lo = 0;
    let d = -1;
    for (; p < half && (d = DIGIT[b[p]!]!) >= 0; p++) lo = (lo << 4) | d;
    if (p === half) {
      // Half of a pointer is one word: its digits need no carry.
      for (; p < end && (d = DIGIT[b[p]!]!) >= 0; p++) {
        hi = ((hi << 4) | (lo >>> 28)) & 0x1fffff;
        lo = (lo << 4) | d;
      }
    }
    if (p === first) return 0;
    if (p < end) {
      const c = b[p]!;
      if (c !== 0x20 && c !== 0x2c && c !== 0x29) return 0;
    }
    this.value = hi * 2 ** 32 + (lo >>> 0);
    return p;
  }

  /** `value`: of `b[start, end)` read as a number. */
  private fill(arg: ArgumentPlan, value: number, b: Uint8Array, start: number, end: number, op: Op): void {
    const role = arg.role!;
    switch (role.as) {
      case 'addr':
      case 'head':
        setSlot(op, role.to, value);
        return;
      case 'page':
        setSlot(op, role.to, this.bases.pageOfStructPage(value));
        return;
      case 'num':
        setSlot(op, role.to, signed53(value));
        return;
      case 'va':
        setSlot(op, role.to, this.bases.pageOfVa(value));
        return;
      case 'slot':
        setSlot(op, role.to, value);
        setSlot(op, role.also!, this.bases.pageOfVa(value));
        return;
      case 'entry':
        setSlot(op, role.to, pfnOfEntry(value));
        return;
      case 'pmd':
        setSlot(op, role.to, tableOfPmd(value));
        return;
      case 'ptl':
        setSlot(op, role.to, value);
        setSlot(op, role.also!, this.bases.pageOfPtl(value));
        return;
      case 'func':
        this.func(role.to, this.funcs.idOf(b, start, end), op);
        return;
      case 'mask':
        setSlot(op, role.to, value);
        // The probe prints one word of the mask: all of it as long as no CPU beyond that word is seen.
        setSlot(
          op,
          role.also!,
          this.maxCpu < NR_CPUS_IN_MASK && significantDigits(b, start, end) <= 13 ? 1 : 0,
        );
        return;
      case 'tables':
        this.tables(b, start, end, op);
    }
  }

  private func(to: number, id: number, op: Op): void {
    if (id === FUNC_DAMAGED) this.unread = true;
    else setSlot(op, to, id);
  }

  /** Number of the first element at NULL in the array last read. */
  private nullAt = Number.POSITIVE_INFINITY;

  /** `{0x…,0x…}`; cut to the batch's own count afterwards, the rest of the array is stale memory. */
  private tables(b: Uint8Array, start: number, end: number, op: Op): void {
    let n = 0;
    let p = start;
    this.nullAt = Number.POSITIVE_INFINITY;
    while (p < end && n < op.tables.length) {
      const c = b[p]!;
      if (c === 0x7b || c === 0x2c || c === 0x20) {
        p++;
        continue;
      }
      if (c === 0x7d) break;
      let q = p;
      while (q < end && b[q] !== 0x2c && b[q] !== 0x7d) q++;
      const page = parseValue53(b, p, q);
      if (page !== page) this.unread = true;
      if (page === 0) {
        this.nullAt = n;
        break;
      }
      op.tables[n++] = this.bases.pageOfStructPage(page);
      p = q;
    }
    op.nTables = n;
    if (b[start] === 0x7b && b[end - 1] !== 0x7d) this.unread = true;
  }

  private head(op: Op): void {
    headPage(op, this.bases);
    op.a3 = batchCount(op.a1, op.a3);
    if (op.nTables === 0) return;
    // No table of a batch is at NULL: this reader of the recording does not know the array's elements.
    op.nTables = op.a3 >= 0 && op.a3 <= this.nullAt ? Math.min(op.nTables, op.a3) : 0;
  }
}
