import type { RecordBatch } from '../timeline/batch.js';
import type { EventTable } from '../timeline/events.js';
import { CONTEXT } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';
import { baseFrom, firstWinner, Poll } from './base-poll.js';
import { BaseTops } from './base-tops.js';
import { type Bases, CANONICAL_TOPS, makeBases, PAGE, STRUCT_PAGE, unknownBases } from './bases.js';
import { ascii, find, isRawPointer, parseHex53 } from './bytes.js';
import { Decoder } from './decoder.js';
import { FreeWindows } from './free-windows.js';
import { FuncAddresses } from './func-addresses.js';
import type { FuncTable } from './func-table.js';
import { FUNC, OP, Op } from './ops.js';
import type { ProbesFile } from './probes-file.js';
import { TablePairs } from './table-pairs.js';

/** Bases that translate nothing: the learner wants the pointers as they stand. */
const RAW: Bases = {
  vmemmap: Number.NaN,
  directMap: Number.NaN,
  tops: CANONICAL_TOPS,
  how: 'raw',
  pageOfStructPage: (addr) => addr,
  pageOfVa: (addr) => addr,
  pageOfPtl: () => Number.NaN,
};
/** Rows between two looks at whether enough is known. */
const ROWS_A_LOOK = 256;
const ENOUGH = 64;
/** Looked at for a probe that tells what the addresses of functions stand for. */
const ROWS_FOR_ADDRESSES = 1 << 14;

const PAGE_FIELD = ascii('page=');

/**
 * Finds where KASLR has put vmemmap and the direct map, from pointers and frame numbers that belong together.
 * Feed it the first batches of a recording; `done` says when more would not help. Alignment is not used: a base is
 * whatever explains the pointers. Polls, strongest first:
 * raw `page= pfn=` lines, `free_pte` with the TR after it, `pte_alloc_one` after its `mm_page_alloc`, callback
 * bodies against the frees that follow, pages handed to a gather against the frees after its flush.
 * The direct map then follows from pairs (VA, struct page) of one table, or from its own polls.
 */
export class BaseLearner {
  private readonly decoder: Decoder;
  private readonly op = new Op();
  private readonly raw = new Poll('raw page pointers with their pfn', 3);
  private readonly reclaim = new Poll('reclaimed entries with their table', 3);
  private readonly alloc = new Poll('page-table allocations with their pfn', 4);
  private readonly bodies = new Poll('tables of callback bodies with the frees that follow', 4);
  private readonly released = new Poll('free_page_and_swap_cache with the free that follows', 4);
  private readonly batchVa = new Poll('batch pages with their free', 3);
  private readonly windows = new FreeWindows();
  private readonly tops = new BaseTops();
  private readonly addresses: FuncAddresses;
  private readonly pairs = new TablePairs();
  private readonly lastAlloc = new Map<number, number>();
  private readonly lastEntry = new Map<number, number>();
  private readonly lastReleased = new Map<number, number>();
  private readonly lastVa = new Map<number, number>();
  private readonly callback = new Map<number, { tables: number[]; nr: number; head: number; seen: number }>();
  private rows = 0;
  private settled = false;
  /** Bases of the capture before; null where both were not known. */
  private readonly before: Bases | null;
  private same = false;

  /** `before`: bases of the capture before, which this one has too if it is of the same boot. */
  constructor(options: { events: EventTable; funcs: FuncTable; probes?: ProbesFile; before?: Bases }) {
    this.decoder = new Decoder({ ...options, bases: RAW });
    this.addresses = new FuncAddresses(options.funcs);
    const { before } = options;
    this.before = before && isKnown(before.vmemmap) && isKnown(before.directMap) ? before : null;
  }

  /** Look at a batch; nothing of it is kept. What lies behind the row that settles it is not looked at. */
  observe(batch: RecordBatch): void {
    const { decoder, op } = this;
    for (let row = 0; row < batch.length && !this.settled; row++) {
      // By rows, not by batches: how an input comes in pieces must not show in what is learnt from it.
      if (++this.rows % ROWS_A_LOOK === 0 && this.sure()) {
        this.settled = true;
        return;
      }
      if (!decoder.decode(batch, row, op)) continue;
      this.tops.observe(batch, row);
      this.addresses.observe(batch, row, op);
      if (op.kind === OP.FREE || op.kind === OP.ALLOC) this.rawPage(batch, row);
      this.step();
    }
  }

  /** Both bases are known beyond doubt. */
  done(): boolean {
    return this.settled;
  }

  private sure(): boolean {
    if (this.addresses.open && this.rows < ROWS_FOR_ADDRESSES) return false;
    const strong = [this.raw, this.alloc, this.bodies, this.reclaim];
    if (this.before !== null && this.isAsBefore(strong, this.before)) return true;
    if (!strong.some((p) => p.pages >= ENOUGH && p.winner())) return false;
    return this.pairs.size >= 8 || (this.batchVa.pages >= 8 && this.batchVa.winner() !== null);
  }

  /** Other boots have either base elsewhere; few pointers tell whether one is where it was. */
  private isAsBefore(polls: readonly Poll[], before: Bases): boolean {
    this.same = polls.some((p) => p.winner()?.base === before.vmemmap) && this.mapIsAsBefore(before);
    return this.same;
  }

  private mapIsAsBefore(before: Bases): boolean {
    return this.pairs.mapIsAsBefore(before) ?? this.batchVa.winner()?.base === before.directMap;
  }

