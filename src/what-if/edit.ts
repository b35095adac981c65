import { FUNC, isTableFunc, OP, type OpKind } from '../kernel/ops.js';
import { CONTEXT } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';
import type { PlanStep } from './gather-plan.js';
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
  const drop = new Uint8Array(log.length);
  const after = new Map<number, MadeOp[]>();
  const later: { before: number; ops: readonly MadeOp[] }[] = [];
  const heads = new Set<number>();
  const pages = new Map<number, number>();
  let made = 0;
  const put = (index: number, ops: readonly MadeOp[]): void => {
    const list = after.get(index);
    if (list) list.push(...ops);
    else after.set(index, [...ops]);
  };
  const byGather = new Map<number, HandOver[]>();
  for (const h of hands) byGather.set(h.gather, [...(byGather.get(h.gather) ?? []), h]);

  // What a gather without its end would have done under the target cannot be told: its tables are left out.
  for (const g of recorded.torn) {
    const { removed, appended, freed, synced, called } = g.ops;
    for (const i of [...removed, ...appended, ...freed, ...synced, ...called]) drop[i] = 1;
    for (const tr of removed) afterPvOp(log, tr, g.pid, false, drop);
    for (const i of called) {
      heads.add(log.slot(i, 0));
      bump(pages, log.slot(i, 2), 1);
    }
    if (called.length > 0) for (const t of g.tables) bump(pages, t, 1);
  }
  recorded.gathers.forEach((g, gi) => {
    const change = changes[gi];
    if (!change || same(change)) return;
    for (const i of [...g.ops.appended, ...g.ops.freed, ...g.ops.synced]) drop[i] = 1;
    for (const i of g.ops.called) {
      drop[i] = 1;
      heads.add(log.slot(i, 0));
      bump(pages, log.slot(i, 2), 1);
    }
    if (g.ops.called.length > 0) for (const t of g.tables) bump(pages, t, 1);
    const mid = g.flushes.filter((f) => f.phase === PHASE.tables);
    const finish = g.flushes.find((f) => f.phase === PHASE.finish);
    for (const f of mid) for (const i of flushOps(log, f, g.pid)) drop[i] = 1;
    const like = mid[0] ?? finish;
    const { to } = change;
    const own = (kind: OpKind, tsNs: number, slots: readonly number[]): MadeOp => ({
      kind,
      cpu: g.cpu,
      pid: g.pid,
      context: CONTEXT.task,
      tsNs,
      slots,
    });
    const flush = (tsNs: number): MadeOp[] =>
      like ? flushOps(log, like, g.pid).map((i) => withoutGeneration(log.copy(i, tsNs))) : [];
    const mine = byGather.get(gi) ?? [];
    const call = (h: HandOver, tsNs: number): MadeOp => {
      const n = made++;
      const page = h.batch ? MADE_PAGE - n : g.tables[h.members[0]!]!;
      const head = MADE_HEAD - n * 4096;
      const func = h.batch ? FUNC.tlb_remove_table_rcu : FUNC.__tlb_remove_table_one_rcu;
      const tables = h.members.map((m) => g.tables[m]!);
      const defers: Deferral = { keys: tables, current: null };
      // Right before the next callback of that CPU: first in, first out, and later than it may be is never wrong.
      const before = latest(h.cpu, tsNs);
      if (before >= 0) later.push({ before, ops: callback(h, log.tsNs[before]!, head, func, page, defers) });
      return { ...own(OP.CR, tsNs, [head, func, page, h.batch ? tables.length : 1, 0]), defers };
    };
    const batches = mine.filter((h) => h.batch);
    let batch = 0;
    /** A step of the target's machine as the operations that it shows. */
    const opsOf = ({ kind, at, tables }: PlanStep, tsNs: number): MadeOp[] => {
      if (kind === 'append') {
        const tr = g.ops.removed[at]!;
        return [own(OP.APP, tsNs, [log.slot(tr, 0), log.slot(tr, 1), g.tables[at]!])];
      }
      if (kind === 'flush') return flush(tsNs);
      if (kind === 'sync-ipi') return syncRound(g, cpus, tsNs);
      if (kind === 'sync-rcu') return [own(OP.SYNCR, tsNs, [1]), own(OP.SYNCR, tsNs, [0])];
      if (kind === 'free') return tables.map((k) => own(OP.FREE, tsNs, [g.tables[k]!, 0]));
      const h =
        kind === 'call-rcu' ? batches[batch++] : mine.find((x) => !x.batch && x.members[0] === tables[0]);
      return h ? [call(h, tsNs)] : [];
    };
    g.ops.removed.forEach((tr, k) => {
      const at = afterPvOp(log, tr, g.pid, target.pvProbe, drop);
      const tsNs = log.tsNs[at]!;
      put(
        at,
        to.steps.filter((s) => s.at === k).flatMap((s) => opsOf(s, tsNs)),
      );
    });
    const end = finish && to.finalFlush ? g.ops.handed : g.ops.finish;
    if (end < 0) return;
    if (finish && !to.finalFlush) for (const i of flushOps(log, finish, g.pid)) drop[i] = 1;
    const tsNs = log.tsNs[end]!;
    // A flush that the recording has there stays.
    const last = to.steps.filter((s) => s.at < 0 && !(s.kind === 'flush' && finish));
    put(
      end,
      last.flatMap((s) => opsOf(s, tsNs)),
    );
  });
  if (after.size > 0) dropUnowned(log, recorded, drop);
  dropCallbacks(log, heads, pages, drop);
  later.sort((a, b) => a.before - b.before);
  return { drop, after, later };
}

