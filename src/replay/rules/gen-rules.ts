import { SHOOTDOWN } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import { CLOCK, type Evidence, flips, LOSS, lostSince, margin, order, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { MmGenerations } from './mm-generations.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const genRules = rule({
  number: 25,
  name: 'gen-rules',
  severity: 'S1',
  statement: 'every flush of an mm has a generation of its own, one higher than the last',
  why: 'a CPU that has seen a generation skips flushes up to it',
  source: 'arch/x86/mm/tlb.c inc_mm_tlb_gen(), flush_tlb_func(); commit 8f1d56f64f8d',
  needs: [PROBES.FR, PROBES.FMULTI],
  idle: 'no two flushes of one mm show their generation',
  held: 'CPUs that take the first generation for both',
  missing: 'inc_mm_tlb_gen() for the second flush',
  words:
    "Every change of a process's tables gets a number that only grows. A CPU that has caught up with number n skips all requests up to n. If a number is used twice or goes back, flushes are skipped that were needed.",
  bugs: ['L18'],
  monitor: (evidence, verdicts) => {
    const generations = evidence.shared(MmGenerations);
    generations.flushed = (compared, last, gen, op) => {
      if (compared === 'higher') verdicts.pass(KNOWN.observed);
      else if (compared === 'same' && last.flushRef >= 0 && gen > 1) {
        if (evidence.state.lossSeq > 0) verdicts.unknown(LOSS, op.ref);
        else if (last.mayBeNew) verdicts.unknown(ENDED, op.ref);
        else {
          verdicts.violated({
            message: `two flushes of one mm have the same generation ${gen}`,
            known: KNOWN.observed,
            assumesAllCpus: true,
            events: witnesses(w(last.ref, 'first flush'), w(op.ref, 'second flush')),
          });
        }
      }
    };
    generations.wentBack = (last, gen, flush, op) => {
      const known = order(evidence, last.ts, last.cpu, flush.frTs, flush.cpu);
      if (evidence.state.lossSeq > 0) verdicts.unknown(LOSS, op.ref);
      else if (known === null) verdicts.unknown(CLOCK, op.ref);
      else {
        verdicts.violated({
          message: `the generation of an mm goes back from ${last.gen} to ${gen}: CPUs that have the higher one skip this flush`,
          known,
          assumesAllCpus: true,
          held: ['CPUs of the mm: what this flush should remove'],
          missing: `a generation above ${last.gen}`,
          ...flips(margin(evidence, last.ts, last.cpu, flush.frTs, flush.cpu)),
          events: witnesses(
            w(last.ref, 'earlier flush'),
            w(flush.frRef, 'flush begins'),
            w(op.ref, 'its generation'),
          ),
        });
      }
    };
    generations.without = (last, flush, op) => {
      if (lostSince(evidence, flush.frSeq)) verdicts.unknown(LOSS, op.ref);
      else {
        verdicts.violated({
          message: 'a flush of an mm has generation 0, which is that of none',
          known: KNOWN.observed,
          held: ['CPUs of the mm: what this flush should remove'],
          missing: `inc_mm_tlb_gen(): a generation above ${last.gen}`,
          events: witnesses(
            w(last.ref, 'earlier flush'),
            w(flush.frRef, 'flush begins'),
            w(op.ref, 'its generation'),
          ),
        });
      }
    };
    return { on: { [OP.INV]: (op) => otherRequest(evidence, verdicts, op) } };
  },
});

/** The handler is given the sender's own flush_tlb_info. */
function otherRequest(evidence: Evidence, verdicts: Verdicts, op: Op): void {
  const handler = evidence.state.cpus[op.cpu]?.handler;
  // It does so once: where it has, it is over, and this belongs to another one.
  if (!handler || handler.invRef >= 0) return;
  const { flush } = handler;
  const gen = SHOOTDOWN.tlbGen(op);
  if (!flush || SHOOTDOWN.mm(op) !== flush.mm || !(gen > 0) || !(flush.gen > 0) || gen === flush.gen) return;
  if (lostSince(evidence, flush.frSeq)) {
    verdicts.unknown(LOSS, op.ref);
    return;
  }
  verdicts.violated({
    message: `CPU ${op.cpu} flushes up to generation ${gen} for a request of generation ${flush.gen}`,
    known: KNOWN.observed,
    held: [`CPU ${op.cpu}: what generation ${flush.gen} should remove`],
    missing: `flush_tlb_func() of generation ${flush.gen} on that CPU`,
    events: witnesses(w(flush.multiRef, 'request'), w(op.ref, 'handler')),
  });
}

const ENDED =
  'all of the mm was flushed in between, as exit_mmap() does: the address may belong to a new mm that counts anew';
