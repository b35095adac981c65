import { FUNC, OP, type Op } from '../../kernel/ops.js';
import {
  BATCHES,
  SINGLE_BY_CALL_RCU,
  SINGLE_BY_FREE,
  SINGLE_SYNC_IPI,
  SINGLE_SYNC_RCU,
} from '../../kernel/variant-sets.js';
import { ALL_VARIANTS, type VariantMask } from '../../kernel/variants.js';
import { CONTEXT } from '../../timeline/flags.js';
import type { Rests } from '../doubts/doubtful.js';
import {
  absent,
  CLOCK,
  type Evidence,
  explainedBySkew,
  instanceOf,
  LOSS,
  provenAbsent,
  w,
  witnesses,
} from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Cpu, Task } from '../state/contexts.js';
import type { Flush, Gather, Head, Table } from '../state/table-life.js';
import { KNOWN, type Violation } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';
import { unflushed } from './unflushed.js';

export const singlePathShape = rule({
  number: 7,
  name: 'single-path-shape',
  severity: 'S1',
  statement:
    'batch allocation failed, per table: A2/Dn FR,FD,SYNC1,FREE · B FR,FD,SYNC1,CR · C/D/E FR,FD,CR · En FR,FD,GP,FREE',
  why: 'the fallback has no batch to hide in: each step it skips is a window for a walker',
  source: 'mm/mmu_gather.c tlb_remove_table(), tlb_remove_table_one(); commit 718b13861d22',
  needs: [PROBES.TR, PROBES.FR, PROBES.FD],
  idle: 'the fallback for a failed batch allocation was never taken',
  variants: BATCHES,
  held: 'walkers and caches that the skipped step waits for',
  missing: 'the step that the fallback of this kernel prescribes',
  words:
    'When there is no memory for a batch page, tables are freed one at a time, and what then happens step by step depends on the kernel. This rule compares each of them with the steps of the kernel the recording comes from: a missing flush or a missing wait is dangerous, an additional interrupt only costs time.',
  bugs: ['L03', 'L27'],
  monitor: (evidence, verdicts) => new SinglePathShape(evidence, verdicts),
});

/** Ends of the fallback, by what comes before them. */
const CALL_RCU_ALONE = SINGLE_BY_CALL_RCU & ~SINGLE_SYNC_IPI & ~SINGLE_SYNC_RCU;
const SYNC_THEN_CALL_RCU = SINGLE_BY_CALL_RCU & SINGLE_SYNC_IPI;
const SYNC_THEN_FREE = SINGLE_BY_FREE & SINGLE_SYNC_IPI;
const GP_THEN_FREE = SINGLE_BY_FREE & SINGLE_SYNC_RCU;
const GP_THEN_CALL_RCU = SINGLE_BY_CALL_RCU & SINGLE_SYNC_RCU;
const BY_CALL_RCU = CALL_RCU_ALONE | SYNC_THEN_CALL_RCU | GP_THEN_CALL_RCU;

const SYNC1 = 'tlb_remove_table_sync_one(): an IPI to all CPUs, answered';

/** What a verdict rests on not having happened. */
const SHOWN: Rests = { kinds: [] };
const UNSENT: Rests = { kinds: [OP.IS] };

type Words = Partial<Pick<Violation, 'message' | 'held' | 'missing'>>;
const RCU_WALKERS = ['walkers under rcu_read_lock() (pte_offset_map), which no IPI waits for'];
const inside = (candidates: VariantMask, set: VariantMask): boolean =>
  (candidates & ~set & ALL_VARIANTS) === 0;

/** What the fallback of the recorded kernel puts before the release of a single table. */
function freedAtOnce(candidates: VariantMask): Words {
  const before = 'a single table was released by the task itself';
  if (inside(candidates, SYNC_THEN_FREE)) {
    return { message: `${before} without the SYNC1 broadcast that must come first`, missing: SYNC1 };
  }
  if (inside(candidates, BY_CALL_RCU)) {
    const message = `${before}: this kernel hands it to call_rcu(), which waits for a grace period`;
    return { message, held: RCU_WALKERS, missing: 'call_rcu() and a grace period' };
  }
  if (inside(candidates, GP_THEN_FREE)) {
    const message = `${before} without the synchronize_rcu() that must come first`;
    return { message, held: RCU_WALKERS, missing: 'synchronize_rcu(): a grace period' };
  }
  const message = `${before}, and nothing that waits for its walkers came first`;
  return { message, missing: 'what this kernel waits for: an IPI to all CPUs, or a grace period' };
}

function afterIpi(candidates: VariantMask): Words {
  if (!inside(candidates, BY_CALL_RCU)) return {};
  const message =
    'a single table was released after an IPI to all CPUs: this kernel hands it to call_rcu(), which waits for a grace period';
  return { message, held: RCU_WALKERS, missing: 'call_rcu() and a grace period' };
}

/**
 * What a table that found no room in a batch goes through before it is free. Source: mm/mmu_gather.c
 * tlb_remove_table_one(), of each variant.
 */
