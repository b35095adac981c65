import { SYSCALL } from '../../kernel/operands.js';
import type { Op } from '../../kernel/ops.js';
import { absent, syscallKind, w, witnesses } from '../evidence.js';
import type { Task } from '../state/contexts.js';
import { KNOWN, type Witness } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

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
  monitor: (evidence, verdicts) => {
    const entry = (id: number): { kinds: number[]; probe: string } => ({
      kinds: [syscallKind(id, false)],
      probe: `the entry event of ${evidence.nameOf(id)}`,
    });
    const exit = (id: number): { kinds: number[]; probe: string } => ({
      kinds: [syscallKind(id, true)],
      probe: `the exit event of ${evidence.nameOf(id)}`,
    });
    const missing = (
      what: { kinds: number[]; probe: string },
      task: Task,
      op: Op,
      message: string,
      before: Witness,
      role: string,
    ): void =>
      absent(
        evidence,
        verdicts,
        { ...what, coverage: evidence.syscalls, cpu: op.cpu, since: task.syscallSeq },
        { message: `task ${task.key} ${message}`, events: witnesses(before, w(op.ref, role)) },
      );
    return {
      syscallEntered(task, op) {
        if (task.syscall < 0 || task.key < 0) return;
        const open = evidence.nameOf(task.syscall);
        if (NO_RETURN.test(open)) return;
        const message = `enters a syscall while its ${open}() has not returned`;
        missing(exit(task.syscall), task, op, message, w(task.syscallRef, 'entered'), 'entered again');
      },

      syscallLeft(task, op) {
        if (task.key < 0) return;
        const left = evidence.nameOf(SYSCALL.id(op));
        if (task.syscall === SYSCALL.id(op)) verdicts.pass(KNOWN.observed);
        else if (task.syscall >= 0) {
          const entered = evidence.nameOf(task.syscall);
          if (NO_RETURN.test(entered) || NO_RETURN.test(left)) return;
          // Innocent only if both the first call's exit and this one's entry went unseen: one working probe convicts.
          const exitWorks = evidence.syscalls.firedOn(syscallKind(task.syscall, true), op.cpu);
          const message = `returns from ${left}() but had entered ${entered}()`;
          const what = exitWorks ? exit(task.syscall) : entry(SYSCALL.id(op));
          missing(what, task, op, message, w(task.syscallRef, 'entered'), 'returned');
        } else if (!task.syscallSeen) verdicts.censored();
        else {
          const message = `returns from ${left}() without having entered it`;
          missing(
            entry(SYSCALL.id(op)),
            task,
            op,
            message,
            w(task.lastSyscallRef, 'previous syscall event'),
            'returned',
          );
        }
      },
    };
  },
});

/** Calls that do not come back to the instruction after them, or not under the same tid. */
export const NO_RETURN = /^(?:exit|exit_group|execve|execveat|rt_sigreturn|sigreturn|restart_syscall)$/;