  finish(): Bases {
    if (this.same) return this.before!;
    const page = [this.raw, this.reclaim, this.alloc, this.bodies, this.released, this.windows.pagePoll];
    const vmemmap = firstWinner(page);
    const direct = vmemmap ? this.pairs.directMapPoll(vmemmap.base).winner() : null;
    const map = direct ?? firstWinner([this.batchVa, this.windows.vaPoll]);
    if (!vmemmap && !map) return unknownBases();
    const other = !vmemmap && map ? this.pairs.vmemmapPoll(map.base).winner() : null;
    const v = vmemmap ?? other;
    const how = [
      v ? `vmemmap from ${v.text}` : 'vmemmap unknown',
      map ? `direct map from ${map.text}` : 'direct map unknown',
    ].join('; ');
    const [page0, map0] = [v?.base ?? Number.NaN, map?.base ?? Number.NaN];
    return makeBases(page0, map0, how, { vmemmap: this.tops.of(page0), directMap: this.tops.of(map0) });
  }

  /** `page=ffffea0001fa31c0 pfn=0x7e8c7`: only with hashing off does the pointer say anything. */
  private rawPage(batch: RecordBatch, row: number): void {
    const end = batch.bodyEnd[row]!;
    const at = find(batch.bytes, batch.bodyStart[row]!, end, PAGE_FIELD);
    if (at < 0) return;
    const pointer = parseHex53(batch.bytes, at + PAGE_FIELD.length, end);
    if (isRawPointer(pointer)) this.raw.vote(baseFrom(pointer, STRUCT_PAGE, this.op.a0), this.op.a0);
  }

  private step(): void {
    const { op } = this;
    switch (op.kind) {
      case OP.lost:
      case OP.segment:
        this.forget();
        return;
      case OP.ALLOC:
        if (op.a1 === 0 && op.a2 !== 1) this.lastAlloc.set(op.pid, op.a0);
        return;
      case OP.PTEN: {
        const pfn = this.lastAlloc.get(op.pid);
        this.lastAlloc.delete(op.pid);
        if (pfn !== undefined && isRawPointer(op.a0)) this.alloc.vote(baseFrom(op.a0, STRUCT_PAGE, pfn), pfn);
        return;
      }
      case OP.UL:
        if (op.a2 > 0) this.lastEntry.set(op.pid, op.a2);
        return;
      case OP.TR:
        this.removed();
        return;
      case OP.APP:
      case OP.PVOP:
        this.appended();
        return;
      case OP.CR:
        if (op.a1 === FUNC.tlb_remove_table_rcu) this.windows.queued(op.pid, op.cpu, op.a0);
        return;
      case OP.CB:
        this.body();
        return;
      case OP.FPSC:
        this.lastReleased.set(op.cpu, op.a0);
        return;
      case OP.CBret:
        this.windows.callbackEnds(op.cpu);
        return;
      case OP.GB:
        this.windows.gatherBegins(op.pid);
        return;
      case OP.GEret:
        this.windows.gatherEnds(op.pid);
        return;
      case OP.FREE:
        if (op.a1 === 0) this.freed();
    }
  }

  private removed(): void {
    const { op, windows } = this;
    windows.open(op.pid);
    if (!isRawPointer(op.a2)) return;
    const entry = this.lastEntry.get(op.pid);
    this.lastEntry.delete(op.pid);
    if (op.a3 === 1) {
      if (entry !== undefined) this.reclaim.vote(baseFrom(op.a2, STRUCT_PAGE, entry), entry);
      windows.removedPage(op.pid, op.a2);
      this.lastVa.delete(op.pid);
    } else {
      windows.removedVa(op.pid, op.a2);
      this.lastVa.set(op.pid, op.a2);
    }
  }

  private appended(): void {
    const { op } = this;
    if (!isRawPointer(op.a2)) return;
    const va = this.lastVa.get(op.pid);
    this.lastVa.delete(op.pid);
    if (va !== undefined) this.pairs.add(va, op.a2);
    this.windows.appended(op.pid, op.a2);
  }

  private body(): void {
    const { op } = this;
    if (op.a1 !== FUNC.tlb_remove_table_rcu || !(op.a3 > 0)) return;
    let tables = Array.from(op.tables.subarray(0, op.nTables));
    const appended = this.windows.takeBatch(op.a0);
    if (tables.length === 0 && appended?.length === op.a3) tables = appended;
    this.callback.set(op.cpu, { tables, nr: op.a3, head: op.a0, seen: 0 });
  }

  private freed(): void {
    const { op } = this;
    const softirq = op.context === CONTEXT.softirq;
    const page = this.lastReleased.get(op.cpu);
    if (page !== undefined) {
      this.lastReleased.delete(op.cpu);
      this.released.vote(baseFrom(page, STRUCT_PAGE, op.a0), op.a0);
    }
    const cb = this.callback.get(op.cpu);
    if (cb && (softirq || op.context === CONTEXT.unknown)) {
      const i = cb.seen++;
      if (i < cb.tables.length) this.bodies.vote(baseFrom(cb.tables[i]!, STRUCT_PAGE, op.a0), op.a0);
      else if (i === cb.nr) {
        if (isRawPointer(cb.head)) this.batchVa.vote(baseFrom(cb.head, PAGE, op.a0), op.a0);
        this.callback.delete(op.cpu);
      }
    }
    if (softirq) this.windows.freedInSoftirq(op.cpu, op.a0);
    else if (op.context === CONTEXT.task) this.windows.freedByTask(op.pid, op.a0);
    else if (op.context === CONTEXT.unknown) this.windows.freedSomewhere(op.pid, op.cpu, op.a0);
  }

  private forget(): void {
    const { lastAlloc, lastEntry, lastReleased, lastVa, callback } = this;
    for (const map of [lastAlloc, lastEntry, lastReleased, lastVa, callback]) map.clear();
    this.windows.forget();
  }
}
