import { PROMISE } from '../mech-hooks.js';
import { heldAtPromise, stillHeld, wentAwayAndBack } from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const switchInCatchup = rule({
  number: 26,
  name: 'switch-in-catchup',
  severity: 'S1',
  statement: 'a CPU that loads an mm again has flushed what was removed meanwhile before it uses it',
  why: 'flushes skip CPUs that have another mm loaded: they catch up by the generation when they come back',
  source: 'arch/x86/mm/tlb.c switch_mm_irqs_off(); commit 83b0177a6c48',
  needs: [PROBES.CR3, PROBES.HW],
  byProbes: [PROBES.SWMM, PROBES.TLBF, PROBES.FD],
  idle: 'no CPU came back to an mm that had changed',
  held: 'the PCID of that mm on the CPU',
  missing: 'the catch-up flush in switch_mm_irqs_off()',
  words:
    "A CPU that comes back to a process it ran before compares the number it has caught up with. If it is behind, it must flush before it touches the process's memory.",
  bugs: ['L20'],
  monitor: (evidence, verdicts) => ({
    promised: heldAtPromise(evidence, verdicts, PROMISE.switchIn),
    cameBack: (holder, op) => stillHeld(evidence, verdicts, holder, null, op, wentAwayAndBack(holder)),
  }),
});
