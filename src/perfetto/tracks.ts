import { FUNC, GP_EVENT, isTableFunc, LEVEL_NAMES, OP, type Op, READER } from '../kernel/ops.js';
import type { Monitor } from '../replay/monitor.js';
import type { Flush, Head, Table, Target } from '../replay/state/table-life.js';
import { isKnown } from '../timeline/is-known.js';
import { callSpans } from './call-spans.js';
import type { TrackArgs, TrackSink } from './sink.js';

/** Rows for page tables at most: a viewer shows no more, and each costs memory. */
const MOST_TABLES = 2000;

const hex = (value: number): string =>
  isKnown(value)
    ? `0x${(value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value) | KERNEL).toString(16)}`
    : '?';
/** Kernel addresses are kept without the bits that are all ones. */
const KERNEL = 0xffe0_0000_0000_0000n;
const user = (value: number): string => (isKnown(value) ? `0x${value.toString(16)}` : '?');
const READER_NAMES = Object.keys(READER);

/** Rows of grace periods, which belong to no CPU. */
export const GRACE_ROWS = ['RCU grace periods', 'expedited grace periods'] as const;

/** Rows by name under a parent, made when first used. */
class Rows {
  private readonly ids = new Map<string, number>();
  private readonly sink: TrackSink;
  private readonly parent: number;
  constructor(sink: TrackSink, parent: number) {
    this.sink = sink;
    this.parent = parent;
  }
  of(name: string): number {
    let id = this.ids.get(name);
    if (id === undefined) this.ids.set(name, (id = this.sink.track(name, this.parent)));
    return id;
  }
  get size(): number {
    return this.ids.size;
  }
  has(name: string): boolean {
    return this.ids.has(name);
  }
}

/**
 * The run of the machine as tracks: CPUs (IPIs sent and handled, callbacks, readers), mms (gathers and flushes of each
 * task), page tables from hand-over to release, grace periods, and how many tables wait for RCU. What began before the
 * recording, or did not end in it, is left out.
 */
export class Tracks {
  /** Page tables beyond those that have a row. */
  tablesLeftOut = 0;
  readonly findings: number;
  private readonly cpus: Rows;
  private readonly cpuRows = new Map<string, number>();
  private readonly mms: Rows;
  private readonly mmRows = new Map<string, number>();
  private readonly tables: Rows;
  private readonly tasks: Rows;
  private readonly grace: number;
  private readonly expedited: number;
  private readonly waiting: number;
  private tablesWaiting = 0;
  private flows = 0;
  private readonly flowOf = new WeakMap<Head, number>();
  /** Tables that were counted when it was queued. */
  private readonly sizes = new WeakMap<Head, number>();

  private readonly sink: TrackSink;
  private readonly funcName: (id: number) => string;

  constructor(sink: TrackSink, funcName: (id: number) => string) {
    this.sink = sink;
    this.funcName = funcName;
    this.findings = sink.track('findings', 0);
    this.cpus = new Rows(sink, sink.track('CPUs', 0));
    this.mms = new Rows(sink, sink.track('mms', 0));
    this.tables = new Rows(sink, sink.track('page tables', 0));
    this.tasks = new Rows(sink, sink.track('system calls', 0));
    this.grace = sink.track(GRACE_ROWS[0], 0);
    this.expedited = sink.track(GRACE_ROWS[1], 0);
    this.waiting = sink.track('page tables queued to RCU', 0, true);
  }

  /** Listens to one capture. */
  monitor(): Monitor {
    let gpSince = Number.NaN;
    let expeditedSince = Number.NaN;
    this.tablesWaiting = 0;
    return {
      ...callSpans((task, name, fromNs, toNs) =>
        this.sink.slice(this.calls(task.key), this.funcName(name), fromNs, toNs, []),
      ),
      flushDone: (flush, _gather, _task, op) => this.flush(flush, op),
      synced: (sync, _task, op) => {
        this.arrows(sync.targets, 'tlb_remove_table_sync_one', op.tsNs);
        this.sink.slice(this.cpu(op.cpu, 'waits'), 'sync to all CPUs', sync.ts, op.tsNs, []);
      },
      gatherOver: ({ mm, task, gbTs, headless, tables, flushes }, op) => {
        if (headless || !(gbTs <= op.tsNs)) return;
        this.sink.slice(this.mm(mm, `task ${task}: gathers`), 'gather', gbTs, op.tsNs, [
          ['tables', tables],
          ['flushes', flushes],
        ]);
      },
      tableFreed: (table, _task, _cpu, op) => this.table(table, op),
      queued: (head) => this.queued(head),
      callbackRan: (head) => this.count(-(this.sizes.get(head) ?? 0), head.cbTs),
      callbackOver: (head, cpu, op) => this.callback(head, cpu.id, op),
      readerEnded: (reader, op) => {
        const name = READER_NAMES[reader.kind] ?? 'reader';
        this.sink.slice(this.cpu(reader.cpu, 'readers'), name, reader.ts, op.tsNs, [
          ['table', isKnown(reader.table) ? hex(reader.table) : 'any of its mm'],
        ]);
      },
      on: {
        [OP.GP]: (op) => {
          if (op.a1 === GP_EVENT.start) gpSince = op.tsNs;
          else if (op.a1 === GP_EVENT.end && isKnown(gpSince)) {
            this.sink.slice(this.grace, `grace period ${op.a0}`, gpSince, op.tsNs, []);
            gpSince = Number.NaN;
          }
        },
        [OP.GPX]: (op) => {
          if (op.a1 === GP_EVENT.start) expeditedSince = op.tsNs;
          else if (op.a1 === GP_EVENT.end && isKnown(expeditedSince)) {
            this.sink.slice(this.expedited, `expedited ${op.a0}`, expeditedSince, op.tsNs, []);
            expeditedSince = Number.NaN;
          }
        },
      },
    };
  }

