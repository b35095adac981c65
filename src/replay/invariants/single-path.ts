import { OP, type Op } from '../../kernel/ops.js';
import {
  SINGLE_BY_CALL_RCU,
  SINGLE_BY_FREE,
  SINGLE_SYNC_IPI,
  SINGLE_SYNC_RCU,
} from '../../kernel/variant-sets.js';
import { ALL_VARIANTS, type VariantMask } from '../../kernel/variants.js';
import { type Complaint, KNOWN } from '../ledger.js';
import type { Table } from '../state.js';
import { absent, CLOCK, type Court, instanceOf, LOSS, provenAbsent, w, witnesses } from './court.js';

/** Fallback of a failed batch allocation, per variant (kernel-semantics §1.3). */
const CALL_RCU_ALONE = SINGLE_BY_CALL_RCU & ~SINGLE_SYNC_IPI & ~SINGLE_SYNC_RCU;
const SYNC_THEN_CALL_RCU = SINGLE_BY_CALL_RCU & SINGLE_SYNC_IPI;
const SYNC_THEN_FREE = SINGLE_BY_FREE & SINGLE_SYNC_IPI;
const GP_THEN_FREE = SINGLE_BY_FREE & SINGLE_SYNC_RCU;

const SYNC1 = 'tlb_remove_table_sync_one(): an IPI to all CPUs, answered';

type Words = Partial<Pick<Complaint, 'message' | 'held' | 'missing'>>;
const RCU_WALKERS = ['walkers under rcu_read_lock() (pte_offset_map), which no IPI waits for'];
const inside = (candidates: VariantMask, set: VariantMask): boolean =>
  (candidates & ~set & ALL_VARIANTS) === 0;

/** What the fallback of the recorded kernel puts before the release of a single table. */
function freedAtOnce(candidates: VariantMask): Words {
  const before = 'a single table was released by the task itself';
  if (inside(candidates, SYNC_THEN_FREE)) {
    return { message: `${before} without the SYNC1 broadcast that must come first`, missing: SYNC1 };
  }
  if (inside(candidates, CALL_RCU_ALONE | SYNC_THEN_CALL_RCU)) {
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
  if (!inside(candidates, CALL_RCU_ALONE | SYNC_THEN_CALL_RCU)) return {};
  const message =
    'a single table was released after an IPI to all CPUs: this kernel hands it to call_rcu(), which waits for a grace period';
  return { message, held: RCU_WALKERS, missing: 'call_rcu() and a grace period' };
}

/**
 * I07 single-path-shape: what a table that found no room in a batch goes through before it is free. Source:
 * mm/mmu_gather.c tlb_remove_table_one(), of each variant.
 */
export class SinglePathShape {
  private readonly court: Court;

  constructor(court: Court) {
    this.court = court;
  }

  /** I07, fallback that ends in call_rcu: B sends a SYNC1 broadcast first, C and later do not. */
  callRcu(table: Table, op: Op): void {
    const { ledger } = this.court;
    const flush = table.flush!;
    const sync = table.sync;
    const events = witnesses(
      w(table.appRef >= 0 ? table.appRef : table.trRef, 'handed over'),
      w(flush.frRef, 'flush begins'),
      w(flush.fdRef, 'flush done'),
      w(sync?.ref ?? -1, 'SYNC1 sent'),
      w(op.ref, 'call_rcu'),
    );
    if (sync) {
      ledger.masked(7, ALL_VARIANTS & ~SYNC_THEN_CALL_RCU, SYNC_THEN_CALL_RCU, KNOWN.observed, () => ({
        message: 'a single table went to call_rcu after a SYNC1 broadcast that this kernel does not need',
        severity: 'S3',
        known: KNOWN.observed,
        events,
      }));
      return;
    }
    this.withoutSync(table, op, (at) =>
      ledger.masked(
        7,
        ALL_VARIANTS & ~CALL_RCU_ALONE,
        CALL_RCU_ALONE,
        KNOWN.absence,
        () => ({
          message: 'a single table went to call_rcu without the SYNC1 broadcast of this kernel',
          severity: 'S3',
          known: KNOWN.absence,
          assumesAllCpus: true,
          missing: SYNC1,
          events,
        }),
        at,
      ),
    );
  }

  /** I07, fallback that ends in a free by the task: SYNC1 (A2 and alike) or a grace period (En, Fn) comes first. */
  syncFree(table: Table, op: Op): void {
    const { ledger } = this.court;
    const flush = table.flush;
    if (!flush) return;
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
        absent(
          this.court,
          7,
          {
            kinds: [OP.IX],
            cpu: running.cpu,
            since: sync.seq,
            probe: 'csd:csd_function_exit',
            instance: instanceOf(op),
            doubt: () => (running.inverted ? CLOCK : null),
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
      ledger.masked(7, ALL_VARIANTS & ~SYNC_THEN_FREE, SYNC_THEN_FREE, KNOWN.observed, () => ({
        message: 'a single table was released right after SYNC1, which this kernel does not do',
        severity: 'S1',
        known: KNOWN.observed,
        words: afterIpi,
        events,
      }));
      return;
    }
    this.withoutSync(table, op, (at) =>
      ledger.masked(
        7,
        ALL_VARIANTS & ~GP_THEN_FREE,
        0,
        KNOWN.absence,
        () => ({
          message: 'a single table was released by the task without the SYNC1 broadcast that must come first',
          severity: 'S1',
          known: KNOWN.absence,
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
    const at = this.court.ledger.now;
    provenAbsent(
      this.court,
      { kinds: [OP.IS], cpu: op.cpu, since: table.trSeq, probe: 'SYNC1' },
      () => proven(at),
      (why) => this.court.ledger.unknown(7, why === LOSS ? LOSS : `${why} (needs csd:csd_queue_cpu)`, op.ref),
    );
  }
}
