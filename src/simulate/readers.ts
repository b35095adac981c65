import type { GracePeriods, Schedule } from './grace-periods.js';
import { FLAGS, hex, probe, returns } from './lines.js';
import type { World } from './world.js';

const WALK_START = 0x1000_0000_0000;

/** Starts the reader threads: they walk page tables again and again while `going()`. */
export function startReaders(world: World, rcu: GracePeriods, at: Schedule, going: () => boolean): void {
  const { threads, readers } = world.workload;
  for (let i = 0; i < readers.gup + readers.rcu; i++) {
    const cpu = threads + i;
    const gup = i < readers.gup;
    const again = (now: number): void => {
      if (!going()) return;
      const holdNs = world.drawReal(readers.holdUs) * 1000 + 50;
      const end = gup ? walkGup(world, rcu, now, cpu, holdNs) : walkRcu(world, rcu, now, cpu, holdNs);
      at(end + world.drawReal(readers.pauseUs) * 1000, again);
    };
    at(world.drawReal(readers.pauseUs) * 1000, again);
  }
}

/** `get_user_pages_fast()`: no interrupt is taken between its two marks, so every flush waits for it. */
function walkGup(world: World, rcu: GracePeriods, tsNs: number, cpu: number, holdNs: number): number {
  const { lines } = world;
  const task = world.tasks[cpu]!;
  const start = world.reserve(cpu, tsNs, holdNs);
  const end = start + holdNs;
  rcu.reading(cpu, start, end);
  const args = `start=${hex(WALK_START)} nr_pages=1 flags=0x2`;
  lines.add(start, cpu, task, FLAGS.task, probe('gup_fast_fallback', 'gup_fast_fallback', args));
  lines.add(start + 5, cpu, task, FLAGS.enqueue, 'tracing_mark_write: pttrace: RB kind=irqoff');
  lines.add(end - 10, cpu, task, FLAGS.enqueue, 'tracing_mark_write: pttrace: RE kind=irqoff');
  lines.add(end - 5, cpu, task, FLAGS.task, returns('gup_fast_fallback', 'get_user_pages_fast', 'ret=1'));
  return end;
}

/** A walk under rcu_read_lock(): interrupts are taken, the grace period waits. */
function walkRcu(world: World, rcu: GracePeriods, tsNs: number, cpu: number, holdNs: number): number {
  const task = world.tasks[cpu]!;
  rcu.reading(cpu, tsNs, tsNs + holdNs);
  world.lines.add(tsNs, cpu, task, FLAGS.task, 'tracing_mark_write: pttrace: RB kind=rcu');
  world.lines.add(tsNs + holdNs - 5, cpu, task, FLAGS.task, 'tracing_mark_write: pttrace: RE kind=rcu');
  return tsNs + holdNs;
}
