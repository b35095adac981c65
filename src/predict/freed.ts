import { FUNC, OP, type Op } from '../kernel/ops.js';
import type { Under } from '../machine/recorded.js';
import type { Evidence } from '../replay/evidence.js';
import type { Monitor } from '../replay/monitor.js';
import type { Task } from '../replay/state/contexts.js';
import type { MechPage } from '../replay/state/mech.js';
import type { Flush, Gather, Head, Table } from '../replay/state/table-life.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { isKnown } from '../timeline/is-known.js';

/** Seen, not seen where it would have been, or its probe was not there. */
export type Seen = 'yes' | 'no' | 'unknown';

/** How one table went, as far as the recording shows it. */
export interface FreedPath {
  /** `exit`: the mm has no user left. null: what kept walkers out is not shown. */
  readonly under: Under | 'exit' | null;
  /** `leaf`: a flush that does not say that tables are freed. */
  readonly flush: 'tables' | 'leaf' | 'no' | 'unknown';
  readonly syncIpi: Seen;
  /** Its own task sent that IPI: a kernel that does so does nothing else that waits. */
  readonly ownIpi: boolean;
  readonly syncRcu: Seen;
  /** Its own task waited for that. */
  readonly ownRcu: boolean;
  /** `early`: by its task while its callback was pending. null: outside its task, and nothing shows by what. */
  readonly end: 'call-rcu' | 'free' | 'early' | null;
  /** Queued by itself, not with a batch; null: not queued, or not shown. */
  readonly alone: boolean | null;
  /** The flush returned only after call_rcu(). */
  readonly flushLate: boolean;
}

/** Where in the recording. */
export interface FreedAt {
  readonly unlink: EvidenceRef;
  /** The flush returned; -1 not seen. */
  readonly flush: EvidenceRef;
  /** IPI to all CPUs of its own task; -1 not seen. */
  readonly ipi: EvidenceRef;
  /** call_rcu(); -1 not seen. */
  readonly call: EvidenceRef;
  readonly free: EvidenceRef;
}

/** All tables that went the same way. */
export interface FreedGroup {
  readonly path: FreedPath;
  frees: number;
  /** The first few. */
  readonly at: FreedAt[];
}

const MAX_SHOWN = 3;

/** Which calls detach the VMA first (mm/vma.c vms_gather_munmap_vmas(), mm/mremap.c, ipc/shm.c). */
const UNMAPS = /^(?:munmap|mmap|mremap|brk|shmdt|remap_file_pages)$/;

/** What the hand-over of a table shows. */
interface Context {
  readonly under: Under | 'exit' | null;
  /** No gather, or not the beginning of its gather, is shown: which flushes are of it is told by their mm and their time. */
  readonly alone: boolean;
}

/** Collects every release of a page table and what came between its unlink and that. */
export class FreedTables {
  private readonly groups = new Map<string, FreedGroup>();
  /** Flush interrupts were seen. */
  flushIpis = false;
  /** Some flush was by INVLPGB. */
  broadcasts = false;
  private readonly contexts = new WeakMap<Table, Context>();
  private evidence: Evidence | null = null;
  private waits: { readonly ipi: Waits; readonly rcu: Waits } | null = null;

  get list(): readonly FreedGroup[] {
    return [...this.groups.values()];
  }

  /** Listens to one capture. */
  monitor(evidence: Evidence): Monitor {
    this.evidence = evidence;
    /** Newest finished flush of each mm, for tables that no gather shows. */
    const flushed = new Map<number, Flush>();
    /** Tables taken for empty, as markers tell. */
    const emptied = new Set<number>();
    this.waits = { ipi: new Waits(evidence), rcu: new Waits(evidence) };
    const { ipi, rcu } = this.waits;
    return {
      on: {
        [OP.BCAST]: () => {
          this.broadcasts = true;
        },
        [OP.SYNC1]: (op, task) => ipi.step(op, task),
        [OP.SYNCR]: (op, task) => rcu.step(op, task),
      },
      flushDone: (flush) => {
        if (flush.multi || flush.targets.length > 0) this.flushIpis = true;
        flushed.set(flush.mm, flush);
      },
      tableRemoved: (table, gather, task) => {
        const told = emptied.delete(table.key) ? 'reclaim' : this.context(table, gather, task);
        this.contexts.set(table, { under: told, alone: gather === null || gather.headless });
      },
      declaredEmpty: (page) => {
        emptied.add(page.key);
      },
      tableFreed: (table, task, _cpu, op) => this.freed(table, task, op, flushed),
      released: (page, reused, task, op) => {
        emptied.delete(page.key);
        if (!reused) this.released(page, task, op, flushed);
      },
    };
  }

  private context(table: Table, gather: Gather | null, task: Task): Under | 'exit' | null {
    if (table.reclaimRef >= 0) return 'reclaim';
    if (gather?.full) return 'exit';
    const name = task.syscall >= 0 ? this.evidence!.nameOf(task.syscall) : '';
    if (UNMAPS.test(name)) return 'munmap';
    // madvise() unlinks tables in one place only: mm/pt_reclaim.c.
    return name === 'madvise' ? 'reclaim' : null;
  }

