import { SYSCALL } from '../../kernel/operands.js';
import { OP } from '../../kernel/ops.js';
import { absent, syscallKind, w, witnesses } from '../evidence.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const pidReuse = rule({
  number: 54,
  name: 'pid-reuse',
  severity: 'S4',
  statement:
    'a tid stands for one task until its sched_process_exit; the next bracket under it begins a new task',
  why: 'a span or a gather that begins in one task and ends in the next is neither',
  source: 'kernel/exit.c do_exit(); kernel/pid.c alloc_pid(); include/linux/sched.h TASK_COMM_LEN',
  needs: [PROBES.EXIT],
  idle: 'no tid was used again after its task had exited',
  held: 'the task that had this tid',
  missing: 'its sched_process_exit',
  words:
    'Names are cut to 15 characters and task numbers are used again; neither identifies a task for good. Where the exit of tasks is recorded, the next system call under the number of a dead task is that of a new one: a call that the dead task had entered can never return, and no time may be measured from one to the other.',
  bugs: [],
  instead:
    'A rule on the recording: the script in the review filtered by name on entry only, so a start could be left behind by a task that changed its name, and paired with the end of another.',
  monitor: (evidence, verdicts) => ({
    /**
     * The next bracket under the tid of an exited task is a new task's. It begins with what only a new one can show: its
     * fork, the child's return of clone(), an entry, a gather. The return of another call is the dead one's.
     */
    tidReused(task, op) {
      if (op.kind === OP.FORK) {
        verdicts.pass(KNOWN.observed);
        return;
      }
      const name = op.kind === OP.SX ? evidence.nameOf(SYSCALL.id(op)) : '';
      if (op.kind !== OP.SX || CHILD_RETURNS.test(name)) {
        verdicts.pass(KNOWN.inferred);
        return;
      }
      const same = task.exitSyscall === SYSCALL.id(op);
      absent(
        evidence,
        verdicts,
        {
          kinds: [syscallKind(SYSCALL.id(op), false)],
          coverage: evidence.syscalls,
          cpu: op.cpu,
          since: task.exitSeq,
          probe: `the entry event of ${name}`,
        },
        {
          message: `task ${task.key} returns from ${name}() after its sched_process_exit${same ? ', which it had entered before' : ''}`,
          before: op.ref,
          events: witnesses(w(task.exitRef, 'exited'), w(op.ref, 'returned')),
        },
      );
    },
  }),
});

/** The first event of a child is the return of the call that made it. */
const CHILD_RETURNS = /^(?:clone|clone3|fork|vfork)$/;
