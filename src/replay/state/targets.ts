import { MAX_CPUS } from '../../timeline/batch.js';
import type { Flush, Target } from './table-life.js';

/** From so many targets on they are found by CPU: a flush of 4,096 CPUs is asked for each of its handlers. */
const MANY = 64;
const NONE: readonly Target[] = [];

/** One more CPU that the flush has sent an interrupt to. */
export function addTarget(flush: Flush, target: Target): void {
  if (flush.targets.length >= MAX_CPUS) return;
  flush.targets.push(target);
  if (flush.targetsByCpu) index(flush.targetsByCpu, target);
  else if (flush.targets.length >= MANY) {
    flush.targetsByCpu = new Map();
    for (const t of flush.targets) index(flush.targetsByCpu, t);
  }
}

/** Interrupts of the flush to that CPU. */
export function targetsOn(flush: Flush, cpu: number): readonly Target[] {
  if (flush.targetsByCpu) return flush.targetsByCpu.get(cpu) ?? NONE;
  const first = flush.targets.findIndex((t) => t.cpu === cpu);
  return first < 0 ? NONE : flush.targets.filter((t) => t.cpu === cpu);
}

function index(byCpu: Map<number, Target[]>, target: Target): void {
  const list = byCpu.get(target.cpu);
  if (list) list.push(target);
  else byCpu.set(target.cpu, [target]);
}
