import { isTableFunc, OP, type Op, type OpKind } from '../../kernel/ops.js';
import type { ProbeKinds } from '../../kernel/probe-kinds.js';
import type { Evidence } from '../evidence.js';
import type { Ledger } from '../ledger.js';
import type { Monitor } from '../monitor.js';
import { CATALOGUE } from '../rules/catalogue.js';
import { cbExactlyOnce } from '../rules/cb-exactly-once.js';
import { needsOf } from '../rules/rule.js';
import type { MachineState } from '../state/machine-state.js';
import type { Head } from '../state/table-life.js';
import type { Moment, Window } from './doubtful.js';
import { queuedAt } from './moments.js';

/** Operations that stand for each other in a rule: where one of them was not recorded, an absence proves nothing. */
const FAMILIES: readonly (readonly OpKind[])[] = [
  [OP.GB, OP.GE, OP.GEret, OP.FMMU, OP.TR, OP.APP, OP.PVOP, OP.UL, OP.ULret, OP.FPGT, OP.FPGD, OP.UVMA],
  [OP.FR, OP.FD, OP.FMULTI, OP.INV, OP.FMMU, OP.SSYNC, OP.SYNC1, OP.SYNCR],
  [OP.CR, OP.CB, OP.CBret, OP.DEFER],
  [OP.RB, OP.RE, OP.GUP, OP.MAP, OP.MAPR],
  [OP.PLK],
  [OP.COLL, OP.COLLR, OP.DEP, OP.WDR, OP.HUGEI],
  [OP.GP],
  [OP.PUB, OP.PTEA, OP.PMDA, OP.PTEN],
  [OP.EXITMM],
  [OP.SWMM],
  [OP.FPSC],
];

const START: Moment = { event: Number.NEGATIVE_INFINITY, seq: Number.NEGATIVE_INFINITY, ref: -1 };
const NEVER: Moment = {
  event: Number.POSITIVE_INFINITY,
  seq: Number.POSITIVE_INFINITY,
  ref: Number.POSITIVE_INFINITY,
};

/** Something was missed behind `from` and before `seen`; what it belonged to may go on until `to`. */
interface Miss {
  readonly from: Moment;
  readonly seen: Moment;
  to: Moment;
}

/**
 * A kprobe that is hit while another one is being handled on that CPU records nothing and only counts the miss
 * (kernel/kprobes.c, `nmissed`). When that was is told by three things: samples of the counters in the recording
 * (`pttrace: misses`), a callback whose enqueue is not shown, and callbacks that another event shows. Where they account
 * for every miss, what rests on an absence is unknown around those places only; else in the whole recording. Verdicts on
 * the events that are there stay.
 */
export class MissedHits {
  /** Kinds by which a miss was found → where. */
  private readonly located = new Map<OpKind, Miss[]>();
  /** By event, as the samples tell. */
  private readonly sampled = new Map<string, { count: number; misses: Miss[] }>();
  /** The two newest samples. */
  private before: Moment = START;
  private last: Moment = START;
  private samples = 0;
  private open: Miss[] = [];
  /** Step from which on it is looked at whether they are over. */
  private lookAt = 0;
  /** Enqueues whose callback has run. */
  private pairs = 0;
  private evidence: Evidence | null = null;
  /** By CPU: enqueue of the last head that has run there. */
  private ranLast: (Moment | undefined)[] = [];

  /** Counters as sampled at an event: counts since the recording began, by event. */
  sample(counts: Iterable<readonly [string, number]>, op: Op): void {
    const now = this.momentOf(op);
    this.samples++;
    for (const [event, count] of counts) {
      const known = this.sampled.get(event) ?? { count: 0, misses: [] };
      this.sampled.set(event, known);
      // The counter was read before its marker was written, and behind the marker before.
      if (count > known.count) known.misses.push(this.opened({ from: this.before, seen: now, to: NEVER }));
      known.count = count;
    }
    this.before = this.last;
    this.last = now;
  }

  /** Watches one capture. */
  monitor(evidence: Evidence): Monitor {
    this.evidence = evidence;
    this.ranLast = [];
    this.open = [];
    this.lookAt = 0;
    return {
      callbackRan: (head, cpu, op) => {
        if (!isTableFunc(head.func)) return;
        this.pairs++;
        const from = queuedAt(head);
        if (cpu) this.ranLast[cpu.id] = from;
        // Another event shows it, or what it releases does: its own probe was not seen before that.
        if (op.kind !== OP.CB) this.locate(OP.CB, { from, seen: this.momentOf(op), to: NEVER }, head);
      },
      // Its own probe comes right behind the tracepoint: it was not missed.
      callbackFunc: (head) => this.unlocate(OP.CB, head),
      callbackAfterInferred: (head) => this.unlocate(OP.CB, head),
      callbackUnmatched: (previous, cpu, op) => {
        if (op.kind !== OP.CB || !isTableFunc(op.a1)) return;
        // Heads that were queued before the capture run first, in the order of their CPU.
        const after = cpu && cpu.matchedSeq > 0 ? this.ranLast[cpu.id] : undefined;
        const from = previous ? queuedAt(previous) : after;
        if (from) this.locate(OP.CR, { from, seen: this.momentOf(op), to: NEVER }, null);
      },
      callbackOver: (_head, _cpu, op) => this.settle(op),
      gatherOver: (_gather, op) => this.settle(op),
    };
  }

