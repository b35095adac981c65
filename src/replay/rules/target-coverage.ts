import { OP, type Op } from '../../kernel/ops.js';
import { absent, w, witnesses } from '../evidence.js';
import { KNOWN } from '../ledger.js';
import type { Flush } from '../state.js';
import { BusyCpus } from './busy-cpus.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const targetCoverage = rule({
  number: 23,
  name: 'target-coverage',
  severity: 'S1',
  statement: 'a flush with freed_tables=1 interrupts every CPU of mm_cpumask but its own',
  why: 'a CPU that is left out goes on walking the freed tables',
  source: 'arch/x86/mm/tlb.c native_flush_tlb_multi(), should_flush_tlb(); commit fea4e317f9e7',
  needs: [PROBES.FR, PROBES.FMULTI, PROBES.IS],
  idle: 'no flush interrupted another CPU',
  held: 'the TLB of the CPU that was not interrupted',
  missing: 'an IPI with flush_tlb_func() to that CPU',
  words:
    'A flush that is about freed tables has to reach every CPU that may have used the process, except the sender. The trace shows the list and who was interrupted; both must agree.',
  bugs: ['L11', 'L19', 'L21'],
  monitor: (evidence, verdicts) => {
    const busy = new BusyCpus(evidence, verdicts);
    /** freed_tables interrupts every CPU of the mask; without it, lazy ones and those of other mms are left out. */
    const everyCpu = (flush: Flush, op: Op): void => {
      if (!flush.multi || flush.mask !== flush.mask || flush.mask <= 0) return;
      if (evidence.coverage.total(OP.IS) === 0) return;
      if (flush.freedTables !== 1) {
        if (flush.freedTables === 0 && missing(flush) < 0) verdicts.pass(KNOWN.observed);
        return;
      }
      const cpu = missing(flush);
      if (cpu < 0) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      absent(
        evidence,
        verdicts,
        { kinds: [OP.IS], cpu: op.cpu, since: flush.frSeq, probe: 'csd:csd_queue_cpu' },
        {
          // The sender cannot change CPUs between the mask and the last IPI (arch/x86/mm/tlb.c get_cpu()).
          assumesAllCpus: false,
          message: `CPU ${cpu} is in the mask of a flush with freed_tables=1, but was not interrupted`,
          held: [`CPU ${cpu}: TLB and paging-structure cache`],
          missing: `an IPI with flush_tlb_func() to CPU ${cpu}`,
          events: witnesses(w(flush.frRef, 'flush begins'), w(op.ref, 'flush done')),
        },
      );
    };
    return {
      tick: (cpu, op) => busy.tick(cpu, op),
      flushDone(flush, _gather, _task, op) {
        everyCpu(flush, op);
        busy.flushDone(flush, op);
      },
    };
  },
});

/** CPUs of a cpumask word that is known whole. */
const MASK_BITS = 53;

/** A CPU of the printed mask, other than the sender, that was sent nothing; -1 none. */
function missing(flush: Flush): number {
  let bits = flush.mask;
  for (let cpu = 0; cpu < MASK_BITS && bits > 0; cpu++, bits = Math.floor(bits / 2)) {
    if (bits % 2 === 0 || cpu === flush.cpu) continue;
    if (!flush.targets.some((t) => t.cpu === cpu)) return cpu;
  }
  return -1;
}
