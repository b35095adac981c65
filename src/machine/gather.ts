import type { FreePath } from '../kernel/free-paths.js';
import { OP } from '../kernel/ops.js';
import { any } from './command.js';
import type { Emitter } from './emitter.js';
import { handOver, IN, queueAgain } from './hand-over.js';
import { FREED, type Kernel, type Link, MM_NAMES, pageName, type Table } from './kernel.js';
import { writesHead } from './ptdesc-union.js';
import { type Callbacks, callbackOps, callRcuOps, queued, synchronizeRcu } from './rcu.js';
import { flush, syncIpi } from './shootdown.js';
import { Label, type Thread, type Way } from './thread.js';

/** Whether a page for the table batch can be had (`GFP_NOWAIT`): always, never, or either way each time. */
export type Memory = 'yes' | 'no' | 'both';

/**
 * One `struct mmu_gather` of a thread: unlink, hand over, flush, free (mm/mmu_gather.c). Which steps a single table
 * takes when no batch page could be had is the kernel variant's own list.
 */
export class Gather {
  readonly t: Thread;
  readonly links: readonly Link[];
  private readonly kernel: Kernel;
  private readonly path: FreePath;
  private readonly callbacks: Callbacks;
  private readonly memory: Memory;
  private readonly mm: number;
  private readonly tables: readonly Table[];
  private readonly pend: string;
  private handed = 0;

  constructor(t: Thread, links: readonly Link[], path: FreePath, memory: Memory, callbacks: Callbacks) {
    this.t = t;
    this.links = links;
    this.kernel = t.kernel;
    this.path = path;
    this.memory = memory;
    this.callbacks = callbacks;
    this.mm = links[0]!.mm;
    this.tables = links.map((link) => this.kernel.tables[link.table]!);
    this.pend = this.kernel.model.variable(`pend_${t.cpu}`, 0, t.cpu);
    for (const table of this.tables) this.kernel.model.variable(this.place(table));
  }

  /** Where a table is on its way through this gather: `IN`. */
  private place(table: Table): string {
    return this.t.cpu === 0 ? `in_${table.id}` : `in_${table.id}_${this.t.cpu}`;
  }

  /** The entry of the data page below a table is cleared: zap_pte_range(). */
  zap(link: Link): void {
    if (this.kernel.tables[link.table]!.page) this.t.step(this.zapWay(link));
  }

  zapWay(link: Link): Way {
    const table = this.kernel.tables[link.table]!;
    return {
      text: `clears the entry of ${pageName(table)}`,
      set: [`leaf_${table.id} = 0`, `${this.pend} = 1`],
      ops: (e) => e.emit(OP.CLRE, this.t.cpu, [e.names.page(table.name), e.names.va(this.kernel.va(link))]),
    };
  }

  /** Assignments and operations of the unlink; the caller says under which locks. */
  unlinkWay(link: Link, extra: Partial<Way> = {}): Way {
    const { kernel, t } = this;
    const name = kernel.name(link);
    return {
      text: `unlinks ${name}`,
      ...extra,
      set: [`ent_${link.id} = 0`, `${this.pend} = 1`, ...(extra.set ?? [])],
      ops: (e) => {
        e.emit(OP.UL, t.cpu, [
          e.names.mm(mmName(link)),
          e.names.va(kernel.va(link)),
          e.names.page(name),
          Number.NaN,
        ]);
      },
    };
  }

  /** tlb_remove_table() or its stand-in; where a batch page is missing, the variant's list for a single table. */
  remove(link: Link, after?: Label): void {
    const { kernel, t, path } = this;
    const table = kernel.tables[link.table]!;
    const next = after ?? new Label();
    if (kernel.broken('mm-users-shortcut')) {
      this.freeNow(table);
      if (!after) t.here(next);
      return;
    }
    const into = path.leaf === 'pages' ? IN.pending : IN.batch;
    const early = kernel.broken('ptlock-freed-early')
      ? [`${kernel.model.variable(`ptlfree_${table.id}`)} = 1`]
      : [];
    const appended: Way = {
      text: path.leaf === 'pages' ? `puts ${table.name} with the pages` : `puts ${table.name} into the batch`,
      set: [`${this.place(table)} = ${into}`, ...early],
      to: next,
      cue: 'batch-page',
      ops: (e) => {
        if (early.length > 0) e.emit(OP.PTL, t.cpu, [e.names.page(table.name), 0]);
        if (path.leaf === 'batch') this.appOps(e, table);
      },
    };
    if (path.leaf === 'pages' || this.memory === 'yes') {
      t.step(appended);
      if (!after) t.here(next);
      return;
    }
    const held = any(this.tables.map((other) => `${this.place(other)} == ${IN.batch}`));
    const single = new Label();
    t.step(
      { ...appended, when: this.memory === 'no' ? held : '' },
      {
        text: `gets no page for a batch: ${table.name} goes alone`,
        when: this.tables.map((other) => `${this.place(other)} != ${IN.batch}`).join(' && '),
        set: early,
        to: single,
        cue: 'no-batch-page',
        ops: (e) => {
          if (early.length > 0) e.emit(OP.PTL, t.cpu, [e.names.page(table.name), 0]);
          this.appOps(e, table);
        },
      },
    );
    t.here(single);
    this.single(table);
    if (!after) t.here(next);
  }

