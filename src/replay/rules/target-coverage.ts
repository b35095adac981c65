import { OP, type Op } from '../../kernel/ops.js';
import { isKnown } from '../../timeline/is-known.js';
import { FLUSH_SENT } from '../coverage.js';
import { type Absence, type Evidence, provenAbsent, w, witnesses } from '../evidence.js';
import { OFFLINE_NS } from '../machine.js';
import type { Cpu } from '../state/contexts.js';
import type { Flush } from '../state/table-life.js';
import { KNOWN, type Violation } from '../tally.js';
import { BusyCpus } from './busy-cpus.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const targetCoverage = rule({
  number: 23,
  name: 'target-coverage',
  severity: 'S1',
  statement:
    'a flush interrupts the CPUs of mm_cpumask but its own: with freed_tables=1 all of them, else those that run the mm',
  why: 'a CPU that is left out goes on by what it has cached, and walks tables that are freed',
  source: 'arch/x86/mm/tlb.c native_flush_tlb_multi(), should_flush_tlb(); commit fea4e317f9e7',
  needs: [PROBES.FR, PROBES.FMULTI, PROBES.IS],
  idle: 'no flush interrupted another CPU',
  held: 'the TLB of the CPU that was not interrupted',
  missing: 'an IPI with flush_tlb_func() to that CPU',
  words:
    'A flush that is about freed tables has to reach every CPU that may have used the process, except the sender; any other flush those that run one of its threads. The trace shows the list and who was interrupted; both must agree.',
  bugs: ['L11', 'L19', 'L21'],
  monitor: (evidence, verdicts) => {
    const busy = new BusyCpus(evidence, verdicts);
    let silent: Silent[] = [];
    /** freed_tables interrupts every CPU of the mask; without it, lazy ones and those of other mms are left out. */
    const everyCpu = (flush: Flush, op: Op): void => {
      if (!flush.multi || !isKnown(flush.mask) || flush.mask <= 0) return;
      if (evidence.coverage.shown(OP.IS) === 0) return;
      if (flush.freedTables !== 1) {
        if (flush.freedTables === 0 && missing(flush, op.cpu).length === 0) verdicts.pass(KNOWN.observed);
        return;
      }
      const left = missing(flush, op.cpu);
      if (left.length === 0) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      // One that was surely online, if there is one.
      const online = (id: number): boolean =>
        mayBeOffline(evidence, id, evidence.state.cpus[id]?.lastSeq ?? -1) === null;
      const cpu = left.find(online) ?? left[0]!;
      const before = evidence.state.cpus[cpu]?.lastSeq ?? -1;
      const told: Violation = {
        known: KNOWN.absence,
        // Whoever sends all of them is one task on one CPU (kernel/smp.c smp_call_function_many_cond() get_cpu()).
        assumesAllCpus: false,
        message: `CPU ${cpu} is in the mask of a flush with freed_tables=1, but was not interrupted`,
        held: [`CPU ${cpu}: TLB and paging-structure cache`],
        missing: `an IPI with flush_tlb_func() to CPU ${cpu}`,
        events: witnesses(w(flush.frRef, 'flush begins'), w(op.ref, 'flush done')),
      };
      const at = evidence.ledger.now;
      provenAbsent(
        evidence,
        unsent(evidence, flush, op),
        () => {
          const doubt = mayBeOffline(evidence, cpu, before);
          // Its next event tells whether it was there.
          if (doubt !== null && evidence.state.cpus[cpu]?.lastSeq === before) {
            silent.push({ cpu, at, told, doubt });
          } else if (doubt === null) verdicts.violated(told, at);
          else verdicts.unknown(doubt, op.ref);
        },
        (why) => verdicts.unknown(why, op.ref),
      );
    };
    /** The next event of a CPU that was left out: after a short silence it was online all the time. */
    const shows = (cpu: Cpu, op: Op): void => {
      silent = silent.filter((left) => {
        if (left.cpu !== cpu.id) return true;
        if (op.tsNs - cpu.lastTs < OFFLINE_NS && !cpu.hotplugged) verdicts.violated(left.told, left.at);
        else verdicts.unknown(left.doubt, left.told.events[0]?.ref ?? -1);
        return false;
      });
    };
    return {
      tick(cpu, op) {
        if (silent.length > 0) shows(cpu, op);
        busy.tick(cpu, op);
      },
      end() {
        for (const left of silent) verdicts.unknown(left.doubt, left.told.events[0]?.ref ?? -1);
        silent = [];
      },
      flushDone(flush, _gather, _task, op) {
        everyCpu(flush, op);
        busy.flushDone(flush, op);
      },
    };
  },
});

/** A CPU that was left out and has shown nothing since. */
interface Silent {
  readonly cpu: number;
  /** When it was left out, as the ledger counts. */
  readonly at: number;
  readonly told: Violation;
  readonly doubt: string;
}

/** No request to another CPU since the flush began. */
const unsent = ({ coverage, exactClock }: Evidence, flush: Flush, op: Op): Absence => ({
  kinds: [OP.IS],
  cpu: op.cpu,
  since: flush.frSeq,
  probe: 'csd:csd_queue_cpu',
  doubt: () => (!exactClock && coverage.shown(FLUSH_SENT) === 0 ? NO_FLUSH_SENT : null),
});
const NO_FLUSH_SENT =
  'no request of a flush to another CPU is shown: they may have been left out of the recording';

/** CPUs of a cpumask word that is known whole. */
const MASK_BITS = 53;

/**
 * mm_cpumask keeps CPUs that are offline, and the kernel sends to those that are online. One that shows itself at both
 * ends of a short span was online; so was one whose context switches show, but never that of its cpuhp thread.
 */
function mayBeOffline({ state, coverage }: Evidence, id: number, before: number): string | null {
  const cpu = state.cpus[id];
  if (!cpu || before < 0) return `CPU ${id} shows nothing before: it may have been offline`;
  if (!cpu.hotplugged && coverage.firedOn(OP.SW, id)) return null;
  if (cpu.lastSeq === before) return `CPU ${id} shows nothing since: it may have gone offline`;
  return cpu.silentTo > before ? `CPU ${id} is silent for so long that it may have been offline` : null;
}

/**
 * CPUs of the printed mask, other than the sender's own, that were sent nothing. Its own is the one it sends
 * from: from 7.3 on it may have moved since the flush began, and may move again before it returns.
 */
function missing(flush: Flush, returned: number): number[] {
  const own = flush.targets[0]?.from ?? -1;
  const left: number[] = [];
  let bits = flush.mask;
  for (let cpu = 0; cpu < MASK_BITS && bits > 0; cpu++, bits = Math.floor(bits / 2)) {
    if (bits % 2 === 0 || cpu === own) continue;
    if (own < 0 && (cpu === flush.cpu || cpu === returned)) continue;
    if (!flush.targets.some((t) => t.cpu === cpu)) left.push(cpu);
  }
  return left;
}
