import { OP, READER } from '../../kernel/ops.js';
import { SINGLE_SYNC_IPI } from '../../kernel/variant-sets.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { LOSS, lostSince, w, witnesses } from '../evidence.js';
import type { Reader } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import type { MechPage } from '../state/mech.js';
import type { Table } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { pageName, tableName } from './names.js';
import { PROBES } from './probes.js';
import { ReclaimCalls } from './reclaim-call.js';
import { rule } from './rule.js';

export const ipiNotRcu = rule({
  number: 6,
  name: 'ipi-not-rcu',
  severity: 'S1',
  statement:
    'FREE(T) that only an IPI or a flush precedes ⇒ no walker under rcu_read_lock() can reach T: its locks keep it out',
  why: 'the IPI waits for CPUs with interrupts off; a walker in pte_offset_map() has them on and is not waited for',
  source: 'mm/mmu_gather.c tlb_remove_table_sync_one(); commit 718b13861d22',
  needs: [PROBES.FREE],
  idle: 'no table was released after an IPI alone',
  variants: SINGLE_SYNC_IPI,
  held: 'walkers under rcu_read_lock(): no IPI waits for them',
  missing: 'call_rcu() and its callback, or synchronize_rcu()',
  words:
    'There are two ways to wait for lockless walkers. Sending an interrupt to every CPU waits for walkers that have interrupts off, because they answer only when they are done. Walkers under rcu_read_lock() have interrupts on: they answer and go on walking. So a table that such walkers can reach must wait for a grace period; an interrupt is not enough. This is why the series exists.',
  bugs: ['L27'],
  monitor: (evidence, verdicts) => {
    const calls = new ReclaimCalls();
    return {
      /** An IPI waits for walkers with interrupts off, never for those under rcu_read_lock(). */
      released(page, reused, _task, op) {
        const { state } = evidence;
        const table = state.tables.get(page.key);
        if (reused || !table || !page.everLinked || table.head || state.mech.gp.seq > page.ul.seq) return;
        const sync = state.mech.sync;
        const byIpi = sync.seq > page.ul.seq && page.ul.seq > 0;
        const reader = rcuReader(state, page);
        const events = witnesses(
          w(reader?.ref ?? -1, 'rcu_read_lock() walker begins'),
          w(page.emptied, 'taken for empty'),
          w(page.ul.ref, 'unlinked'),
          w(byIpi ? sync.ref : -1, 'IPI to all CPUs returned'),
          w(op.ref, 'released'),
        );
        const name = `table ${pageName(page.key)}`;
        if (byIpi && reader) {
          verdicts.violated({
            message: `${name} was released after an IPI only, under a walker that only a grace period waits for`,
            known: KNOWN.observed,
            held: [`CPU ${reader.cpu}: a walker under rcu_read_lock() on ${name}`],
            events,
          });
        } else if (page.emptied >= 0) {
          verdicts.violated({
            message: `${name} was reclaimed and released without a grace period: its walkers hold only rcu_read_lock()`,
            known: KNOWN.observed,
            events,
          });
        } else if (byIpi) {
          // Rests on no walker having been seen.
          if (state.lossSeq > 0) verdicts.unknown(LOSS, op.ref);
          else verdicts.passUnseen(KNOWN.absence, op.ref, { kinds: [OP.RB, OP.RE, OP.GUP, OP.MAP, OP.MAPR] });
        }
      },

      tableRemoved: (table, _gather, task) => calls.handedOver(table, task),
      syscallEntered: (task) => calls.entered(task),
      syscallLeft: (task, op) => calls.left(task, op),
      end: () => calls.end(),

      /** Where the free path shows in a gather: munmap and exit keep RCU walkers out by their locks. */
      tableFreed(table, _task, _cpu, { ref }) {
        if (table.head || !table.freedByTask) return;
        const free = {
          table,
          ref,
          waited: evidence.state.mech.gp.seq > table.trSeq,
          lost: lostSince(evidence, table.trSeq),
        };
        if (table.reclaimRef < 0 || table.trSeq === 0) otherwise(table, verdicts);
        else
          calls.whenKnown(table, (reclaimed) => {
            if (reclaimed) reclaimedAtOnce(verdicts, free);
            else otherwise(table, verdicts);
          });
      },
    };
  },
});

function otherwise(table: Table, verdicts: Verdicts): void {
  if (table.sync) verdicts.pass(KNOWN.inferred);
}

/** A table released by the task that handed it over. */
interface DirectFree {
  readonly table: Table;
  readonly ref: EvidenceRef;
  /** A grace period lay between. */
  readonly waited: boolean;
  readonly lost: boolean;
}

function rcuReader(state: MachineState, page: MechPage): Reader | undefined {
  for (const r of state.readersOfTable.get(page.key) ?? []) {
    if (r.kind === READER.rcu && r.seq < page.ul.seq) return r;
  }
  return undefined;
}

/**
 * mm/pt_reclaim.c (mm/memory.c since 7.2): a table reclaimed by MADV_DONTNEED may be walked by page faults and rmap under
 * rcu_read_lock() alone (___pte_offset_map()), so every kernel that reclaims frees it by RCU.
 */
function reclaimedAtOnce(verdicts: Verdicts, { table, ref, waited, lost }: DirectFree): void {
  if (waited) {
    verdicts.pass(KNOWN.inferred);
    return;
  }
  if (lost) {
    verdicts.unknown(LOSS, ref);
    return;
  }
  const how = table.sync ? 'after an IPI to all CPUs only' : 'by the task itself';
  verdicts.violated({
    message: `${tableName(table)} was reclaimed and released ${how}: its walkers under rcu_read_lock() are not waited for`,
    known: KNOWN.observed,
    assumesAllCpus: true,
    held: ['walkers under rcu_read_lock() (pte_offset_map), which no IPI waits for'],
    missing: 'call_rcu() and a grace period',
    before: ref,
    events: witnesses(
      w(table.reclaimRef, 'unlinked by reclaim'),
      w(table.trRef, 'handed over'),
      w(table.flush?.fdRef ?? -1, 'flush done'),
      w(table.sync?.ref ?? -1, 'IPI to all CPUs'),
      w(ref, 'released'),
    ),
  });
}
