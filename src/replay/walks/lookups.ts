import { LOOKUP, type Op } from '../../kernel/ops.js';
import type { Evidence } from '../evidence.js';
import { CLOCK, flips, LOSS, margin, order, w, witnesses } from '../evidence.js';
import { pageName } from '../rules/names.js';
import type { Task } from '../state/contexts.js';
import type { Lookup, WalkedTable } from '../state/walks.js';
import { KNOWN } from '../tally.js';

/**
 * Lookups that take the lock of the table: I19 recheck-after-lock, I20 no-install-in-unlinked.
 * mm/pgtable-generic.c pte_offset_map_lock() reads the parent entry again once it has the lock and starts anew if it has
 * changed; so who gets a table back from it may set entries.
 */
export class LockedLookups {
  private readonly evidence: Evidence;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  lookedUp(lookup: Lookup | null, table: WalkedTable | null, task: Task, op: Op): void {
    if (lookup?.how !== LOOKUP.lock) return;
    const { ledger } = this.evidence;
    if (!table) {
      // Refused: the entry pointed to a table when the lookup began, and no longer did under the lock.
      if (lookup.table > 0) ledger.pass(19, KNOWN.observed);
      return;
    }
    const { ul } = table;
    // The collapser works on the table it has unlinked; a collapse may also link it again.
    const ordinary = ul !== null && table.ulTask !== task.key && table.ulBy !== 'pmdp_collapse_flush';
    if (!ordinary) {
      ledger.pass(19, KNOWN.observed);
      ledger.pass(20, KNOWN.observed);
      return;
    }
    const rule = ul.seq < lookup.entry.seq ? 20 : 19;
    this.stale(rule, table, lookup, op);
  }

  /** I20: a PTE is set. */
  entrySet(table: WalkedTable, task: Task, op: Op): void {
    const { ul } = table;
    if (!ul || table.ulTask === task.key || table.ulBy === 'pmdp_collapse_flush') {
      this.evidence.ledger.pass(20, KNOWN.observed);
      return;
    }
    this.stale(20, table, null, op);
  }

  private stale(rule: 19 | 20, table: WalkedTable, lookup: Lookup | null, op: Op): void {
    const { evidence } = this;
    const ul = table.ul!;
    if (evidence.state.lossSeq > ul.seq) {
      evidence.ledger.unknown(rule, LOSS, op.ref);
      return;
    }
    const known = order(evidence, ul.tsNs, ul.cpu, op.tsNs, op.cpu);
    if (known === null) {
      evidence.ledger.unknown(rule, CLOCK, op.ref);
      return;
    }
    const done = lookup
      ? rule === 19
        ? 'was unlinked while its lock was waited for, and returned all the same'
        : 'is locked for use after its unlink'
      : 'gets an entry after its unlink';
    evidence.ledger.violated(rule, {
      message: `PTE table ${pageName(table.key)} ${done}`,
      known,
      assumesAllCpus: true,
      ...flips(margin(evidence, ul.tsNs, ul.cpu, op.tsNs, op.cpu)),
      events: witnesses(
        w(lookup?.entry.ref ?? -1, 'lookup begins'),
        w(ul.ref, 'unlinked'),
        w(op.ref, lookup ? 'lookup returns it' : 'entry set'),
      ),
    });
  }
}
