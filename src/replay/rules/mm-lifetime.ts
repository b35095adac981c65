import { LOSS, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { MmGenerations } from './mm-generations.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const mmLifetime = rule({
  number: 50,
  name: 'mm-lifetime',
  severity: 'S1',
  statement: 'no flush of an mm after its exit_mmap() has returned',
  why: 'its tables are gone; the address belongs to the next process',
  source: 'mm/mmap.c exit_mmap(); kernel/fork.c mmput()',
  needs: [PROBES.EXITMM, PROBES.FMULTI],
  idle: 'no mm was seen again after its exit',
  held: 'nobody: the tables of the mm are gone',
  missing: 'mmget() before exit_mmap(), or no flush',
  words:
    "When exit_mmap() has returned, the process's tables are gone. A flush after it is meant for tables that belong to somebody else.",
  bugs: [],
  instead: 'Reference counts (mm_users, mm_count) guard against it.',
  monitor: (evidence, verdicts) => {
    evidence.shared(MmGenerations).afterExit = (same, last, op) => {
      if (same === null) verdicts.unknown(UNTOLD, op.ref);
      else if (!same) verdicts.pass(KNOWN.inferred);
      else if (evidence.state.lossSeq > 0) verdicts.unknown(LOSS, op.ref);
      else {
        verdicts.violated({
          message: 'an mm is flushed after its exit_mmap() has returned',
          known: KNOWN.observed,
          // A new mm at its address may have been flushed elsewhere: the generation would be of that one.
          assumesAllCpus: true,
          events: witnesses(
            w(last.ref, 'last flush'),
            w(last.exitRef, 'exit_mmap returned'),
            w(op.ref, 'flush'),
          ),
        });
      }
    };
    return {};
  },
});

const UNTOLD =
  'flushes after exit_mmap() are of a new mm at the same address or of the old one: their generations do not tell';
