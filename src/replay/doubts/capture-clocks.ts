import type { EvidenceRef, RecordBatch } from '../../timeline/batch.js';
import type { TimeBase } from '../../timeline/time-base.js';
import { PAUSE_NS, Pauses } from './pauses.js';

/** Earlier stamps in one capture, in number and one in how many events, that mean that its lines are in no order. */
const MANY_BACK = 8;
const MANY_BACK_SHARE = 50;
/** Lines out of their place that are remembered. */
const MOST_BACK = 1 << 14;
/** A CPU that is behind what others have shown by more than this: a reader of `trace_pipe` may be late by less. Of ticks any number. */
const BEHIND_NS = 1e6;
/** Stamps that go back by more than this on every CPU begin a new capture. */
const CAPTURE_JUMP_NS = 1e9;
/** One event in so many that has the stamp of the one before: of `counter` and `x86-tsc` hardly one in thousands has. */
const TIES = 10;

export const DISORDER =
  'the events are not in the order of their time: what came before what is not known (sort the input by time first)';
const PIECES =
  'the lines of different CPUs stand one behind the other, in no order of time: what came before what is not known (sort the lines by time, or give each CPU as a file of its own)';
export const OUT_OF_PLACE =
  'a line that shows it is stamped earlier than the one before it of its CPU: when it happened is not known';
const JIFFIES =
  'the stamps are jiffies (trace_clock uptime): what came before what within one, on different CPUs, is not known (record by another clock)';

export interface CpuClock {
  lastNs: number;
  lastRef: EvidenceRef;
  /** Number of its last event, counted over all CPUs. */
  lastEvent: number;
  /** Events were lost since the last stamp: going back is then no clock fault. */
  gap: boolean;
  events: number;
  lost: number;
  lossIntervals: number;
  /** Its stamps have gone back in this capture. */
  back: boolean;
}

/** Whom the clocks tell what the stamps say of the recording. */
export interface ClockListener {
  /** A capture begins with the row at hand. */
  captureBegins(): void;
  /** What happened since event number `from` was held against another excerpt. */
  anotherExcerpt(from: number): void;
  /** One CPU's stamps went back by `byNs`. */
  wentBack(cpu: number, byNs: number, before: EvidenceRef, ref: EvidenceRef): void;
  /** Nothing can be judged. */
  noOrder(why: string): void;
}

/** The order of the events of a capture, as their stamps tell it: CPU by CPU, and whether there is one at all. */
export class CaptureClocks {
  readonly cpus: CpuClock[] = [];
  events = 0;
  /** Events in the order of their CPU's stamps. */
  ordered = 0;
  /** Captures that begin where the stamps of several CPUs go back together. */
  excerpts = 0;
  /** Some stamp was earlier than one before it of its CPU. */
  wentBackEver = false;
  /** Events before the current capture. */
  captureStart = 0;
  /** Lines with an earlier stamp than the one before them of their CPU that begin no excerpt; of many the first. */
  readonly wentBackAt = new Set<EvidenceRef>();
  /** Spans of this capture without an event. */
  readonly pauses = new Pauses();
  private readonly time: TimeBase;
  private readonly listener: ClockListener;
  private firstNs = Number.NaN;
  private maxNs = Number.NEGATIVE_INFINITY;
  /** Extent of the captures that have ended. */
  private past = { firstNs: Number.POSITIVE_INFINITY, lastNs: Number.NEGATIVE_INFINITY, coveredNs: 0 };
  /** The last stamp that went back, until another CPU shows what it was. */
  private back: {
    cpu: number;
    tsNs: number;
    at: number;
    by: number;
    before: EvidenceRef;
    ref: EvidenceRef;
  } | null = null;
  private backs = 0;
  /** Newest stamp that a later one of the same CPU has confirmed: a damaged one is followed by one that goes back. */
  private frontNs = Number.NEGATIVE_INFINITY;
  /** Events that are behind it. */
  private behind = 0;
  /** The event before this one. */
  private beforeNs = Number.NaN;
  private beforeCpu = -1;
  /** Events of a tick clock with the stamp of the one before. */
  private ties = 0;

  constructor(time: TimeBase, listener: ClockListener) {
    this.time = time;
    this.listener = listener;
  }

  /** An event, with the stamp `ts` on `cpu`; the next one of its capture, or the first of another. */
  event(batch: RecordBatch, row: number, ts: number, cpu: number): void {
    if (ts < this.maxNs - CAPTURE_JUMP_NS && this.jumpsBack(ts, cpu)) {
      this.wentBackEver = true;
      this.listener.captureBegins();
    }
    if (ts > this.maxNs) {
      if (ts - this.maxNs >= PAUSE_NS) this.pauses.add(this.maxNs, ts);
      this.maxNs = ts;
    }
    this.events++;
    if (this.events === this.captureStart + 1) this.firstNs = ts;
    if (this.time.unit === 'ticks') this.tick(ts, cpu);
    if (cpu < 0) return;
    const clock = cpu < this.cpus.length ? this.cpus[cpu]! : this.of(cpu);
    clock.events++;
    if (ts < clock.lastNs && !clock.gap) this.wentBack(clock, batch, row, ts, cpu);
    else {
      this.ordered++;
      if (ts < this.frontNs - this.slackNs && this.back === null && !clock.back) this.cpuBehind();
      else if (clock.lastNs > this.frontNs && ts >= clock.lastNs) this.frontNs = clock.lastNs;
      if (this.back !== null && this.back.cpu !== cpu && clock.events > 1) this.oneClockBack();
    }
    clock.gap = false;
    clock.lastNs = ts;
    clock.lastEvent = this.events;
    clock.lastRef = batch.ref(row);
  }

