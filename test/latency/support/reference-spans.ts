import { Distribution, MAX_DURATION_NS } from '../../../src/latency/histogram/distribution.js';
import { type Censored, latencyReport } from '../../../src/latency/report.js';
import type { LatencyReport } from '../../../src/result/types.js';
import type { RecordBatch } from '../../../src/timeline/batch.js';
import { type EventTable, LAST_RESERVED, RESERVED } from '../../../src/timeline/events.js';
import type { Interner } from '../../../src/timeline/interner.js';
import type { TimeBase } from '../../../src/timeline/time-base.js';
import { CPUS, NO_SLOT, SpanSlots } from './span-slots.js';

export interface ReferenceSpansOptions {
  readonly events: EventTable;
  readonly names: Interner;
  /** Syscall without `sys_`; default `munmap`. */
  readonly syscall?: string;
  /** `comm`: one distribution per task name at exit, as `@ns[comm]` does; default `all`. */
  readonly groupBy?: 'all' | 'comm';
  /** Durations kept one by one per group, see `Distribution`. */
  readonly exactLimit?: number;
}

/** Spans of one group (task name) or of all. */
interface Group {
  readonly durations: Distribution;
  readonly censored: Censored;
}

/** Observations that gave no span for a reason other than an edge or loss. */
export interface SpanAnomalies {
  /** A second enter of a thread without an exit: the first was dropped. */
  readonly restarted: number;
  /** Exit stamped before its enter, or 52 days after it (broken clocks): the duration is not known. */
  readonly badClock: number;
  /** Enter or exit without a thread id: cannot be paired. */
  readonly unknownTask: number;
}

/** Whether a row is asked for. Called for the row that ends a span, so not in the hot path of other rows. */
export type SpanFilter = (tsNs: number, cpu: number, pid: number, comm: number) => boolean;

const ROLE = { unread: 0, other: 1, enter: 2, exit: 3 } as const;

/**
 * Durations of one syscall: pairs its enter and exit events by thread.
 *
 * Feed every row of the timeline in order (`observe`): rows of other events tell on which CPUs a thread ran while
 * its span was open. A span is *censored*, i.e. counted apart and kept out of the numbers,
 * - `start`: its enter lies before the recording, the segment or a CPU's history began;
 * - `end`: the recording or segment ended first;
 * - `loss`: events were lost on a CPU it touched while it was open (or before an exit without enter): the enter
 *   and exit seen need not belong together.
 * A migration to a CPU and back of which the recording shows nothing cannot be noticed.
 */
export class ReferenceSpans {
  readonly syscall: string;
  private readonly events: EventTable;
  private readonly names: Interner;
  private readonly byComm: boolean;
  private readonly exactLimit: number | undefined;
  private readonly open = new SpanSlots();
  private readonly groups: Group[] = [];
  /** Name id → group + 1. */
  private groupOf = new Uint32Array(64);
  private readonly groupNames: number[] = [];
  private roles = new Uint8Array(64);
  /** Loss sequence number of the last loss per CPU, of the last history start, and of losses on an unknown CPU. */
  private lossSeq = new Float64Array(64);
  private historySeq = new Float64Array(64);
  private lossEverywhere = 0;
  private lastLoss = 0;
  private seq = 0;
  /** Some loss since the segment began. */
  private lossSeen = false;
  private wanted: SpanFilter | null = null;
  private restarted = 0;
  private badClock = 0;
  private unknownTask = 0;

  constructor(options: ReferenceSpansOptions) {
    this.events = options.events;
    this.names = options.names;
    this.syscall = options.syscall ?? 'munmap';
    this.byComm = options.groupBy === 'comm';
    this.exactLimit = options.exactLimit;
  }

  /**
   * Report only spans whose exit (or, where none was seen, whose enter) passes `filter`. All rows must still be fed:
   * pairing and loss need them.
   */
  only(filter: SpanFilter): void {
    this.wanted = filter;
  }