class SinglePathShape implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  queued(head: Head, _gather: Gather | null, _task: Task, op: Op): void {
    if (head.func !== FUNC.__tlb_remove_table_one_rcu) return;
    for (const table of head.tables) {
      if (table.flush) this.callRcu(table, table.flush, op);
      else if (table.trSeq > 0 && !table.leafFlush) {
        unflushed(this.evidence, this.verdicts, table, op, 'queued to RCU', 'call_rcu');
      }
    }
  }

  tableFreed(table: Table, _task: Task, _cpu: Cpu | null, op: Op): void {
    if (table.trSeq === 0 || table.head !== null || table.appRef < 0 || !table.freedByTask) return;
    if (table.flush) this.syncFree(table, table.flush, op);
  }

  /** Fallback that ends in call_rcu: alone, after a SYNC1 broadcast, or after a grace period. */
  private callRcu(table: Table, flush: Flush, op: Op): void {
    const { verdicts } = this;
    const sync = table.sync;
    const events = witnesses(
      w(table.appRef >= 0 ? table.appRef : table.trRef, 'handed over'),
      w(flush.frRef, 'flush begins'),
      w(flush.fdRef, 'flush done'),
      w(sync?.ref ?? -1, 'SYNC1 sent'),
      w(op.ref, 'call_rcu'),
    );
    if (sync) {
      verdicts.masked(ALL_VARIANTS & ~SYNC_THEN_CALL_RCU, SYNC_THEN_CALL_RCU, KNOWN.observed, () => ({
        message: 'a single table went to call_rcu after a SYNC1 broadcast that this kernel does not need',
        severity: 'S3',
        known: KNOWN.observed,
        rests: SHOWN,
        events,
      }));
      return;
    }
    if (table.gpWait) {
      verdicts.masked(ALL_VARIANTS & ~GP_THEN_CALL_RCU, GP_THEN_CALL_RCU, KNOWN.observed, () => ({
        message: 'a single table went to call_rcu after a grace period that this kernel does not wait for',
        severity: 'S3',
        known: KNOWN.observed,
        rests: SHOWN,
        events,
      }));
      return;
    }
    this.withoutSync(table, op, (at) =>
      verdicts.masked(
        // Where a grace period comes first, its probe may be missing: nothing is said.
        ALL_VARIANTS & ~CALL_RCU_ALONE & ~GP_THEN_CALL_RCU,
        CALL_RCU_ALONE,
        KNOWN.absence,
        () => ({
          message: 'a single table went to call_rcu without the SYNC1 broadcast of this kernel',
          severity: 'S3',
          known: KNOWN.absence,
          rests: UNSENT,
          assumesAllCpus: true,
          missing: SYNC1,
          events,
        }),
        at,
      ),
    );
  }

  /** Fallback that ends in a free by the task: SYNC1 (A2 and alike) or a grace period (En, Fn) comes first. */
  private syncFree(table: Table, flush: Flush, op: Op): void {
    const { evidence, verdicts } = this;
    const sync = table.sync;
    const events = witnesses(
      w(table.appRef, 'handed over'),
      w(flush.frRef, 'flush begins'),
      w(flush.fdRef, 'flush done'),
      w(sync?.ref ?? -1, 'SYNC1 sent'),
      w(op.ref, 'released'),
    );
    if (sync) {
      const running = sync.targets.find((t) => t.ixRef < 0);
      if (running) {
        const freed = instanceOf(op);
        absent(
          evidence,
          verdicts,
          {
            kinds: [OP.IX],
            cpu: running.cpu,
            since: sync.seq,
            probe: 'csd:csd_function_exit',
            instance: freed,
            doubt: () =>
              running.inverted || explainedBySkew(evidence, freed.tsNs, freed.cpu, running.ixTs, running.cpu)
                ? CLOCK
                : null,
          },
          {
            message: `the table was released before CPU ${running.cpu} had answered SYNC1`,
            severity: 'S1',
            held: [`CPU ${running.cpu}: perhaps a GUP-fast walk with interrupts off`],
            missing: `the answer of CPU ${running.cpu} to the IPI`,
            events,
          },
        );
        return;
      }
      verdicts.masked(ALL_VARIANTS & ~SYNC_THEN_FREE, SYNC_THEN_FREE, KNOWN.observed, () => ({
        message: 'a single table was released right after SYNC1, which this kernel does not do',
        severity: 'S1',
        known: KNOWN.observed,
        rests: SHOWN,
        words: afterIpi,
        events,
      }));
      return;
    }
    this.withoutSync(table, op, (at) =>
      verdicts.masked(
        ALL_VARIANTS & ~GP_THEN_FREE,
        0,
        KNOWN.absence,
        () => ({
          message: 'a single table was released by the task without the SYNC1 broadcast that must come first',
          severity: 'S1',
          known: KNOWN.absence,
          rests: UNSENT,
          assumesAllCpus: true,
          held: ['GUP-fast walkers with interrupts off'],
          missing: SYNC1,
          words: freedAtOnce,
          events,
        }),
        at,
      ),
    );
  }

  private withoutSync(table: Table, op: Op, proven: (at: number) => void): void {
    const at = this.evidence.ledger.now;
    // Without a flags column an RCU callback, which interrupts the task, looks like it: one that shows no call_rcu() at all.
    const kinds = op.kind === OP.FREE && op.context === CONTEXT.unknown ? [OP.IS, OP.CR] : [OP.IS];
    provenAbsent(
      this.evidence,
      { kinds, cpu: op.cpu, since: table.trSeq, probe: 'SYNC1' },
      () => proven(at),
      (why) => this.verdicts.unknown(why === LOSS ? LOSS : `${why} (needs csd:csd_queue_cpu)`, op.ref),
    );
  }
}
