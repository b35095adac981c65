import { FUNC, isTableFunc, OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { CONTEXT } from '../../timeline/flags.js';
import { absent, type Evidence, LOSS, lostSince, w, witnesses } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Cpu, Task } from '../state/contexts.js';
import type { Head, Table } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { batchCount } from './batch-count.js';
import { leaked, notReleased, showsItsFrees } from './callback-frees.js';
import { tableName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const removeOnce = rule({
  number: 12,
  name: 'remove-once',
  severity: 'S1',
  statement: 'per life of T: at most one hand-over, exactly one FREE',
  why: 'a second hand-over or release frees a page that belongs to somebody else',
  source: 'mm/memory.c free_pte_range(); mm/mmu_gather.c',
  needs: [PROBES.TR, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'the owner that the first release gave the page to',
  missing: 'an allocation that begins a new life of the page',
  words:
    'In one life a table is handed over once and released once. The second time hits a page that has another owner by then.',
  bugs: ['L37'],
  monitor: (evidence, verdicts) => new RemoveOnce(evidence, verdicts),
});

const BULK =
  'released again at once; whether it was allocated in between is not shown: alloc_pages_bulk() has no tracepoint';

const inSameGather = (table: Table, { gather }: Task): boolean =>
  gather !== null && table.freedByTask && table.freeSeq > gather.gbSeq;

/**
 * alloc_pages_bulk() (vmalloc, kernel stacks, network) has no tracepoint. Its pages are released neither by callbacks of
 * page tables nor by a task that unmaps. Programs, whose clock is exact, show every allocation.
 */
export function releasesTables(
  evidence: Evidence,
  table: Table,
  task: Task,
  cpu: Cpu | null,
  op: Op,
): boolean {
  const inCallback =
    cpu?.callbackTask === task.key &&
    evidence.coverage.shown(OP.CBret) > 0 &&
    (cpu.callback === null || isTableFunc(cpu.callback.func));
  const unmaps = task.gather !== null && op.context === CONTEXT.task;
  return inCallback || unmaps || inSameGather(table, task);
}

class RemoveOnce implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  tableFreed(table: Table, _task: Task, _cpu: Cpu | null, op: Op): void {
    if (table.trSeq === 0) return;
    // Once and only once: another hand-over or release may have been among what was lost.
    if (lostSince(this.evidence, table.trSeq)) this.verdicts.unknown(LOSS, op.ref);
    else this.verdicts.pass(KNOWN.observed);
  }

  tableRemovedTwice(table: Table, op: Op, firstRef: EvidenceRef): void {
    const { evidence, verdicts } = this;
    if (evidence.coverage.shown(OP.FREE) === 0 || table.key < 0) {
      const why = table.key < 0 ? 'the vmemmap base is not known' : 'no kmem:mm_page_free seen so far';
      verdicts.unknown(`handed over again; whether it was released between is not shown (${why})`, op.ref);
      return;
    }
    if (lostSince(evidence, table.trSeq)) {
      verdicts.unknown(LOSS, op.ref);
      return;
    }
    verdicts.violated({
      message: `${tableName(table)} was handed over twice in one life`,
      known: KNOWN.observed,
      assumesAllCpus: true,
      events: witnesses(w(firstRef, 'first hand-over'), w(op.ref, 'second hand-over')),
    });
  }

  tableQueuedAfterFree(table: Table, head: Head, op: Op): void {
    if (lostSince(this.evidence, table.trSeq)) {
      this.verdicts.unknown(LOSS, op.ref);
      return;
    }
    const listed = op.ref !== head.crRef;
    this.verdicts.violated({
      message: `${tableName(table)} ${
        listed
          ? 'was released by a task and again by an RCU callback'
          : 'was released by its task, then handed to call_rcu(), which releases it again'
      }`,
      known: KNOWN.observed,
      missing: 'its release by the callback only',
      before: table.freeRef,
      events: witnesses(
        w(table.trRef, 'handed over'),
        w(table.freeRef, 'released'),
        w(head.crRef, listed ? 'call_rcu' : 'call_rcu on its head'),
        w(listed ? op.ref : -1, 'callback lists it'),
      ),
    });
  }

  tableFreedTwice(table: Table, task: Task, cpu: Cpu | null, op: Op): void {
    const { evidence, verdicts } = this;
    // In one run of releases of one callback the page cannot have become anything else: it frees its list only.
    const head = table.head;
    const batch = head !== null && head.func === FUNC.tlb_remove_table_rcu && cpu?.callback === head;
    const atOnce = cpu !== null && cpu.freeRunSeq > 0 && table.freeSeq >= cpu.freeRunSeq;
    const events = witnesses(w(table.freeRef, 'first release'), w(op.ref, 'second release'));
    if (batch && atOnce && table.freeSeq >= head.cbSeq) {
      const message = `${tableName(table)} was released twice by one callback`;
      verdicts.violated({ message, known: KNOWN.observed, events });
      return;
    }
    if (table.trSeq === 0) return;
    const sameGather = inSameGather(table, task);
    if (evidence.coverage.shown(OP.ALLOC) === 0) {
      // The page may have been anything in between; so close together that is worth saying.
      if (sameGather || cpu?.lastSeq === table.freeSeq) {
        verdicts.unknown(
          'released again at once; whether it was allocated between is not shown: needs kmem:mm_page_alloc',
          op.ref,
        );
      }
      return;
    }
    if (!evidence.exactClock && !releasesTables(evidence, table, task, cpu, op)) {
      if (cpu?.lastSeq === table.freeSeq) verdicts.unknown(BULK, op.ref);
      return;
    }
    if (lostSince(evidence, table.freeSeq)) {
      verdicts.unknown(LOSS, op.ref);
      return;
    }
    absent(
      evidence,
      verdicts,
      { kinds: [OP.ALLOC], cpu: op.cpu, since: table.freeSeq, probe: 'kmem:mm_page_alloc' },
      { message: `${tableName(table)} was released twice`, assumesAllCpus: true, events },
    );
  }

  callbackRan(head: Head, _cpu: Cpu | null, op: Op): void {
    if (isTableFunc(head.func)) this.callbackFunc(head, op);
  }

  /** The other half of it: what a callback was given to release is released by the time it is over. */
  callbackOver(head: Head, cpu: Cpu, op: Op): void {
    if (!showsItsFrees(head)) return;
    for (const key of notReleased(this.evidence, head)) {
      leaked(this.evidence, this.verdicts, head, key, cpu, op);
    }
  }

  /** By its count the callback releases tables that the task has released already. */
  callbackFunc(head: Head, op: Op): void {
    if (batchCount(this.evidence, head, op) !== 'still-listed') return;
    for (const table of head.released) {
      this.verdicts.revoke(KNOWN.observed);
      this.verdicts.violated({
        message: `${tableName(table)} was released by a task while it stood in the batch that an RCU callback releases`,
        known: KNOWN.observed,
        assumesAllCpus: true,
        held: ['struct mmu_table_batch: a pointer to the released table'],
        missing: 'its release by the callback only',
        before: table.freeRef,
        events: witnesses(
          w(table.trRef, 'handed over'),
          w(table.freeRef, 'released by the task'),
          w(head.crRef, 'call_rcu'),
          w(op.ref, 'callback releases all'),
        ),
      });
    }
  }
}
