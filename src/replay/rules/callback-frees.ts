import { FUNC, OP, type Op } from '../../kernel/ops.js';
import { absent, type Evidence, instanceOf, w, witnesses } from '../evidence.js';
import type { Cpu } from '../state/contexts.js';
import { type Head, LIFE } from '../state/table-life.js';
import type { Violation } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { levelName, pageName } from './names.js';

// What a callback was given to release is released by the time it is over. Source: mm/mmu_gather.c
// tlb_remove_table_rcu(): __tlb_remove_table() for each of `nr`, then the batch page.

/** Without the callback's own probe the frees themselves tell when it ran. */
export const showsItsFrees = (head: Head): boolean => head.ran === 1 && !head.stale;

/** Tables, by key, that it had to release and did not. */
export function notReleased(evidence: Evidence, head: Head): number[] {
  const { tables } = evidence.state;
  // Released elsewhere, or in another life already: judged by other rules.
  const pending = (key: number): boolean => {
    if (key < 0) return false;
    const table = tables.get(key);
    return table === undefined || (table.head === head && table.life === LIFE.rcu);
  };
  const left: number[] = [];
  if (head.tablesKnown)
    for (const t of head.tables) if (t.life === LIFE.rcu && pending(t.key)) left.push(t.key);
  for (const key of head.listed) if (pending(key)) left.push(key);
  if (left.length === 0) return left;
  const released = new Set(head.frees);
  return [...new Set(left)].filter((key) => !released.has(key));
}

export function leaked(
  evidence: Evidence,
  verdicts: Verdicts,
  head: Head,
  key: number,
  cpu: Cpu,
  op: Op,
): void {
  const { state } = evidence;
  const table = state.tables.get(key);
  const name = table ? `${levelName(table)} table ${pageName(key)}` : `table ${pageName(key)}`;
  const shown = (): boolean => {
    const now = state.tables.get(key);
    return now === undefined ? table === undefined : now.life === LIFE.rcu && now.head === head;
  };
  absent(
    evidence,
    verdicts,
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
export function tooFew(evidence: Evidence, verdicts: Verdicts, head: Head, cpu: Cpu, op: Op): void {
  if (head.func !== FUNC.tlb_remove_table_rcu || !(head.nr > 0) || head.listed.some((key) => key >= 0))
    return;
  if (head.tablesKnown && head.tables.every((t) => t.key >= 0)) return;
  const missing = head.nr - head.frees.length;
  if (missing <= 0) return;
  fallsShort(evidence, verdicts, head, cpu, op, {
    message: `the callback was to release ${head.nr} tables, but released ${head.frees.length} pages`,
  });
}

/** The page of the batch itself goes last. Judged only where all of its tables were released: else they are what is missing. */
export function pageLeaked(evidence: Evidence, verdicts: Verdicts, head: Head, cpu: Cpu, op: Op): void {
  if (head.func !== FUNC.tlb_remove_table_rcu || !(head.page >= 0) || !(head.nr > 0)) return;
  if (head.frees.length !== head.nr || head.frees.includes(head.page)) return;
  fallsShort(evidence, verdicts, head, cpu, op, {
    message: `the callback released the ${head.nr} tables of its batch, but not the page that listed them`,
    held: [`page ${pageName(head.page)} of the batch, now nobody's`],
    missing: 'free_page() of the batch',
  });
}

/** The callback is over and has not released all: violated if no release can have been missed. */
function fallsShort(
  evidence: Evidence,
  verdicts: Verdicts,
  head: Head,
  cpu: Cpu,
  op: Op,
  said: Pick<Violation, 'message'> & Partial<Pick<Violation, 'held' | 'missing'>>,
): void {
  const probe = 'kmem:mm_page_free';
  absent(
    evidence,
    verdicts,
    { kinds: [OP.FREE], cpu: cpu.id, since: head.cbSeq, probe, instance: instanceOf(op) },
    {
      ...said,
      assumesAllCpus: false,
      before: op.ref,
      events: witnesses(
        w(head.crRef, 'call_rcu'),
        w(head.cbRef, 'callback begins'),
        w(op.ref, 'callback is over'),
      ),
    },
  );
}