  private calls(task: number): number {
    return this.tasks.of(`task ${task}`);
  }

  private cpu(cpu: number, what: string): number {
    return this.row(this.cpuRows, this.cpus, cpu < 0 ? 'CPU ?' : `CPU ${cpu}`, what);
  }

  private mm(mm: number, what: string): number {
    return this.row(this.mmRows, this.mms, `mm ${hex(mm)}`, what);
  }

  private row(rows: Map<string, number>, parents: Rows, parent: string, what: string): number {
    const key = `${parent}\n${what}`;
    let id = rows.get(key);
    if (id === undefined) rows.set(key, (id = this.sink.track(what, parents.of(parent))));
    return id;
  }

  /** Sends and handlers of a broadcast, each pair joined: from each IPI to its handler, and to the return of who waited for it. */
  private arrows(targets: readonly Target[], name: string, doneNs: number): void {
    for (const { from, cpu, isTs, ieTs, ixTs } of targets) {
      const own = ++this.flows;
      if (isKnown(isTs)) this.sink.instant(this.cpu(from, 'IPIs sent'), `to CPU ${cpu}`, isTs, [], own);
      if (!(ieTs <= ixTs)) continue;
      this.sink.slice(this.cpu(cpu, 'IPI handlers'), name, ieTs, ixTs, [['from CPU', from]], own);
      if (!(ixTs <= doneNs)) continue;
      const back = ++this.flows;
      this.sink.instant(this.cpu(cpu, 'IPI handlers'), 'done', ixTs, [], back);
      this.sink.instant(this.cpu(from, 'IPIs sent'), `CPU ${cpu} has answered`, doneNs, [], back);
    }
  }

  private flush(flush: Flush, op: Op): void {
    if (!(flush.frTs <= op.tsNs)) return;
    this.arrows(flush.targets, this.funcName(FUNC.flush_tlb_func), op.tsNs);
    const args: TrackArgs = [
      ['start', user(flush.start)],
      ['end', user(flush.end)],
      ['freed_tables', isKnown(flush.freedTables) ? flush.freedTables : '?'],
      ['IPIs', flush.targets.length],
      ['CPU', flush.cpu],
    ];
    this.sink.slice(this.mm(flush.mm, `task ${flush.pid}: flushes`), 'flush', flush.frTs, op.tsNs, args);
  }

  private table(table: Table, op: Op): void {
    if (table.trSeq === 0) return;
    const name = `${LEVEL_NAMES[table.level] ?? '?'} table ${table.key < 0 ? hex(table.key) : `pfn 0x${table.key.toString(16)}`}`;
    if (!this.tables.has(name) && this.tables.size >= MOST_TABLES) {
      this.tablesLeftOut++;
      return;
    }
    const row = this.tables.of(name);
    const { head, trTs } = table;
    const args: TrackArgs = [
      ['mm', hex(table.mm)],
      ['handed over by task', table.trPid],
      ['on CPU', table.trCpu],
    ];
    const queuedAt = head && head.crTs >= trTs ? head.crTs : Number.NaN;
    this.sink.slice(row, 'handed over', trTs, isKnown(queuedAt) ? queuedAt : op.tsNs, args);
    if (isKnown(queuedAt) && head) {
      const ran = head.cbTs >= queuedAt ? head.cbTs : op.tsNs;
      this.sink.slice(row, 'queued to RCU', queuedAt, ran, []);
    }
    this.sink.instant(row, 'freed', op.tsNs, [['on CPU', op.cpu]]);
  }

  private queued(head: Head): void {
    const flow = ++this.flows;
    this.flowOf.set(head, flow);
    const args: TrackArgs = [
      ['func', this.funcName(head.func)],
      ['tables', head.tablesKnown ? head.tables.length : '?'],
    ];
    this.sink.instant(this.cpu(head.crCpu, 'call_rcu'), this.funcName(head.func), head.crTs, args, flow);
    if (!isTableFunc(head.func) || !head.tablesKnown) return;
    this.sizes.set(head, head.tables.length);
    this.count(head.tables.length, head.crTs);
  }

  private callback(head: Head, cpu: number, op: Op): void {
    if (!(head.cbTs <= op.tsNs)) return;
    const name = this.funcName(head.cbFunc > 0 ? head.cbFunc : head.func);
    this.sink.slice(this.cpu(cpu, 'callbacks'), name, head.cbTs, op.tsNs, [], this.flowOf.get(head) ?? 0);
  }

  private count(by: number, tsNs: number): void {
    if (by === 0 || !isKnown(tsNs)) return;
    this.tablesWaiting = Math.max(0, this.tablesWaiting + by);
    this.sink.counter(this.waiting, this.tablesWaiting, tsNs);
  }
}
