import { SENTINEL_COMM } from '../parsers/input/recording-facts.js';

/** What a replay has to know of a task by its name. */
export const THREAD = { other: 0, callbacks: 1, hotplug: 2, sentinel: 3 } as const;

/** Kernel threads that run RCU callbacks in process context (kernel/rcu/tree_nocb.h, kernel/softirq.c). */
const CALLBACK_THREAD = /^(?:rcuc|rcuop|rcuos|rcuob|rcuog|ksoftirqd)\//;
/** kernel/cpu.c: takes its CPU offline and online. */
const HOTPLUG_THREAD = /^cpuhp\/\d/;

export function threadKind(name: string): number {
  if (CALLBACK_THREAD.test(name)) return THREAD.callbacks;
  if (HOTPLUG_THREAD.test(name)) return THREAD.hotplug;
  return name === SENTINEL_COMM ? THREAD.sentinel : THREAD.other;
}
