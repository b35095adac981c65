import { setSlot } from '../kernel/marker.js';
import type { Op, OpKind } from '../kernel/ops.js';
import type { Context } from '../timeline/flags.js';

/** More than this is not kept: 100 bytes an operation. */
const MOST_OPS = 2_000_000;
const SLOTS = 6;

/**
 * Tables that are now held for a grace period. The recording gives their pages out again before that: from the
 * hand-over on it means other pages by those numbers, and `current` keeps which ones the callback frees.
 */
export interface Deferral {
  readonly keys: readonly number[];
  current: readonly number[] | null;
}

/** An operation put into the sequence: what it says, and whose it is. */
export interface MadeOp {
  readonly kind: OpKind;
  readonly cpu: number;
  readonly pid: number;
  readonly context: Context;
  readonly tsNs: number;
  readonly slots: readonly number[];
  readonly tables?: readonly number[];
  /** CR: what it defers. Operations of a callback: whose callback it is. */
  readonly defers?: Deferral;
  readonly of?: Deferral;
  /** FREE in a callback: which of its tables. */
  readonly member?: number;
}

/** The operations of one capture, in columns. */
export class OpLog {
  length = 0;
  full = false;
  segments = 1;
  kind = new Uint8Array(1024);
  pid = new Int32Array(1024);
  cpu = new Int32Array(1024);
  context = new Uint8Array(1024);
  flags = new Uint32Array(1024);
  tsNs = new Float64Array(1024);
  ref = new Float64Array(1024);
  slots = new Float64Array(1024 * SLOTS);
  private readonly tables = new Map<number, readonly number[]>();

  add(op: Op): void {
    if (this.length >= MOST_OPS) {
      this.full = true;
      return;
    }
    const i = this.length++;
    if (i === this.kind.length) this.grow();
    this.kind[i] = op.kind;
    this.pid[i] = op.pid;
    this.cpu[i] = op.cpu;
    this.context[i] = op.context;
    this.flags[i] = op.flags;
    this.tsNs[i] = op.tsNs;
    this.ref[i] = op.ref;
    const at = i * SLOTS;
    this.slots[at] = op.a0;
    this.slots[at + 1] = op.a1;
    this.slots[at + 2] = op.a2;
    this.slots[at + 3] = op.a3;
    this.slots[at + 4] = op.a4;
    this.slots[at + 5] = op.a5;
    if (op.nTables > 0) this.tables.set(i, Array.from(op.tables.subarray(0, op.nTables)));
  }

  segment(): void {
    if (this.length > 0) this.segments++;
  }

  slot(i: number, k: number): number {
    return this.slots[i * SLOTS + k]!;
  }

  /** Refill `op` with operation `i`. */
  load(i: number, op: Op): void {
    op.kind = this.kind[i]!;
    op.pid = this.pid[i]!;
    op.cpu = this.cpu[i]!;
    op.context = this.context[i]! as Context;
    op.flags = this.flags[i]!;
    op.tsNs = this.tsNs[i]!;
    op.ref = this.ref[i]!;
    for (let k = 0; k < SLOTS; k++) setSlot(op, k, this.slot(i, k));
    this.fill(op, this.tables.get(i));
  }

  /** Operation `i` at another time, as one to put in. */
  copy(i: number, tsNs: number): MadeOp {
    return {
      kind: this.kind[i]! as OpKind,
      cpu: this.cpu[i]!,
      pid: this.pid[i]!,
      context: this.context[i]! as Context,
      tsNs,
      slots: Array.from(this.slots.subarray(i * SLOTS, (i + 1) * SLOTS)),
    };
  }

  /** Refill `op` with one that was put in; `ref`: the recorded line it comes after. */
  loadMade(made: MadeOp, ref: number, op: Op): void {
    op.kind = made.kind;
    op.pid = made.pid;
    op.cpu = made.cpu;
    op.context = made.context;
    op.flags = 0;
    op.tsNs = made.tsNs;
    op.ref = ref;
    for (let k = 0; k < SLOTS; k++) setSlot(op, k, made.slots[k] ?? Number.NaN);
    const pages = made.of?.current;
    if (pages && made.member !== undefined) op.a0 = pages[made.member]!;
    this.fill(op, pages && made.tables ? pages : made.tables);
  }

  private fill(op: Op, tables: readonly number[] | undefined): void {
    op.nTables = Math.min(tables?.length ?? 0, op.tables.length);
    for (let k = 0; k < op.nTables; k++) op.tables[k] = tables![k]!;
  }

  private grow(): void {
    const n = this.kind.length * 2;
    const wide = <T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.kind = wide(this.kind, new Uint8Array(n));
    this.pid = wide(this.pid, new Int32Array(n));
    this.cpu = wide(this.cpu, new Int32Array(n));
    this.context = wide(this.context, new Uint8Array(n));
    this.flags = wide(this.flags, new Uint32Array(n));
    this.tsNs = wide(this.tsNs, new Float64Array(n));
    this.ref = wide(this.ref, new Float64Array(n));
    this.slots = wide(this.slots, new Float64Array(n * SLOTS));
  }
}
