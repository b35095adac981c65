import { OP, type Op } from '../../kernel/ops.js';
import { KNOWN } from '../ledger.js';
import type { Gather, Table, Task } from '../state.js';
import { absent, type Court, syscallKind, w, witnesses } from './court.js';

/** Calls that do not come back to the instruction after them, or not under the same tid. */
const NO_RETURN = /^(?:exit|exit_group|execve|execveat|rt_sigreturn|sigreturn|restart_syscall)$/;
/** The first event of a child is the return of the call that made it. */
const CHILD_RETURNS = /^(?:clone|clone3|fork|vfork)$/;

/**
 * Bracket rules of the trace itself: I48 syscall-pair, I49 gather-pair, I54 pid-reuse.
 * Source: kernel/entry/common.c syscall tracing; mm/mmu_gather.c tlb_gather_mmu()/tlb_finish_mmu().
 */
export class TraceFamily {
  private readonly court: Court;
  private readonly syscallName: (id: number) => string;
  /** Whether tlb_gather_mmu and tlb_gather_mmu_fullmm were seen. */
  private readonly begins: [boolean, boolean] = [false, false];

  constructor(court: Court, syscallName: (id: number) => string) {
    this.court = court;
    this.syscallName = syscallName;
  }

  /**
   * I54: the next bracket under the tid of an exited task is a new task's. It begins with what only a new one can
   * show: its fork, the child's return of clone(), an entry, a gather. The return of another call is the dead one's.
   */
  tidReused(task: Task, op: Op): void {
    const { ledger } = this.court;
    if (op.kind === OP.FORK) ledger.pass(54, KNOWN.observed);
    else if (op.kind !== OP.SX || CHILD_RETURNS.test(this.syscallName(op.a0)))
      ledger.pass(54, KNOWN.inferred);
    else {
      const name = this.syscallName(op.a0);
      const same = task.exitSyscall === op.a0;
      absent(
        this.court,
        54,
        {
          kinds: [syscallKind(op.a0, false)],
          coverage: this.court.syscalls,
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
    }
  }

  syscallEntered(task: Task, op: Op): void {
    if (task.syscall < 0 || task.key < 0) return;
    if (NO_RETURN.test(this.syscallName(task.syscall))) return;
    absent(
      this.court,
      48,
      {
        kinds: [syscallKind(task.syscall, true)],
        coverage: this.court.syscalls,
        cpu: op.cpu,
        since: task.syscallSeq,
        probe: `the exit event of ${this.syscallName(task.syscall)}`,
      },
      {
        message: `task ${task.key} enters a syscall while its ${this.syscallName(task.syscall)}() has not returned`,
        events: witnesses(w(task.syscallRef, 'entered'), w(op.ref, 'entered again')),
      },
    );
  }

  syscallLeft(task: Task, op: Op): void {
    if (task.key < 0) return;
    const { ledger } = this.court;
    if (task.syscall === op.a0) ledger.pass(48, KNOWN.observed);
    else if (task.syscall >= 0) {
      if (NO_RETURN.test(this.syscallName(task.syscall)) || NO_RETURN.test(this.syscallName(op.a0))) return;
      // Innocent only if both the first call's exit and this one's entry went unseen: one working probe convicts.
      const exitKind = syscallKind(task.syscall, true);
      const exitWorks = this.court.syscalls.firedOn(exitKind, op.cpu);
      absent(
        this.court,
        48,
        {
          kinds: [exitWorks ? exitKind : syscallKind(op.a0, false)],
          coverage: this.court.syscalls,
          cpu: op.cpu,
          since: task.syscallSeq,
          probe: exitWorks
            ? `the exit event of ${this.syscallName(task.syscall)}`
            : `the entry event of ${this.syscallName(op.a0)}`,
        },
        {
          message: `task ${task.key} returns from ${this.syscallName(op.a0)}() but had entered ${this.syscallName(task.syscall)}()`,
          events: witnesses(w(task.syscallRef, 'entered'), w(op.ref, 'returned')),
        },
      );
    } else if (!task.syscallSeen) ledger.censored(48);
    else {
      absent(
        this.court,
        48,
        {
          kinds: [syscallKind(op.a0, false)],
          coverage: this.court.syscalls,
          cpu: op.cpu,
          since: task.syscallSeq,
          probe: `the entry event of ${this.syscallName(op.a0)}`,
        },
        {
          message: `task ${task.key} returns from ${this.syscallName(op.a0)}() without having entered it`,
          events: witnesses(w(task.lastSyscallRef, 'previous syscall event'), w(op.ref, 'returned')),
        },
      );
    }
  }

  gatherBegun(previous: Gather | null, task: Task, op: Op): void {
    this.begins[op.a2 === 1 ? 1 : 0] = true;
    if (!previous || previous.finishing || previous.headless) return;
    absent(
      this.court,
      49,
      { kinds: [OP.GE], cpu: op.cpu, since: previous.gbSeq, probe: 'the tlb_finish_mmu probe' },
      {
        message: `task ${task.key} begins a gather while its previous one is open`,
        events: witnesses(w(previous.gbRef, 'gather begins'), w(op.ref, 'gather begins again')),
      },
    );
  }

  /**
   * A gather begins in one of two functions, and the probe of the right one must work before a missing beginning
   * means anything. Bit 0 of the flags that the finish prints is `fullmm` (struct mmu_gather); unprinted, it takes both.
   */
  private beginsShow(op: Op): boolean {
    if (op.kind === OP.GE && op.a5 === op.a5) return this.begins[op.a5 % 2 === 1 ? 1 : 0];
    return this.begins[0] && this.begins[1];
  }

  gatherEnded(gather: Gather | null, task: Task, op: Op): void {
    const { ledger } = this.court;
    if (!gather || gather.headless) {
      if (!task.gatherSeen || !this.beginsShow(op)) {
        ledger.censored(49);
        return;
      }
      absent(
        this.court,
        49,
        { kinds: [OP.GB], cpu: op.cpu, since: 0, probe: 'the tlb_gather_mmu probe' },
        {
          message: `task ${task.key} finishes a gather that it never began`,
          events: witnesses(w(task.lastGeRef, 'previous gather ends'), w(op.ref, 'gather ends')),
        },
      );
      return;
    }
    const otherMm = gather.mm === gather.mm && op.a1 === op.a1 && gather.mm !== op.a1;
    const otherTlb = gather.tlb === gather.tlb && op.a0 === op.a0 && gather.tlb !== op.a0;
    if (otherMm || otherTlb) {
      ledger.violated(49, {
        message: `a gather ends with ${otherMm ? 'another mm' : 'another mmu_gather'} than it began with`,
        known: KNOWN.observed,
        events: witnesses(w(gather.gbRef, 'gather begins'), w(op.ref, 'gather ends')),
      });
    } else ledger.pass(49, gather.tlb === gather.tlb ? KNOWN.observed : KNOWN.inferred);
  }

  tableOutside(_table: Table, task: Task, op: Op): void {
    if (!task.gatherSeen || !this.beginsShow(op)) {
      this.court.ledger.censored(49);
      return;
    }
    absent(
      this.court,
      49,
      { kinds: [OP.GB], cpu: op.cpu, since: 0, probe: 'the tlb_gather_mmu probe' },
      {
        message: `task ${task.key} hands over a table outside any gather`,
        events: witnesses(w(task.lastGeRef, 'last gather ended'), w(op.ref, 'table handed over')),
      },
    );
  }
}
