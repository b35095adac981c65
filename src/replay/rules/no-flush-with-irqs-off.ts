import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I34. */
export const noFlushWithIrqsOff = rule({
  number: 34,
  name: 'no-flush-with-irqs-off',
  severity: 'S1',
  statement: 'flush_tlb_mm_range() is called in task context with interrupts on',
  why: 'two senders that wait for each other with interrupts off deadlock',
  source: 'kernel/smp.c smp_call_function_many_cond() lockdep_assert_irqs_enabled()',
  needs: [PROBES.FR],
  idle: 'no flush shows its context',
  held: 'the caller: interrupts off',
  missing: 'interrupts on, before the flush',
  words:
    'A flush waits for other CPUs. If two CPUs with interrupts off wait for each other, neither can answer: the machine hangs.',
  bugs: [],
  instead: 'The kernel checks it itself: lockdep_assert_irqs_enabled().',
});
