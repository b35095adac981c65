import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I48. */
export const syscallPair = rule({
  number: 48,
  name: 'syscall-pair',
  severity: 'S4',
  statement: 'per task, syscall entry and exit alternate and name the same call',
  why: 'a span with a foreign end is no latency',
  source: 'kernel/entry/common.c syscall_trace_enter(), syscall_exit_work()',
  needs: [PROBES.SX],
  idle: 'no syscall returned',
  held: 'the task: inside the call it has entered',
  missing: 'the other event of the pair',
  words:
    'Each system call that is entered is left once. Otherwise the measured times belong to different calls.',
  bugs: [],
  instead: 'A rule on the recording.',
});
