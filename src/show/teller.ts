import type { Decoder } from '../kernel/decoder.js';
import { FUNC, isTableFunc, LEVEL_NAMES, OP, Op } from '../kernel/ops.js';
import type { Hooks } from '../replay/hooks.js';
import { step } from '../replay/machine.js';
import { SilentHooks } from '../replay/silent-hooks.js';
import { type MachineState, newState } from '../replay/state/machine-state.js';
import type { Flush, Gather, Head, Table } from '../replay/state/table-life.js';
import type { EvidenceRef, RecordBatch } from '../timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../timeline/events.js';
import { isKnown } from '../timeline/is-known.js';
import { KIND_NOTE, MM_SLOT, TLB_KINDS } from './event-notes.js';
import type { Watch } from './subject.js';

/** How far a page is in its life as a table. */
const STAGE = { none: 0, allocated: 1, table: 2, handed: 3, freed: 4 } as const;
type Stage = (typeof STAGE)[keyof typeof STAGE];
const HANDED = new Set<number>([OP.TR, OP.APP, OP.PVOP, OP.UL, OP.DEFER]);

/** Steps the machine and keeps the lines that concern the watched object. */
export class Teller extends SilentHooks implements Hooks {
  readonly told = new Map<EvidenceRef, string>();
  omitted = 0;
  private state: MachineState = newState();
  private readonly op = new Op();
  private readonly decoder: Decoder;
  private readonly watch: Watch;
  private readonly maxEvents: number;
  /** The line that was asked for: what is left out of a long life is far from it. */
  private readonly around: number | null;
  private line = 0;
  /** The gather of that line is finished: its address serves the next one. */
  private over = false;
  /** Lives of the page so far; entries filled that are not told. */
  lives = 0;
  filled = 0;
  private readonly oneLife: boolean;
  private stage: Stage = STAGE.none;

  constructor(decoder: Decoder, watch: Watch, maxEvents: number, around: number | null, allLives: boolean) {
    super();
    this.decoder = decoder;
    this.watch = watch;
    this.maxEvents = maxEvents;
    this.around = around;
    this.oneLife = around !== null && !allLives && isKnown(watch.page);
  }

  batch(batch: RecordBatch): void {
    const { op } = this;
    for (let row = 0; row < batch.length; row++) {
      const event = batch.event[row]!;
      if (event === RESERVED.segment) this.boundary();
      if (event <= LAST_RESERVED || !this.decoder.decode(batch, row, op)) continue;
      this.line = batch.line[row]!;
      this.direct(op);
      step(this.state, op, this);
    }
  }

  boundary(): void {
    this.state = newState();
    if (this.oneLife && this.stage !== STAGE.none) this.nextLife();
  }

  /** The page begins another life: that of the line is over, or has not begun. */
  private nextLife(): void {
    this.lives++;
    this.stage = STAGE.none;
    if (this.over) return;
    if (this.line > this.around!) {
      this.over = true;
      return;
    }
    this.told.clear();
    this.omitted = 0;
    this.filled = 0;
  }

  /** Where in its life the page is; true: this is one more of its entries, which are counted only. */
  private liveOn(op: Op, page: number): boolean {
    const fill = op.a3 === page && (op.kind === OP.PUB || op.kind === OP.PTEA || op.kind === OP.PMDA);
    let now: Stage = this.stage;
    if (op.kind === OP.ALLOC) now = STAGE.allocated;
    else if (op.kind === OP.PTEN) now = STAGE.table;
    else if (op.kind === OP.FREE) now = STAGE.freed;
    else if (fill || op.kind === OP.PUB) now = STAGE.table;
    else if (HANDED.has(op.kind)) now = STAGE.handed;
    else return false;
    const again =
      op.kind === OP.ALLOC
        ? this.stage !== STAGE.none
        : op.kind === OP.PTEN
          ? this.stage >= STAGE.table
          : op.kind !== OP.FREE && this.stage === STAGE.freed;
    if (again) this.nextLife();
    const more = fill && this.filledOnce;
    this.filledOnce = again || this.stage === STAGE.none ? fill : this.filledOnce || fill;
    if (this.lives === 0) this.lives = 1;
    this.stage = now;
    if (!more || this.over || this.line === this.around) return false;
    this.filled++;
    return true;
  }
  private filledOnce = false;

  private tell(ref: EvidenceRef, note: string): void {
    if (ref < 0 || this.over || this.told.has(ref)) return;
    if (this.around !== null && this.line < this.around && this.told.size >= this.maxEvents / 2) {
      // The line is still to come: the oldest make room.
      const [oldest] = this.told.keys();
      this.told.delete(oldest!);
      this.omitted++;
    }
    if (this.told.size >= this.maxEvents) this.omitted++;
    else this.told.set(ref, note);
  }

