import { FUNC, OP } from '../kernel/ops.js';
import { CONTEXT } from '../timeline/flags.js';
import { bump, dropCallbacks, dropUnowned } from './dropped.js';
import type { GatherPlan, PlanStep } from './gather-plan.js';
import { callback, flushOps, own, syncRound, withoutGeneration } from './made-ops.js';
import type { Deferral, MadeOp, OpLog } from './op-log.js';
import type { Policy } from './policy.js';
import type { HandOver } from './predict.js';
import { type FlushRec, type GatherRec, PHASE, type Recorded } from './recorded.js';
import type { Change } from './transform.js';

/** Whether the target does anything else in this gather. */
export const differs = (c: Change): boolean => !same(c);

/** How the recorded sequence is turned into that of the target. */
export interface Edits {
  /** 1: the operation does not happen. */
  readonly drop: Uint8Array;
  /** Operations after a recorded one, by its index. */
  readonly after: ReadonlyMap<number, readonly MadeOp[]>;
  /** Callbacks, each before an operation of the log, in order. */
  readonly later: readonly { readonly before: number; readonly ops: readonly MadeOp[] }[];
}

/** Pages that no recording can name: identities only. */
const MADE_PAGE = -(2 ** 40);
const MADE_HEAD = 2 ** 52;
/** PVOP follows its TR within so many operations, those of other CPUs included. */
const NEAR = 64;

export function editsOf(
  log: OpLog,
  recorded: Recorded,
  changes: readonly (Change | null)[],
  hands: readonly HandOver[],
  target: Policy,
  cpus: number,
  latest: (cpu: number, queuedNs: number) => number,
): Edits {
  const editing = new Editing(log, target, cpus, latest);
  const byGather = new Map<number, HandOver[]>();
  for (const h of hands) byGather.set(h.gather, [...(byGather.get(h.gather) ?? []), h]);
  for (const g of recorded.torn) editing.leaveOut(g);
  recorded.gathers.forEach((g, gi) => {
    const change = changes[gi];
    if (change && !same(change)) editing.replace(g, change.to, byGather.get(gi) ?? []);
  });
  return editing.finish(recorded);
}

class Editing {
  private readonly log: OpLog;
  private readonly target: Policy;
  private readonly cpus: number;
  private readonly latest: (cpu: number, queuedNs: number) => number;
  private readonly drop: Uint8Array;
  private readonly after = new Map<number, MadeOp[]>();
  private readonly later: { before: number; ops: readonly MadeOp[] }[] = [];
  /** Heads and pages that are queued no more. */
  private readonly heads = new Set<number>();
  private readonly pages = new Map<number, number>();
  private made = 0;

  constructor(log: OpLog, target: Policy, cpus: number, latest: (cpu: number, queuedNs: number) => number) {
    this.log = log;
    this.target = target;
    this.cpus = cpus;
    this.latest = latest;
    this.drop = new Uint8Array(log.length);
  }

  /** What a gather without its end would have done under the target cannot be told: its tables are left out. */
  leaveOut(g: GatherRec): void {
    const { removed, appended, freed, synced, called } = g.ops;
    this.dropAll([...removed, ...appended, ...freed, ...synced, ...called]);
    for (const tr of removed) afterPvOp(this.log, tr, g.pid, false, this.drop);
    this.queuedNoMore(g);
  }

  /** The steps of the target's plan in place of what the gather did; `hands`: what it hands to RCU then. */
  replace(g: GatherRec, to: GatherPlan, hands: readonly HandOver[]): void {
    const { log } = this;
    this.dropAll([...g.ops.appended, ...g.ops.freed, ...g.ops.synced, ...g.ops.called]);
    this.queuedNoMore(g);
    const mid = g.flushes.filter((f) => f.phase === PHASE.tables);
    const finish = g.flushes.find((f) => f.phase === PHASE.finish);
    for (const f of mid) this.dropAll(flushOps(log, f, g.pid));
    const opsOf = this.stepsOf(g, hands, mid[0] ?? finish);
    g.ops.removed.forEach((tr, k) => {
      const at = afterPvOp(log, tr, g.pid, this.target.pvProbe, this.drop);
      const tsNs = log.tsNs[at]!;
      this.put(
        at,
        to.steps.filter((s) => s.at === k).flatMap((s) => opsOf(s, tsNs)),
      );
    });
    const end = finish && to.finalFlush ? g.ops.handed : g.ops.finish;
    if (end < 0) return;
    if (finish && !to.finalFlush) this.dropAll(flushOps(log, finish, g.pid));
    const tsNs = log.tsNs[end]!;
    // A flush that the recording has there stays.
    const last = to.steps.filter((s) => s.at < 0 && !(s.kind === 'flush' && finish));
    this.put(
      end,
      last.flatMap((s) => opsOf(s, tsNs)),
    );
  }