/** Gathers that began before the recording: their tables went the way of the recorded kernel, and are left out. */
function dropUnowned(log: OpLog, recorded: Recorded, drop: Uint8Array): void {
  const owned = new Uint8Array(log.length);
  for (const g of [...recorded.gathers, ...recorded.torn]) {
    for (const i of [...g.ops.removed, ...g.ops.appended, ...g.ops.called, ...g.ops.synced]) owned[i] = 1;
  }
  const tasks = new Set<number>();
  for (let i = 0; i < log.length; i++) {
    if (owned[i] === 1) continue;
    const kind = log.kind[i]!;
    const table = kind === OP.TR || kind === OP.APP || (kind === OP.CR && isTableFunc(log.slot(i, 1)));
    if (table) tasks.add(log.pid[i]!);
    const sync = kind === OP.IS && log.slot(i, 1) === FUNC.tlb_remove_table_smp_sync;
    // khugepaged sends it too, without a gather.
    if (table || (sync && tasks.has(log.pid[i]!))) drop[i] = 1;
  }
}

const same = (c: Change): boolean =>
  c.from.appended === c.to.appended &&
  c.from.singleCalls === c.to.singleCalls &&
  c.from.inlineFrees === c.to.inlineFrees &&
  c.from.syncs === c.to.syncs &&
  c.from.gracePeriods === c.to.gracePeriods &&
  c.from.midFlushes === c.to.midFlushes;

function bump(map: Map<number, number>, key: number, by: number): void {
  if (isKnown(key)) map.set(key, (map.get(key) ?? 0) + by);
}

/** Operations of a flush: the sender's own, and what its interrupts do on the other CPUs. */
function flushOps(log: OpLog, f: FlushRec, pid: number): number[] {
  const out: number[] = [];
  for (let i = f.fromOp; i <= f.toOp && i < log.length; i++) {
    const kind = log.kind[i]!;
    const mine = log.pid[i] === pid && log.context[i] !== CONTEXT.softirq;
    const handler = log.context[i] === CONTEXT.hardirq || log.context[i] === CONTEXT.unknown;
    if (kind === OP.FR || kind === OP.FD || kind === OP.FMULTI) {
      if (mine) out.push(i);
    } else if (kind === OP.INV || kind === OP.TLBF) {
      if (mine || handler) out.push(i);
    } else if (kind === OP.IS || kind === OP.IE || kind === OP.IX) {
      if (log.slot(i, 1) === FUNC.flush_tlb_func && (mine || handler)) out.push(i);
    }
  }
  return out;
}

