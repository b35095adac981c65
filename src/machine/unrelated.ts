import { OP } from '../kernel/ops.js';
import { FLUSH_ALL, REASON } from './flush-reasons.js';
import type { Names } from './names.js';

/** Releases of pages that have nothing to do with it, on each CPU. */
const FREES = 3;

/**
 * A recording has other work before (round 0) and after (1): it shows which probes fire on which CPU, so that the
 * absence of an event means something.
 */
export function unrelated(
  emit: (kind: number, cpu: number, slots: readonly number[]) => void,
  names: Names,
  nextGen: () => number,
  cpus: readonly number[],
  devices: readonly number[],
  round: number,
): void {
  const mm = names.mm('(unrelated)');
  for (const cpu of cpus) {
    emit(OP.INV, cpu, [0, mm, 0, FLUSH_ALL, nextGen()]);
    emit(OP.TLBF, cpu, [-1, REASON.local]);
    for (let i = 0; i < FREES; i++) emit(OP.FREE, cpu, [names.page(`(unrelated ${round} ${cpu} ${i})`), 0]);
    for (const device of devices) emit(OP.IOTLB, cpu, [mm, device]);
  }
}