  finish(recorded: Recorded): Edits {
    const { drop, after, later } = this;
    if (after.size > 0) dropUnowned(this.log, recorded, drop);
    dropCallbacks(this.log, this.heads, this.pages, drop);
    later.sort((a, b) => a.before - b.before);
    return { drop, after, later };
  }

  private dropAll(indices: readonly number[]): void {
    for (const i of indices) this.drop[i] = 1;
  }

  private put(index: number, ops: readonly MadeOp[]): void {
    const list = this.after.get(index);
    if (list) list.push(...ops);
    else this.after.set(index, [...ops]);
  }

  private queuedNoMore(g: GatherRec): void {
    for (const i of g.ops.called) {
      this.heads.add(this.log.slot(i, 0));
      bump(this.pages, this.log.slot(i, 2), 1);
    }
    if (g.ops.called.length > 0) for (const t of g.tables) bump(this.pages, t, 1);
  }

  /** Steps of the target's machine as the operations that they show; flushes look like `like`. */
  private stepsOf(
    g: GatherRec,
    hands: readonly HandOver[],
    like: FlushRec | undefined,
  ): (step: PlanStep, tsNs: number) => MadeOp[] {
    const { log } = this;
    const batches = hands.filter((h) => h.batch);
    let batch = 0;
    return ({ kind, at, tables }, tsNs) => {
      if (kind === 'append') {
        const tr = g.ops.removed[at]!;
        return [own(g, OP.APP, tsNs, [log.slot(tr, 0), log.slot(tr, 1), g.tables[at]!])];
      }
      if (kind === 'flush')
        return like ? flushOps(log, like, g.pid).map((i) => withoutGeneration(log.copy(i, tsNs))) : [];
      if (kind === 'sync-ipi') return syncRound(g, this.cpus, tsNs);
      if (kind === 'sync-rcu') return [own(g, OP.SYNCR, tsNs, [1]), own(g, OP.SYNCR, tsNs, [0])];
      if (kind === 'free') return tables.map((k) => own(g, OP.FREE, tsNs, [g.tables[k]!, 0]));
      const h =
        kind === 'call-rcu' ? batches[batch++] : hands.find((x) => !x.batch && x.members[0] === tables[0]);
      return h ? [this.call(g, h, tsNs)] : [];
    };
  }

  private call(g: GatherRec, h: HandOver, tsNs: number): MadeOp {
    const n = this.made++;
    const page = h.batch ? MADE_PAGE - n : g.tables[h.members[0]!]!;
    const head = MADE_HEAD - n * 4096;
    const func = h.batch ? FUNC.tlb_remove_table_rcu : FUNC.__tlb_remove_table_one_rcu;
    const tables = h.members.map((m) => g.tables[m]!);
    const defers: Deferral = { keys: tables, current: null };
    // Right before the next callback of that CPU: first in, first out, and later than it may be is never wrong.
    const before = this.latest(h.cpu, tsNs);
    if (before >= 0)
      this.later.push({ before, ops: callback(h, this.log.tsNs[before]!, head, func, page, defers) });
    return { ...own(g, OP.CR, tsNs, [head, func, page, h.batch ? tables.length : 1, 0]), defers };
  }
}

const same = (c: Change): boolean =>
  c.from.appended === c.to.appended &&
  c.from.singleCalls === c.to.singleCalls &&
  c.from.inlineFrees === c.to.inlineFrees &&
  c.from.syncs === c.to.syncs &&
  c.from.gracePeriods === c.to.gracePeriods &&
  c.from.midFlushes === c.to.midFlushes;

/** Index after which a table's own steps go: its PVOP where there is one; dropped for kernels without pv op. */
function afterPvOp(log: OpLog, tr: number, pid: number, pvProbe: boolean, drop: Uint8Array): number {
  for (let i = tr + 1; i < Math.min(log.length, tr + NEAR); i++) {
    if (log.pid[i] !== pid || log.context[i] !== CONTEXT.task) continue;
    if (log.kind[i] !== OP.PVOP) return tr;
    if (!pvProbe) drop[i] = 1;
    return i;
  }
  return tr;
}
