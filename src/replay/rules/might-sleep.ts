import { SINGLE_SYNC_RCU } from '../../kernel/variant-sets.js';
import { FLAG, preemptDepth } from '../../timeline/flags.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const mightSleep = rule({
  number: 47,
  name: 'might-sleep',
  severity: 'S1',
  statement: 'a wait for a grace period begins with interrupts on, preemption on and no spinlock held',
  why: 'synchronize_rcu() sleeps: under a spinlock it deadlocks',
  source: 'commit 1fb3d8c20bfa; mm/mmu_gather.c tlb_remove_table_sync_rcu()',
  needs: [PROBES.SYNCR],
  idle: 'nobody waited for a grace period',
  variants: SINGLE_SYNC_RCU,
  held: 'the spinlock, or a context that cannot sleep',
  missing: 'dropping it before the wait',
  words:
    'Since 7.1 the fallback may wait for a grace period on the spot, which sleeps. Under a spinlock that would hang the CPU.',
  bugs: ['L36'],
  monitor: (_evidence, verdicts) => ({
    /** synchronize_rcu() sleeps. */
    sleeps(held, op) {
      const lock = held[0];
      const known = (op.flags & FLAG.known) !== 0;
      const atomic = known && (op.flags & (FLAG.irqsOff | FLAG.hardirq | FLAG.softirq)) !== 0;
      const noPreempt = known && preemptDepth(op.flags) > 0;
      if (!lock && !atomic && !noPreempt) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      const why = lock
        ? 'under a spinlock'
        : atomic
          ? 'in a context that cannot sleep'
          : 'with preemption off';
      verdicts.violated({
        message: `a wait for a grace period begins ${why}`,
        known: KNOWN.observed,
        certain: !lock,
        ...(lock
          ? { held: [`task ${lock.task}: a spinlock`], missing: 'dropping the lock before the wait' }
          : {}),
        events: witnesses(w(lock?.ref ?? -1, 'lock taken'), w(op.ref, 'waits')),
      });
    },
  }),
});
