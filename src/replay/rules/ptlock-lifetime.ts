import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I16. */
export const ptlockLifetime = rule({
  number: 16,
  name: 'ptlock-lifetime',
  severity: 'S1',
  statement: 'the split lock of T is destroyed at CB(T) or later, and not used after that',
  why: 'an RCU walker that found T still takes its lock',
  source: 'mm/memory.c ptlock_free(); pagetable_dtor() series, v6.14',
  needs: [PROBES.PTL],
  idle: 'no split lock was destroyed',
  held: 'RCU walkers that still find the table and its lock',
  missing: 'the RCU callback of the table',
  words:
    'On some kernels the lock of a page table is an object of its own. A walker that found the table under rcu_read_lock() may still take the lock, so it has to live as long as the table: until the callback.',
  bugs: ['L26'],
});