  private appOps(e: Emitter, table: Table): void {
    e.emit(OP.APP, this.t.cpu, [Number.NaN, e.names.mm(MM_NAMES[this.mm]!), e.names.page(table.name)]);
  }

  /** What is pending goes out of all caches, unless that rule is broken. `tables`: some of it are tables. */
  invalidate(rule: string, tables = true): void {
    const { t } = this;
    t.either(rule, (broken) => {
      if (!broken) flush(t, this.mm, tables, [`${this.pend} = 0`]);
    });
  }

  /** tlb_table_invalidate(), then tlb_remove_table_one(). */
  private single(table: Table): void {
    const { t, path } = this;
    this.invalidate('single-without-flush');
    for (const step of path.single) {
      if (step === 'sync-ipi') syncIpi(t);
      else if (step === 'sync-rcu') synchronizeRcu(t, this.callbacks);
      else if (step === 'free') this.freeNow(table);
      else this.callRcuOne(table);
    }
  }

  /** The task itself releases the table. */
  freeNow(table: Table): void {
    this.t.step({
      text: `frees ${table.name}`,
      set: [`freed_${table.id} = ${FREED.directly}`, `${this.place(table)} = ${IN.none}`],
      ops: (e) => e.emit(OP.FREE, this.t.cpu, [e.names.page(table.name), 0]),
    });
  }

  /** call_rcu() on the head inside the table's struct page. */
  callRcuOne(table: Table): void {
    const { t, kernel } = this;
    const name = `${table.name}.pt`;
    const cb = this.callbacks.add(kernel, {
      cpu: t.cpu,
      name,
      runs: [`freed_${table.id} = ${FREED.byCallback}`],
      text: `the callback of ${table.name} runs: it is free`,
      ops: (e) => callbackOps(e, t.cpu, name, [table]),
      waiter: false,
    });
    t.step(
      ...writesHead(kernel, table, {
        text: `call_rcu() for ${table.name}`,
        set: queued(kernel, cb),
        ops: (e) => callRcuOps(e, t.cpu, name, [table]),
      }),
    );
    if (kernel.broken('queue-twice')) queueAgain(t, cb, table.name, () => [table]);
  }

  /**
   * tlb_finish_mmu(): flush what is pending, hand the batch to RCU, free the pages; tlb_flush_mmu() does so on the way.
   * `tables`: some of what is pending are tables.
   */
  finish(what = 'tlb_finish_mmu()', tables = true): void {
    const { kernel, t, path } = this;
    const flushed = new Label();
    const late = kernel.broken('free-before-flush');
    if (late) this.freePages();
    t.step(
      { text: `${what}: something is pending`, when: `${this.pend} == 1` },
      { text: `${what}: nothing is pending`, when: `${this.pend} == 0`, to: flushed },
    );
    this.invalidate('batch-without-flush', tables);
    t.here(flushed);
    if (path.leaf === 'batch') this.handOver();
    if (!late) this.freePages();
  }

  /** tlb_table_flush() after the flush: call_rcu() for the batch, if there is one. */
  handOver(): void {
    handOver(this.t, this.callbacks, {
      order: this.handed++,
      tables: this.tables,
      place: (t) => this.place(t),
    });
  }

  /** As `remove`; what the table was put into may be full then: it is flushed and handed over at once, as often as it is. */
  removeInto(link: Link): void {
    const { t } = this;
    const [put, next] = [new Label(), new Label()];
    this.remove(link, put);
    t.step({ text: 'the table is gone', to: next });
    t.here(put);
    t.step({ text: 'there is room', cue: 'room', to: next }, { text: 'it is full', cue: 'full' });
    if (this.path.leaf === 'pages') this.finish('tlb_flush_mmu()');
    else {
      this.invalidate('batch-without-flush');
      this.handOver();
    }
    t.here(next);
  }

  /** tlb_batch_pages_flush(): data pages, and in A0 and A1 the tables too. */
  freePages(): void {
    const { t, tables, path } = this;
    const pages = tables.filter((table) => table.page);
    const sync = path.leaf === 'pages';
    if (!sync && pages.length === 0) return;
    t.step({
      text: sync ? 'frees the pages, tables among them' : 'frees the pages',
      set: [
        ...pages.map((table) => `pfree_${table.id} = (leaf_${table.id} == 0 ? 1 : 0)`),
        ...(sync
          ? tables.flatMap((table) => [
              `freed_${table.id} = (${this.place(table)} == ${IN.pending} ? ${FREED.directly} : freed_${table.id})`,
              `${this.place(table)} = (${this.place(table)} == ${IN.pending} ? ${IN.none} : ${this.place(table)})`,
            ])
          : []),
      ],
      ops: (e, read) => {
        for (const table of pages) {
          if (read(`leaf_${table.id}`) === 0) e.emit(OP.FREE, t.cpu, [e.names.page(pageName(table)), 0]);
        }
        if (!sync) return;
        for (const table of tables) {
          if (read(`${this.place(table)}`) === IN.pending)
            e.emit(OP.FREE, t.cpu, [e.names.page(table.name), 0]);
        }
      },
    });
  }
}

const mmName = (link: Link): string => MM_NAMES[link.mm]!;
