import type { Decoder } from '../../../src/kernel/decoder.js';
import { FuncTable } from '../../../src/kernel/func-table.js';
import { Op, type OpKind } from '../../../src/kernel/ops.js';
import { ReplayEngine } from '../../../src/replay/engine.js';
import { KNOWN } from '../../../src/replay/tally.js';
import { RecordBatch } from '../../../src/timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../../../src/timeline/events.js';
import { CONTEXT } from '../../../src/timeline/flags.js';
import { Interner } from '../../../src/timeline/interner.js';
import { TimeBase } from '../../../src/timeline/time-base.js';

/** Operations given one by one to the engine with all its rules: a trial. Stamps are 1 µs apart unless given. */
export class Trial {
  readonly engine: ReplayEngine;
  private given: Partial<Op> = {};
  private nowNs = 1_000_000;
  private offset = 100;

  constructor() {
    const decode = (batch: RecordBatch, row: number, op: Op): boolean => {
      const { tables, ...fields } = this.given;
      const fresh = new Op();
      const blank = { a0: fresh.a0, a1: fresh.a1, a2: fresh.a2, a3: fresh.a3, a4: fresh.a4, a5: fresh.a5 };
      Object.assign(op, blank, { nTables: 0, pid: 10, context: CONTEXT.task }, fields);
      if (tables) op.tables.set(tables);
      op.cpu = batch.cpu[row]!;
      op.tsNs = batch.tsNs[row]!;
      op.ref = batch.ref(row);
      return true;
    };
    this.engine = new ReplayEngine({
      names: new Interner(),
      time: new TimeBase(),
      funcs: new FuncTable(),
      decoder: { decode } as unknown as Decoder,
      variants: null,
      filter: null,
      listener: null,
      maxFindings: 10,
    });
  }

  /** The clock is at `tsNs` if given, else 1 µs on; a stamp given for one operation does not move the clock back. */
  do(kind: OpKind, over: Partial<Op> = {}): this {
    const tsNs = over.tsNs ?? this.nowNs + 1000;
    this.nowNs = Math.max(this.nowNs, tsNs);
    this.given = { ...over, kind };
    this.row(LAST_RESERVED + 1, tsNs, over.cpu ?? 0, 0);
    return this;
  }

  lost(cpu: number, count = 3): this {
    this.row(RESERVED.lost, this.nowNs, cpu, count);
    return this;
  }

  /** The clocks of two CPUs are shown to be off by `ns`: a handler is stamped that long before its request. */
  skewed(ns: number, from: number, to: number): this {
    this.engine.skew.add(from, to, -ns);
    return this;
  }

  get atNs(): number {
    return this.nowNs;
  }

  /** What is said of an invariant so far: passes by how they are known, violations, unknowns with their reasons. */
  of(invariant: number): { pass: string; violated: number; unknown: string[]; censored: number } {
    const tally = this.engine.ledger.tally(invariant);
    const pass = Object.entries(KNOWN)
      .filter(([, known]) => tally.pass[known]! > 0)
      .map(([name, known]) => `${tally.pass[known]} ${name}`)
      .join(', ');
    const unknown = [...tally.unknowns].map(([why, { count }]) => `${count} ${why}`);
    return { pass, violated: tally.violated, unknown, censored: tally.censored };
  }

  private row(event: number, tsNs: number, cpu: number, aux: number): void {
    const batch = new RecordBatch(1);
    batch.length = 1;
    batch.event[0] = event;
    batch.tsNs[0] = tsNs;
    batch.cpu[0] = cpu;
    batch.aux[0] = aux;
    batch.offset[0] = this.offset;
    this.offset += 10;
    this.engine.batch(batch);
  }
}