/** A copied flush has no generation of its own: which number it would get is not known. */
function withoutGeneration(op: MadeOp): MadeOp {
  if (op.kind !== OP.INV && op.kind !== OP.FMULTI) return op;
  const slots = [...op.slots];
  slots[4] = Number.NaN;
  return { ...op, slots };
}

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

/** mm/mmu_gather.c `tlb_remove_table_sync_one()`: to every other CPU online, and waited for. */
function syncRound(g: GatherRec, cpus: number, tsNs: number): MadeOp[] {
  const out: MadeOp[] = [];
  const func = FUNC.tlb_remove_table_smp_sync;
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (cpu === g.cpu) continue;
    const slots = [cpu, func, 2 ** 41 + cpu * 64];
    out.push({ kind: OP.IS, cpu: g.cpu, pid: g.pid, context: CONTEXT.task, tsNs, slots });
  }
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (cpu === g.cpu) continue;
    const slots = [Number.NaN, func, 2 ** 41 + cpu * 64];
    const on = { cpu, pid: -1, context: CONTEXT.hardirq, tsNs };
    out.push(
      { kind: OP.IE, ...on, slots },
      { kind: OP.SSYNC, ...on, slots: [] },
      { kind: OP.IX, ...on, slots },
    );
  }
  return out;
}

function callback(
  h: HandOver,
  tsNs: number,
  head: number,
  func: number,
  page: number,
  of: Deferral,
): MadeOp[] {
  const on = { cpu: h.cpu, pid: 0, context: CONTEXT.softirq, tsNs, of };
  const out: MadeOp[] = [{ kind: OP.CB, ...on, slots: [head, func, page, of.keys.length], tables: of.keys }];
  of.keys.forEach((key, member) => {
    out.push({ kind: OP.FREE, ...on, slots: [key, 0], member });
  });
  if (h.batch) out.push({ kind: OP.FREE, ...on, slots: [page, 0] });
  out.push({ kind: OP.CBret, ...on, slots: [Number.NaN, func] });
  return out;
}

/** The recorded ends of what is no longer queued: callbacks, the frees in them, their tracepoints. */
function dropCallbacks(
  log: OpLog,
  heads: ReadonlySet<number>,
  pages: Map<number, number>,
  drop: Uint8Array,
): void {
  const inside: boolean[] = [];
  const answers = new Map<number, number>();
  for (let i = 0; i < log.length; i++) {
    const kind = log.kind[i]!;
    const cpu = log.cpu[i]!;
    const softirq = log.context[i] === CONTEXT.softirq || inside[cpu] === true;
    if ((kind === OP.RQ || kind === OP.RI) && heads.size > 0 && isTableFunc(log.slot(i, 1))) drop[i] = 1;
    else if (kind === OP.IS && drop[i] === 1 && isSync(log, i)) bump(answers, log.slot(i, 0), 1);
    else if ((kind === OP.IE || kind === OP.IX || kind === OP.SSYNC) && isSync(log, i)) {
      const due = answers.get(cpu) ?? 0;
      if (due > 0) drop[i] = 1;
      if (due > 0 && kind === OP.IX) answers.set(cpu, due - 1);
    } else if (kind === OP.CB && heads.has(log.slot(i, 0))) {
      drop[i] = 1;
      if (cpu >= 0) inside[cpu] = true;
    } else if (kind === OP.CBret && inside[cpu]) {
      drop[i] = 1;
      inside[cpu] = false;
    } else if ((kind === OP.FREE || kind === OP.FPSC) && softirq) {
      const left = pages.get(log.slot(i, 0)) ?? 0;
      if (left <= 0) continue;
      drop[i] = 1;
      if (kind === OP.FREE) pages.set(log.slot(i, 0), left - 1);
    }
  }
}

const isSync = (log: OpLog, i: number): boolean =>
  log.kind[i] === OP.SSYNC || log.slot(i, 1) === FUNC.tlb_remove_table_smp_sync;