  /** Events were lost on `cpu`; -1: nobody knows how many. */
  lost(cpu: number, count: number): void {
    const clock = this.of(cpu);
    clock.gap = true;
    clock.lossIntervals++;
    clock.lost = clock.lost < 0 || count < 0 ? -1 : clock.lost + count;
  }

  /** Number of the last event before a loss on `cpu`; of an unknown CPU, the earliest of all last events. */
  lastShown(cpu: number): number {
    if (cpu >= 0) return this.of(cpu).lastEvent;
    let first = this.events;
    for (const clock of this.cpus) if (clock.events > 0) first = Math.min(first, clock.lastEvent);
    return first;
  }

  of(cpu: number): CpuClock {
    while (this.cpus.length <= cpu) {
      this.cpus.push({
        lastNs: Number.NEGATIVE_INFINITY,
        lastRef: -1,
        lastEvent: this.captureStart,
        gap: false,
        events: 0,
        lost: 0,
        lossIntervals: 0,
        back: false,
      });
    }
    return this.cpus[cpu]!;
  }

  /** The capture ends: a stamp that went back, and that no other CPU's followed, was one clock's. */
  settle(): void {
    if (this.back !== null) this.oneClockBack();
  }

  /** Another capture begins. */
  restart(): void {
    this.past = this.extent();
    this.pauses.clear();
    this.backs = 0;
    this.behind = 0;
    this.ties = 0;
    this.beforeNs = Number.NaN;
    this.maxNs = this.frontNs = Number.NEGATIVE_INFINITY;
    this.captureStart = this.events;
    for (const clock of this.cpus) {
      clock.lastNs = Number.NEGATIVE_INFINITY;
      clock.lastEvent = this.events;
      clock.back = false;
    }
  }

  /** Newest stamp of the capture. */
  get lastNs(): number {
    return this.maxNs;
  }

  /** Time from the first to the last stamp of all captures, and the time that they cover together. */
  extent(): { firstNs: number; lastNs: number; coveredNs: number } {
    const { past, firstNs, maxNs } = this;
    const open = this.events > this.captureStart && Number.isFinite(maxNs);
    return {
      firstNs: open ? Math.min(past.firstNs, firstNs) : past.firstNs,
      lastNs: open ? Math.max(past.lastNs, maxNs) : past.lastNs,
      coveredNs: past.coveredNs + (open ? Math.max(0, maxNs - firstNs) : 0),
    };
  }

  /** kernel/trace/trace.c __find_next_entry(): of equal stamps those of the lowest CPU are printed first, whatever came first. */
  private tick(ts: number, cpu: number): void {
    if (ts === this.beforeNs) {
      this.ties++;
      if (cpu !== this.beforeCpu && this.ties * TIES > this.events - this.captureStart)
        this.listener.noOrder(JIFFIES);
    }
    this.beforeNs = ts;
    this.beforeCpu = cpu;
  }

  private get slackNs(): number {
    return this.time.unit === 'ticks' ? 0 : BEHIND_NS;
  }

  /** The kernel prints what the CPUs recorded in one order of time; a reader of each CPU's buffer prints one behind the other. */
  private cpuBehind(): void {
    this.behind++;
    if (this.behind > MANY_BACK && this.behind * MANY_BACK_SHARE > this.events - this.captureStart)
      this.listener.noOrder(PIECES);
  }

  /** A new capture, not a late line: this CPU too has gone back by more than the limit. */
  private jumpsBack(ts: number, cpu: number): boolean {
    return cpu < 0 || ts < this.of(cpu).lastNs - CAPTURE_JUMP_NS;
  }

  /**
   * An earlier stamp than the last of its CPU: one clock that goes back, if the others go on; another excerpt, if
   * theirs go back as well; no order at all, if it goes on so.
   */
  private wentBack(clock: CpuClock, batch: RecordBatch, row: number, ts: number, cpu: number): void {
    this.backs++;
    this.wentBackEver = true;
    clock.back = true;
    if (this.backs > MANY_BACK && this.backs * MANY_BACK_SHARE > this.events - this.captureStart) {
      this.back = null;
      this.listener.noOrder(DISORDER);
      return;
    }
    const { back } = this;
    if (back && back.cpu !== cpu) {
      this.back = null;
      this.excerpts++;
      // Until this CPU went back as well, the other's new events were held against the old ones.
      this.listener.anotherExcerpt(back.at - 1);
      // What was read of it already is of it: those CPUs have begun.
      this.of(back.cpu).lastNs = back.tsNs;
      return;
    }
    if (back) this.oneClockBack();
    this.back = {
      cpu,
      tsNs: ts,
      at: this.events,
      by: clock.lastNs - ts,
      before: clock.lastRef,
      ref: batch.ref(row),
    };
  }

  private oneClockBack(): void {
    const { cpu, by, before, ref } = this.back!;
    this.back = null;
    if (this.wentBackAt.size < MOST_BACK) this.wentBackAt.add(ref);
    this.listener.wentBack(cpu, by, before, ref);
  }
}
