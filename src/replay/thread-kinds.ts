import { SENTINEL_COMM } from '../parsers/input/recording-facts.js';
import type { Interner } from '../timeline/interner.js';

/** What a replay has to know of a task by its name. */
export const THREAD = { other: 0, callbacks: 1, hotplug: 2, sentinel: 3 } as const;

/** Kernel threads that run RCU callbacks in process context (kernel/rcu/tree_nocb.h, kernel/softirq.c). */
const CALLBACK_THREAD = /^(?:rcuc|rcuop|rcuos|rcuob|rcuog|ksoftirqd)\//;
/** kernel/cpu.c: takes its CPU offline and online. */
const HOTPLUG_THREAD = /^cpuhp\/\d/;

/** Kinds of tasks by the id of their name, each worked out once. */
export class ThreadKinds {
  private readonly names: Interner;
  private readonly kinds: (number | undefined)[] = [];

  constructor(names: Interner) {
    this.names = names;
  }

  of(comm: number): number {
    return (this.kinds[comm] ??= kindOf(this.names.text(comm)));
  }
}

function kindOf(name: string): number {
  if (CALLBACK_THREAD.test(name)) return THREAD.callbacks;
  if (HOTPLUG_THREAD.test(name)) return THREAD.hotplug;
  return name === SENTINEL_COMM ? THREAD.sentinel : THREAD.other;
}