  /** Every row of a batch, in order. */
  observeBatch(batch: RecordBatch): void {
    for (let row = 0; row < batch.length; row++) this.observe(batch, row);
  }

  /** One row; in-band facts (`RESERVED`) are understood too. */
  observe(batch: RecordBatch, row: number): void {
    const event = batch.event[row]!;
    let role = event < this.roles.length ? this.roles[event]! : ROLE.unread;
    if (role === ROLE.unread) role = this.readRole(event);
    if (role === ROLE.other) {
      if (event <= LAST_RESERVED) this.fact(event, batch.cpu[row]!);
      else if (this.open.count > 0) this.touch(batch.pid[row]!, batch.cpu[row]!);
    } else if (role === ROLE.enter) {
      this.enter(batch.tsNs[row]!, batch.pid[row]!, batch.cpu[row]!, batch.comm[row]!);
    } else {
      this.exit(batch.tsNs[row]!, batch.pid[row]!, batch.cpu[row]!, batch.comm[row]!);
    }
  }

  /** Events were lost on `cpu` (-1: on some CPU) before this point. */
  lost(cpu: number): void {
    this.seq++;
    this.lossSeen = true;
    this.lastLoss = this.seq;
    if (cpu < 0) this.lossEverywhere = this.seq;
    else this.lossSeq = stamped(this.lossSeq, cpu, this.seq);
  }

  /** The history of `cpu` begins here: what it did before is not in the recording. */
  bufferStart(cpu: number): void {
    this.seq++;
    if (cpu >= 0) this.historySeq = stamped(this.historySeq, cpu, this.seq);
  }

  /** A new capture starts: open spans end here, unpaired. */
  segment(): void {
    this.closeAll();
    this.lossSeen = false;
  }

  /** End of the recording. Idempotent. */
  finish(): void {
    this.closeAll();
  }

  get anomalies(): SpanAnomalies {
    return { restarted: this.restarted, badClock: this.badClock, unknownTask: this.unknownTask };
  }

  /** The durations of one group (`''` when not grouped); undefined if it never occurred. */
  distribution(key = ''): Distribution | undefined {
    const i = this.groupNames.findIndex((name) => this.groupKey(name) === key);
    return i < 0 ? undefined : this.groups[i]!.durations;
  }

