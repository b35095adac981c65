import { FUNC, OP, type Op } from '../../kernel/ops.js';
import { type Cpu, type Head, LIFE } from '../state.js';
import { absent, type Court, instanceOf, w, witnesses } from './court.js';
import { levelName, pageName } from './table-life.js';

/**
 * I12 remove-once, the other half of it: what a callback was given to release is released by the time it is over. Source:
 * mm/mmu_gather.c tlb_remove_table_rcu(): __tlb_remove_table() for each of `nr`, then the batch page.
 */
export class CallbackFrees {
  private readonly court: Court;

  constructor(court: Court) {
    this.court = court;
  }

  over(head: Head, cpu: Cpu, op: Op): void {
    // Without the callback's own probe the frees themselves tell when it ran.
    if (head.ran !== 1 || head.stale) return;
    const left = this.left(head);
    if (left.length > 0) {
      for (const key of left) this.leaked(head, key, cpu, op);
      return;
    }
    this.counted(head, cpu, op);
  }

  /** Tables that it had to release and did not. */
  private left(head: Head): number[] {
    const { tables } = this.court.state;
    const wanted = new Set<number>();
    if (head.tablesKnown)
      for (const t of head.tables) if (t.life === LIFE.rcu && t.key >= 0) wanted.add(t.key);
    for (const key of head.listed) if (key >= 0) wanted.add(key);
    for (const key of head.frees) wanted.delete(key);
    // Released elsewhere, or in another life already: judged by other rules.
    return [...wanted].filter((key) => {
      const table = tables.get(key);
      return table === undefined || (table.head === head && table.life === LIFE.rcu);
    });
  }

  private leaked(head: Head, key: number, cpu: Cpu, op: Op): void {
    const { state } = this.court;
    const table = state.tables.get(key);
    const name = table ? `${levelName(table)} table ${pageName(key)}` : `table ${pageName(key)}`;
    const shown = (): boolean => {
      const now = state.tables.get(key);
      return now === undefined ? table === undefined : now.life === LIFE.rcu && now.head === head;
    };
    absent(
      this.court,
      12,
      {
        kinds: [OP.FREE],
        cpu: cpu.id,
        since: head.cbSeq,
        probe: 'kmem:mm_page_free',
        instance: instanceOf(op),
        still: shown,
      },
      {
        assumesAllCpus: false,
        message: `${name} was not released by the RCU callback that it was queued for`,
        held: [`${name}: unlinked and queued, and now nobody's`],
        missing: 'its release by the callback',
        before: op.ref,
        events: witnesses(
          w(table?.trRef ?? -1, 'handed over'),
          w(head.crRef, 'call_rcu'),
          w(head.cbRef, 'callback begins'),
          w(op.ref, 'callback is over'),
        ),
      },
    );
  }

  /** Where the tables have no names that can be compared, their number is left. */
  private counted(head: Head, cpu: Cpu, op: Op): void {
    if (head.func !== FUNC.tlb_remove_table_rcu || !(head.nr > 0) || head.listed.some((key) => key >= 0))
      return;
    if (head.tablesKnown && head.tables.every((t) => t.key >= 0)) return;
    const missing = head.nr - head.frees.length;
    if (missing <= 0) return;
    absent(
      this.court,
      8,
      {
        kinds: [OP.FREE],
        cpu: cpu.id,
        since: head.cbSeq,
        probe: 'kmem:mm_page_free',
        instance: instanceOf(op),
      },
      {
        assumesAllCpus: false,
        message: `the callback was to release ${head.nr} tables, but released ${head.frees.length} pages`,
        before: op.ref,
        events: witnesses(
          w(head.crRef, 'call_rcu'),
          w(head.cbRef, 'callback begins'),
          w(op.ref, 'callback is over'),
        ),
      },
    );
  }
}
