import { GATHER } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import { isKnown } from '../../timeline/is-known.js';
import { absent, type Evidence, LOSS, lostSince, w, witnesses } from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import type { Task } from '../state/contexts.js';
import type { Gather, Table } from '../state/table-life.js';
import { KNOWN, type Witness } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { AfterGather } from './after-gather.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const gatherPair = rule({
  number: 49,
  name: 'gather-pair',
  severity: 'S3',
  statement:
    'tlb_gather_mmu and tlb_finish_mmu nest per task with the same mm; no table is handed over outside',
  why: 'mm->tlb_flush_pending and the flush range live in the gather',
  source: 'mm/mmu_gather.c',
  needs: [PROBES.GE],
  idle: 'no gather was finished',
  held: 'the task: struct mmu_gather on its stack',
  missing: 'the other event of the pair',
  words:
    'Tables are collected between tlb_gather_mmu() and tlb_finish_mmu() of the same task and the same process; no table is handed over outside.',
  bugs: [],
  instead: 'mm->tlb_flush_pending would lose count, see L15.',
  monitor: (evidence, verdicts) => new GatherPair(evidence, verdicts),
});

/** Gathers nest (mm/hugetlb.c), so later ones further down the stack do not show that it is over. */
const NEVER_ENDS = 'a gather is not seen to end: those that follow it may be nested in it';

/** mm/mmu_gather.c tlb_gather_mmu_vma() sets vma_huge, which stays set: hugetlb alone begins its gathers there. */
const VMA_HUGE = 0x300;
const VMA_UNSEEN =
  'a gather that is not seen to begin may be one of hugetlb: needs a probe on tlb_gather_mmu_vma, where the kernel has it';

class GatherPair implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly late: AfterGather;
  /** Whether tlb_gather_mmu and tlb_gather_mmu_fullmm were seen. */
  private readonly begins: [boolean, boolean] = [false, false];
  /** … and tlb_gather_mmu_vma. */
  private vmaBegins = false;
  /** Open gathers with another inside that has ended. */
  private readonly around = new Set<Gather>();

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
    this.late = new AfterGather(evidence, verdicts);
  }

  readonly on: OpListeners = {
    [OP.EXITMM]: (op, task) => this.late.outside(task, op),
    [OP.EXIT]: (op, task) => this.late.outside(task, op),
  };

  gatherBegun(_gather: Gather, task: Task, op: Op): void {
    this.late.outside(task, op);
    if (GATHER.ofVma(op)) this.vmaBegins = true;
    else this.begins[GATHER.fullMm(op) === 1 ? 1 : 0] = true;
  }

  /** Gathers lie on the stack, so one whose frame is in use again, or whose call has returned, is over. */
  gatherLeft(gather: Gather, task: Task, op: Op): void {
    if (gather.headless) return;
    const [what, role] =
      op.kind === OP.GB
        ? ['begins a gather while its previous one is open', 'gather begins again']
        : op.kind === OP.GE
          ? ['finishes a gather while one that is nested in it is open', 'gather ends']
          : ['returns to user space with a gather open', 'returned'];
    absent(
      this.evidence,
      this.verdicts,
      { kinds: [OP.GE], cpu: op.cpu, since: gather.gbSeq, probe: 'the tlb_finish_mmu probe' },
      {
        message: `task ${task.key} ${what}`,
        events: witnesses(w(gather.gbRef, 'gather begins'), w(op.ref, role)),
      },
    );
  }

  gatherEnded(gather: Gather | null, task: Task, op: Op): void {
    this.late.finished(gather, task, op);
    for (const outer of task.outer) if (!outer.headless) this.around.add(outer);
    if (!gather || gather.headless) {
      const message = `task ${task.key} finishes a gather that it never began`;
      this.neverBegun(task, op, message, w(task.lastGeRef, 'previous gather ends'), 'gather ends');
      return;
    }
    const otherMm = isKnown(gather.mm) && isKnown(GATHER.mm(op)) && gather.mm !== GATHER.mm(op);
    const otherTlb = isKnown(gather.tlb) && isKnown(GATHER.tlb(op)) && gather.tlb !== GATHER.tlb(op);
    const finding = {
      message: `a gather ends with ${otherMm ? 'another mm' : 'another mmu_gather'} than it began with`,
      events: witnesses(w(gather.gbRef, 'gather begins'), w(op.ref, 'gather ends')),
    };
    if (otherTlb && this.mayBeOfVma(op)) this.verdicts.unknown(VMA_UNSEEN, op.ref);
    else if (otherTlb) {
      // Gathers nest: the beginning of this one may not have been seen.
      const probe = 'the tlb_gather_mmu probe';
      const absence = { kinds: [OP.GB], cpu: op.cpu, since: gather.gbSeq, probe };
      absent(this.evidence, this.verdicts, absence, finding);
    } else if (otherMm && lostSince(this.evidence, gather.gbSeq)) this.verdicts.unknown(LOSS, op.ref);
    else if (otherMm) this.verdicts.violated({ ...finding, known: KNOWN.observed });
    else this.verdicts.pass(isKnown(gather.tlb) ? KNOWN.observed : KNOWN.inferred);
  }

  gatherOver(gather: Gather): void {
    this.around.delete(gather);
  }

  end(): void {
    for (const gather of this.around) {
      this.verdicts.unknown(lostSince(this.evidence, gather.gbSeq) ? LOSS : NEVER_ENDS, gather.gbRef);
    }
    this.around.clear();
    this.late.end();
  }

  tableAfterGather(table: Table, task: Task, op: Op): void {
    this.late.handedOver(table, task, op);
  }

  syscallEntered(task: Task, op: Op): void {
    this.late.outside(task, op);
  }

  syscallLeft(task: Task, op: Op): void {
    this.late.outside(task, op);
  }

  tableRemoved(_table: Table, gather: Gather | null, task: Task, op: Op): void {
    // pte_free_defer() is called outside any gather.
    if (gather || op.kind === OP.DEFER) return;
    const message = `task ${task.key} hands over a table outside any gather`;
    this.neverBegun(task, op, message, w(task.lastGeRef, 'last gather ended'), 'table handed over');
  }

  private neverBegun(task: Task, op: Op, message: string, before: Witness, role: string): void {
    if (!task.gatherSeen || !this.beginsShow(op)) {
      this.verdicts.censored();
      return;
    }
    if (this.mayBeOfVma(op)) {
      this.verdicts.unknown(VMA_UNSEEN, op.ref);
      return;
    }
    absent(
      this.evidence,
      this.verdicts,
      { kinds: [OP.GB], cpu: op.cpu, since: 0, probe: 'the tlb_gather_mmu probe' },
      { message, events: witnesses(before, w(op.ref, role)) },
    );
  }

  /**
   * A gather begins in one of two functions, and the probe of the right one must work before a missing beginning
   * means anything. Bit 0 of the flags that the finish prints is `fullmm` (struct mmu_gather); unprinted, it takes both.
   */
  private beginsShow(op: Op): boolean {
    if (op.kind === OP.GE && isKnown(GATHER.flags(op)))
      return this.begins[GATHER.flags(op) % 2 === 1 ? 1 : 0];
    return this.begins[0] && this.begins[1];
  }

  /** No table is handed over in a gather of hugetlb, so only its end can tell of it. Unprinted flags may have been any. */
  private mayBeOfVma(op: Op): boolean {
    if (op.kind !== OP.GE || this.vmaBegins) return false;
    const flags = GATHER.flags(op);
    return !isKnown(flags) || (flags & VMA_HUGE) !== 0;
  }
}