  /** What was missed makes unknown what rests on its absence. `captures`: how many the recording holds. */
  apply(ledger: Ledger, kinds: Pick<ProbeKinds, 'missed' | 'missedEvents'>, captures: number): void {
    for (const [kind, why] of kinds.missed) {
      const windows = captures > 1 ? null : this.windowsOf(kind, kinds.missedEvents);
      const family = new Set(FAMILIES.filter((list) => list.includes(kind)).flat());
      for (const rule of CATALOGUE) {
        // More callbacks without an enqueue than enqueues were missed: some were never queued.
        if (
          kind === OP.CR &&
          rule === cbExactlyOnce &&
          this.found(OP.CR).length > hitsOf(kind, kinds.missedEvents)
        )
          continue;
        if (needsOf(rule).some((need) => family.has(need.op as OpKind))) {
          ledger.missed(rule.number, why, family, windows);
        }
      }
    }
  }

  private windowsOf(kind: OpKind, events: ProbeKinds['missedEvents']): readonly Window[] | null {
    const hits = (of: OpKind): number => hitsOf(of, events);
    const callbacks = this.found(OP.CB);
    if (kind === OP.CB && callbacks.length >= hits(OP.CB)) return callbacks;
    // The return probe sits at the same entry and misses the same hits.
    if (kind === OP.CBret && hits(OP.CBret) <= hits(OP.CB) && callbacks.length >= hits(OP.CB))
      return callbacks;
    if (kind === OP.CR && this.pairs > 0) {
      // Every callback of tables shows its enqueue but for these: what else was missed was about other heads.
      return this.found(OP.CR);
    }
    return this.samples > 0 ? this.sampledWindows([...(events.get(kind) ?? [])]) : null;
  }

  /** What the last sample does not count was missed behind it. */
  private sampledWindows(events: readonly (readonly [string, number])[]): Window[] {
    return events.flatMap(([event, total]) => {
      const { count = 0, misses = [] } = this.sampled.get(event) ?? {};
      return total > count ? [...misses, { from: this.before, to: NEVER }] : misses;
    });
  }

  private found(kind: OpKind): readonly Miss[] {
    return this.located.get(kind) ?? [];
  }

  private readonly ofHead = new WeakMap<Head, Miss>();

  private locate(kind: OpKind, miss: Miss, head: Head | null): void {
    const list = this.located.get(kind) ?? [];
    this.located.set(kind, list);
    list.push(this.opened(miss));
    if (head) this.ofHead.set(head, miss);
  }

  private unlocate(kind: OpKind, head: Head): void {
    const miss = this.ofHead.get(head);
    const list = this.located.get(kind);
    // Mostly the newest: its own probe comes right behind.
    const at = miss && list ? list.lastIndexOf(miss) : -1;
    if (at >= 0) list!.splice(at, 1);
    if (miss && this.open.at(-1) === miss) this.open.pop();
  }

  private opened(miss: Miss): Miss {
    this.open.push(miss);
    return miss;
  }

  /** Gathers and enqueues that a missed operation may have belonged to are over: what begins now has nothing of it. */
  private settle(op: Op): void {
    if (this.open.length === 0 || !this.evidence) return;
    const { state } = this.evidence;
    // Looking through all that is open costs as much as so many operations: a window that ends later doubts more, never less.
    if (state.seq < this.lookAt) return;
    this.lookAt = state.seq + state.tasks.size + state.cpus.length + this.open.length;
    const now = this.momentOf(op);
    const oldest = oldestOpen(state);
    this.open = this.open.filter((miss) => {
      if (oldest <= miss.seen.seq) return true;
      miss.to = now;
      return false;
    });
  }

  private momentOf(op: Op): Moment {
    const { evidence } = this;
    return { event: evidence?.ledger.now ?? 0, seq: evidence?.state.seq ?? 0, ref: op.ref };
  }
}

const hitsOf = (kind: OpKind, events: ProbeKinds['missedEvents']): number =>
  [...(events.get(kind)?.values() ?? [])].reduce((sum, n) => sum + n, 0);

/** First step of the oldest gather that is open and the oldest enqueue that is pending. */
function oldestOpen(state: MachineState): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const task of state.tasks.values()) if (task.gather) oldest = Math.min(oldest, task.gather.gbSeq);
  for (const cpu of state.cpus) {
    if (cpu.callback) oldest = Math.min(oldest, cpu.callback.crSeq);
    for (const head of cpu.fifo) {
      // Others are not shown to run.
      if (!isTableFunc(head.func)) continue;
      oldest = Math.min(oldest, head.crSeq);
      break;
    }
  }
  return oldest;
}