  /**
   * One report per group, busiest first (equal counts: by name); not grouped: exactly one, key `''`.
   * With a tick clock the numbers are withheld (`quantiles` null, no buckets): ticks are not ns.
   */
  reports(time: TimeBase): LatencyReport[] {
    if (!this.byComm && this.groups.length === 0) this.group(0);
    return this.groups
      .map((g, i) =>
        latencyReport(this.syscall, this.groupKey(this.groupNames[i]!), g.durations, g.censored, time),
      )
      .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  private groupKey(name: number): string {
    return this.byComm ? this.names.text(name) : '';
  }

  private enter(tsNs: number, pid: number, cpu: number, comm: number): void {
    if (pid < 0) {
      this.unknownTask++;
      return;
    }
    const slot = this.open.find(pid);
    if (slot !== NO_SLOT) {
      this.open.touch(slot, cpu);
      const why = this.cutBy(slot);
      if (this.wantedSlot(slot)) {
        if (why === 'none') this.restarted++;
        else this.group(this.open.comm[slot]!).censored[why]++;
      }
      this.open.close(slot);
    }
    this.open.open(pid, tsNs, this.seq, comm, cpu);
  }

  private exit(tsNs: number, pid: number, cpu: number, comm: number): void {
    if (pid < 0) {
      this.unknownTask++;
      return;
    }
    const slot = this.open.find(pid);
    const wanted = this.wanted === null || this.wanted(tsNs, cpu, pid, comm);
    if (slot === NO_SLOT) {
      if (wanted) this.group(comm).censored[this.lossSeen ? 'loss' : 'start']++;
      return;
    }
    this.open.touch(slot, cpu);
    const why = this.cutBy(slot);
    const duration = tsNs - this.open.startNs[slot]!;
    this.open.close(slot);
    if (!wanted) return;
    if (why !== 'none') this.group(comm).censored[why]++;
    else if (duration >= 0 && duration <= MAX_DURATION_NS) this.group(comm).durations.add(duration);
    else this.badClock++;
  }

  private touch(pid: number, cpu: number): void {
    if (pid < 0 || cpu < 0) return;
    const slot = this.open.find(pid);
    if (slot !== NO_SLOT) this.open.touch(slot, cpu);
  }

  /** Why the open span in `slot` cannot be trusted, judged by the CPUs it touched. */
  private cutBy(slot: number): 'none' | 'loss' | 'start' {
    const since = this.open.startSeq[slot]!;
    if (this.seq === since) return 'none';
    if (this.lossEverywhere > since) return 'loss';
    // Not all its CPUs are known: anything since, anywhere, counts.
    if (this.open.overflow[slot] === 1) return this.lastLoss > since ? 'loss' : 'start';
    let why: 'none' | 'start' = 'none';
    for (let i = slot * CPUS; i < (slot + 1) * CPUS; i++) {
      const cpu = this.open.cpus[i]!;
      if (cpu < 0) continue;
      if (cpu < this.lossSeq.length && this.lossSeq[cpu]! > since) return 'loss';
      if (cpu < this.historySeq.length && this.historySeq[cpu]! > since) why = 'start';
    }
    return why;
  }

  private wantedSlot(slot: number): boolean {
    if (this.wanted === null) return true;
    const { startNs, startCpu, pid, comm } = this.open;
    return this.wanted(startNs[slot]!, startCpu[slot]!, pid[slot]!, comm[slot]!);
  }

  private closeAll(): void {
    while (this.open.count > 0) {
      const slot = this.open.count - 1;
      const why = this.cutBy(slot);
      if (this.wantedSlot(slot)) this.group(this.open.comm[slot]!).censored[why === 'none' ? 'end' : why]++;
      this.open.close(slot);
    }
  }

  private group(comm: number): Group {
    const key = this.byComm ? comm : 0;
    if (key >= this.groupOf.length) {
      const bigger = new Uint32Array(Math.max(key + 1, this.groupOf.length * 2));
      bigger.set(this.groupOf);
      this.groupOf = bigger;
    }
    let i = this.groupOf[key]!;
    if (i === 0) {
      this.groups.push({
        durations: new Distribution(this.exactLimit),
        censored: { start: 0, end: 0, loss: 0 },
      });
      this.groupNames.push(key);
      i = this.groups.length;
      this.groupOf[key] = i;
    }
    return this.groups[i - 1]!;
  }

  private fact(event: number, cpu: number): void {
    if (event === RESERVED.lost) this.lost(cpu);
    else if (event === RESERVED.segment) this.segment();
    else if (event === RESERVED.bufferStart) this.bufferStart(cpu);
  }

  /** Once per distinct event head. */
  private readRole(event: number): number {
    const head = this.events.head(event);
    const ours = head.name === this.syscall;
    const role =
      ours && head.kind === 'syscall-enter'
        ? ROLE.enter
        : ours && head.kind === 'syscall-exit'
          ? ROLE.exit
          : ROLE.other;
    if (event >= this.roles.length) {
      const bigger = new Uint8Array(Math.max(event + 1, this.roles.length * 2));
      bigger.set(this.roles);
      this.roles = bigger;
    }
    this.roles[event] = role;
    return role;
  }
}

/** `column[cpu] = seq`, in a longer copy where needed. CPU numbers are small; broken ones must not eat memory. */
function stamped(column: Float64Array<ArrayBuffer>, cpu: number, seq: number): Float64Array<ArrayBuffer> {
  const MAX_CPUS = 1 << 16;
  if (cpu >= MAX_CPUS) return column;
  if (cpu >= column.length) {
    const bigger = new Float64Array(Math.max(cpu + 1, column.length * 2));
    bigger.set(column);
    column = bigger;
  }
  column[cpu] = seq;
  return column;
}