  private freed(table: Table, task: Task, op: Op, flushed: ReadonlyMap<number, Flush>): void {
    const retracted = isKnown(table.deferredSince);
    if (table.trSeq === 0 && !retracted) return;
    const { head } = table;
    const context = this.contexts.get(table);
    const own = table.flush ?? table.leafFlush;
    const flush = own ?? (context?.alone ? flushAfter(flushed, table.mm, table.trSeq) : null);
    this.add(
      {
        under: retracted ? 'retract' : (context?.under ?? null),
        flush: flush ? kindOf(flush) : this.absent,
        syncIpi: table.sync ? 'yes' : this.waited('ipi', table.trSeq),
        ownIpi: table.sync !== null || this.waits!.ipi.newestOf(task) > table.trSeq,
        syncRcu: table.gpWait ? 'yes' : this.waited('rcu', table.trSeq),
        ownRcu: table.gpWait || this.waits!.rcu.newestOf(task) > table.trSeq,
        end: this.endOf(head, table.freedByTask),
        alone: aloneOf(head),
        flushLate: head !== null && flush !== null && flush.fdSeq > head.crSeq,
      },
      {
        unlink: table.ulRef >= 0 ? table.ulRef : table.trRef,
        flush: flush?.fdRef ?? -1,
        ipi: table.sync?.ref ?? -1,
        call: head?.crRef ?? -1,
        free: op.ref,
      },
    );
  }

  /** A table of which markers tell (explorations, litmus tests, modules that print facts). */
  private released(page: MechPage, task: Task, op: Op, flushed: ReadonlyMap<number, Flush>): void {
    const { state } = this.evidence!;
    const table = state.tables.get(page.key);
    if (!page.everLinked || page.ul.seq === 0 || (table && table.trSeq > 0)) return;
    const head = table?.head ?? null;
    const flush = flushAfter(flushed, table?.mm ?? Number.NaN, page.ul.seq);
    this.add(
      {
        under: page.emptied >= 0 ? 'reclaim' : null,
        flush: flush ? kindOf(flush) : 'unknown',
        syncIpi: this.waited('ipi', page.ul.seq),
        ownIpi: this.waits!.ipi.newestOf(task) > page.ul.seq,
        syncRcu: this.waited('rcu', page.ul.seq),
        ownRcu: this.waits!.rcu.newestOf(task) > page.ul.seq,
        end: this.endOf(head, true),
        alone: aloneOf(head),
        flushLate: false,
      },
      {
        unlink: page.ul.ref,
        flush: flush?.fdRef ?? -1,
        ipi: state.mech.sync.seq > page.ul.seq ? state.mech.sync.ref : -1,
        call: head?.crRef ?? -1,
        free: op.ref,
      },
    );
  }

  private endOf(head: Head | null, byTask: boolean): FreedPath['end'] {
    if (!head) return byTask ? 'free' : null;
    if (head.ran > 0) return 'call-rcu';
    return byTask && this.absent === 'no' ? 'early' : null;
  }

  /** Somebody waited after the unlink, in whichever task: an IPI and a grace period are for all. */
  private waited(what: 'ipi' | 'rcu', unlinkSeq: number): Seen {
    return this.waits![what].newestSeq > unlinkSeq ? 'yes' : this.absent;
  }

  /** What is not there may be among the events that were lost; whether its probe works at all is asked at the end. */
  private get absent(): 'no' | 'unknown' {
    return this.evidence!.state.lossSeq > 0 ? 'unknown' : 'no';
  }

  private add(path: FreedPath, at: FreedAt): void {
    const key = Object.values(path).join(' ');
    let group = this.groups.get(key);
    if (!group) this.groups.set(key, (group = { path, frees: 0, at: [] }));
    group.frees++;
    if (group.at.length < MAX_SHOWN) group.at.push(at);
  }
}

/** Waits that are over: `tlb_remove_table_sync_one()`, `tlb_remove_table_sync_rcu()`. */
class Waits {
  private readonly evidence: Evidence;
  private readonly begun = new Map<number, number>();
  private readonly own = new Map<number, number>();
  /** When the newest of those that are over began. */
  newestSeq = -1;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  step(op: Op, task: Task): void {
    if (op.a0 === 1) {
      this.begun.set(task.key, this.evidence.state.seq);
      return;
    }
    const since = this.begun.get(task.key);
    if (since === undefined) return;
    this.begun.delete(task.key);
    this.own.set(task.key, since);
    this.newestSeq = Math.max(this.newestSeq, since);
  }

  /** The same, of one task. */
  newestOf(task: Task): number {
    return this.own.get(task.key) ?? -1;
  }
}

const aloneOf = (head: Head | null): boolean | null =>
  head === null || head.func === FUNC.unknown ? null : head.func !== FUNC.tlb_remove_table_rcu;

const kindOf = (flush: Flush): FreedPath['flush'] => (flush.freedTables === 0 ? 'leaf' : 'tables');

/** The newest finished flush of that mm (NaN: of any), if it began after the unlink. */
function flushAfter(flushed: ReadonlyMap<number, Flush>, mm: number, seq: number): Flush | null {
  for (const flush of flushed.values())
    if ((!isKnown(mm) || flush.mm === mm) && flush.frSeq > seq) return flush;
  return null;
}
