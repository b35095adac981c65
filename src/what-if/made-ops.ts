import { FUNC, OP, type OpKind } from '../kernel/ops.js';
import { CONTEXT } from '../timeline/flags.js';
import type { Deferral, MadeOp, OpLog } from './op-log.js';
import type { HandOver } from './predict.js';
import type { FlushRec, GatherRec } from './recorded.js';

/** An operation of the gather's own task. */
export const own = (g: GatherRec, kind: OpKind, tsNs: number, slots: readonly number[]): MadeOp => ({
  kind,
  cpu: g.cpu,
  pid: g.pid,
  context: CONTEXT.task,
  tsNs,
  slots,
});

/** Operations of a flush: the sender's own, and what its interrupts do on the other CPUs. */
export function flushOps(log: OpLog, f: FlushRec, pid: number): number[] {
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
export function withoutGeneration(op: MadeOp): MadeOp {
  if (op.kind !== OP.INV && op.kind !== OP.FMULTI) return op;
  const slots = [...op.slots];
  slots[4] = Number.NaN;
  return { ...op, slots };
}

/** mm/mmu_gather.c `tlb_remove_table_sync_one()`: to every other CPU online, and waited for. */
export function syncRound(g: GatherRec, cpus: number, tsNs: number): MadeOp[] {
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

/** The callback of a hand-over, before the operation of the log that it comes before. */
export function callback(
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