  /** A gather begins where another one was: only the one of the line is told. */
  private nextGather(): void {
    if (this.around === null) return;
    if (this.line > this.around) this.over = true;
    else {
      this.told.clear();
      this.omitted = 0;
    }
  }

  /** Events that name the object themselves. */
  private direct(op: Op): void {
    const { page, mm, tlb, head } = this.watch;
    if (isKnown(page)) {
      const note = this.pageNote(op, page);
      if (note !== '' && !(this.oneLife && this.liveOn(op, page))) this.tell(op.ref, note);
    }
    if (isKnown(mm)) {
      const at = MM_SLOT[op.kind];
      if (at !== undefined && (at === 0 ? op.a0 : op.a1) === mm) this.tell(op.ref, KIND_NOTE[op.kind] ?? '');
    }
    if (isKnown(tlb) && op.kind === OP.GB && op.a0 === tlb) this.nextGather();
    if (isKnown(tlb) && TLB_KINDS.has(op.kind) && op.a0 === tlb) this.tell(op.ref, KIND_NOTE[op.kind] ?? '');
    if (isKnown(head) && (op.kind === OP.CR || op.kind === OP.CB) && op.a0 === head) {
      this.tell(op.ref, KIND_NOTE[op.kind]!);
    }
  }

  private pageNote(op: Op, page: number): string {
    switch (op.kind) {
      case OP.TR:
        return op.a2 === page ? `unlinked, handed over (${LEVEL_NAMES[op.a3] ?? '?'} table)` : '';
      case OP.APP:
      case OP.PVOP:
      case OP.UL:
        return op.a2 === page ? KIND_NOTE[op.kind]! : '';
      case OP.PUB:
        return op.a2 === page ? 'published (attempt)' : op.a3 === page ? 'an entry of it is filled' : '';
      case OP.PTEA:
      case OP.PMDA:
        return op.a3 === page ? 'an entry of it is to be filled' : '';
      case OP.PTEN:
      case OP.FPSC:
        return op.a0 === page ? KIND_NOTE[op.kind]! : '';
      case OP.FREE:
      case OP.ALLOC:
        return page >= op.a0 && page < op.a0 + 2 ** Math.max(op.a1, 0) ? KIND_NOTE[op.kind]! : '';
      case OP.RB:
      case OP.RE:
      case OP.DR:
      case OP.DEFER:
        return op.a1 === page ? KIND_NOTE[op.kind]! : '';
      case OP.CR:
        return op.a2 === page && isTableFunc(op.a1) && op.a1 !== FUNC.tlb_remove_table_rcu
          ? 'call_rcu on its own head'
          : '';
      case OP.CB:
        if (op.a2 === page && op.a1 !== FUNC.tlb_remove_table_rcu) return 'its callback runs';
        return op.tables.subarray(0, op.nTables).includes(page) ? 'callback of a batch that lists it' : '';
      default:
        return '';
    }
  }

  private concerns(table: Table): boolean {
    return table.key === this.watch.page;
  }

  override flushDone(flush: Flush, gather: Gather | null, _task: unknown, op: Op): void {
    const { tlb, mm } = this.watch;
    if (flush.covers.some((t) => this.concerns(t)) || (isKnown(tlb) && gather?.tlb === tlb)) {
      this.tell(flush.frRef, `flush begins (freed_tables=${flush.freedTables})`);
      for (const target of flush.targets) {
        this.tell(target.isRef, `sent to CPU ${target.cpu}`);
        this.tell(target.ixRef, `CPU ${target.cpu} has invalidated`);
      }
      this.tell(op.ref, 'flush done on every CPU');
    } else if (isKnown(mm) && flush.mm === mm) this.tell(op.ref, 'flush done');
  }

  override queued(head: Head, gather: Gather | null, _task: unknown, op: Op): void {
    const { tlb, mm } = this.watch;
    const ours = head.tables.some((t) => this.concerns(t) || (isKnown(mm) && t.mm === mm));
    if (ours || (isKnown(tlb) && gather?.tlb === tlb && isTableFunc(head.func))) {
      this.tell(op.ref, `call_rcu with ${head.tables.length} table${head.tables.length === 1 ? '' : 's'}`);
    }
  }

  override callbackRan(head: Head, _cpu: unknown, op: Op): void {
    const { mm } = this.watch;
    const ours =
      head.addr === this.watch.head ||
      head.tables.some((t) => this.concerns(t) || (isKnown(mm) && t.mm === mm));
    if (!ours) return;
    const what = head.func === FUNC.tlb_remove_table_rcu ? 'callback of the batch' : 'callback';
    this.tell(op.ref, head.ran === 2 ? `${what} (inferred)` : what);
  }

  override tableFreed(table: Table, _task: unknown, _cpu: unknown, op: Op): void {
    if (table.head !== null && table.head.addr === this.watch.head)
      this.tell(op.ref, 'a table of it is released');
  }
}
