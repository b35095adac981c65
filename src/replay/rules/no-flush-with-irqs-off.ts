import { OP } from '../../kernel/ops.js';
import { CONTEXT, FLAG } from '../../timeline/flags.js';
import { w, witnesses } from '../evidence.js';
import { KNOWN } from '../ledger.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

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
  monitor: (_evidence, verdicts) => {
    /** A flush with interrupts on was seen: then the column shows the caller, not the probe's own handler. */
    let flagsShowCaller = false;
    return {
      on: {
        /** The sender waits for IPIs that it could never answer itself. */
        [OP.FR]: (op) => {
          if ((op.flags & FLAG.known) === 0) return;
          const interrupt =
            op.context === CONTEXT.hardirq || op.context === CONTEXT.softirq || op.context === CONTEXT.nmi;
          const off = (op.flags & FLAG.irqsOff) !== 0;
          if (!interrupt && !off) {
            flagsShowCaller = true;
            verdicts.pass(KNOWN.observed);
          } else if (interrupt || flagsShowCaller) {
            verdicts.violated({
              message: `flush_tlb_mm_range() is called ${interrupt ? 'in interrupt context' : 'with interrupts off'}`,
              known: KNOWN.observed,
              certain: true,
              ...(interrupt ? { held: ['the interrupted code'], missing: 'return from the interrupt' } : {}),
              events: witnesses(w(op.ref, 'flush begins')),
            });
          } else {
            const why = 'whether interrupts are off in the caller or only in the probe is not shown';
            verdicts.unknown(why, op.ref);
          }
        },
      },
    };
  },
});
