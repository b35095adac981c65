import { FUNC, isTableFunc, OP } from '../kernel/ops.js';
import { CONTEXT } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';
import type { OpLog } from './op-log.js';
import type { Recorded } from './recorded.js';

/** Gathers that began before the recording: their tables went the way of the recorded kernel, and are left out. */
export function dropUnowned(log: OpLog, recorded: Recorded, drop: Uint8Array): void {
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

/** Adds to what a map counts; keys that are not known are not counted. */
export function bump(map: Map<number, number>, key: number, by: number): void {
  if (isKnown(key)) map.set(key, (map.get(key) ?? 0) + by);
}

/** The recorded ends of what is no longer queued: callbacks, the frees in them, their tracepoints. */
export function dropCallbacks(
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
