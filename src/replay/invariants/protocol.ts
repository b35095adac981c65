import { OP, type Op, READER } from '../../kernel/ops.js';
import { FLAG, preemptDepth } from '../../timeline/flags.js';
import { KNOWN, type Witness } from '../ledger.js';
import type { HeldLock, MechPage, Moment } from '../state/mech.js';
import { type Head, LIFE, type Reader, type Table } from '../state.js';
import { type Court, LOSS, lostSince, w, witnesses } from './court.js';
import { levelName, pageName } from './table-life.js';

/**
 * Rules of conduct between those who free a table and those who use it: I05 where no gather shows the hand-over, I06
 * ipi-not-rcu, I13 rcu-head-union, I14 pgd-never-via-gather, I15 deposits-zapped, I16 ptlock-lifetime, I17
 * empty-at-reclaim, I18 unlink-locks, I19 recheck-after-lock, I20 no-install-in-unlinked, I22
 * deposit-only-after-sync, I35 unshare-sync, I47 might-sleep.
 * Source: mm/memory.c, mm/khugepaged.c, mm/mmu_gather.c, Documentation/mm/process_addrs.rst "Page table freeing".
 */
export class ProtocolFamily {
  private readonly court: Court;

  constructor(court: Court) {
    this.court = court;
  }

  released(page: MechPage, reused: boolean, op: Op): void {
    const { court } = this;
    const table = court.state.tables.get(page.key);
    if (!reused && page.everLinked) {
      if (page.links.length === 0) court.ledger.pass(1, KNOWN.observed);
      else
        this.broken(1, `table ${pageName(page.key)} was released while it was still linked`, op, 'released');
    }
    this.depositsAt(page, op, reused ? 'used for something else' : 'released');
    if (reused && page.sharers > 1) this.unshared(page, op);
    if (!table || !page.everLinked) return;
    this.readersAt(page, table, op);
    if (!reused) this.synchronisedBy(page, table, op);
  }

  /** I05, tables that reach their release without a gather: what is open now is decided when it ends. */
  private readersAt(page: MechPage, table: Table, op: Op): void {
    // A hand-over seen by probes is judged by TableLifeFamily.
    if (table.trSeq > 0) return;
    let open = false;
    for (const reader of this.court.state.readers.values()) {
      if (reader.table !== page.key || (page.ul.seq > 0 && reader.seq > page.ul.seq)) continue;
      open = true;
      reader.overlaps.push({ what: 'free', table, head: null, ref: op.ref, ts: op.tsNs, cpu: op.cpu });
    }
    if (!open && page.readsOver > 0) this.court.ledger.pass(5, KNOWN.observed);
  }

  /** I06: an IPI waits for walkers with interrupts off, never for those under rcu_read_lock(). */
  private synchronisedBy(page: MechPage, table: Table, op: Op): void {
    const { ledger, state } = this.court;
    if (table.head || state.mech.gp.seq > page.ul.seq) return;
    const sync = state.mech.sync;
    const byIpi = sync.seq > page.ul.seq && page.ul.seq > 0;
    const reader = rcuReader(this.court, page);
    const events = witnesses(
      w(reader?.ref ?? -1, 'rcu_read_lock() walker begins'),
      w(page.emptied, 'taken for empty'),
      w(page.ul.ref, 'unlinked'),
      w(byIpi ? sync.ref : -1, 'IPI to all CPUs returned'),
      w(op.ref, 'released'),
    );
    const name = `table ${pageName(page.key)}`;
    if (byIpi && reader) {
      ledger.violated(6, {
        message: `${name} was released after an IPI only, under a walker that only a grace period waits for`,
        known: KNOWN.observed,
        held: [`CPU ${reader.cpu}: a walker under rcu_read_lock() on ${name}`],
        events,
      });
    } else if (page.emptied >= 0) {
      ledger.violated(6, {
        message: `${name} was reclaimed and released without a grace period: its walkers hold only rcu_read_lock()`,
        known: KNOWN.observed,
        events,
      });
    } else if (byIpi) {
      // Rests on no walker having been seen.
      if (state.lossSeq > 0) ledger.unknown(6, LOSS, op.ref);
      else ledger.passUnseen(6, KNOWN.absence, op.ref);
    }
  }

  /** I06 where the free path shows in a gather: munmap and exit keep RCU walkers out by their locks. */
  freedInGather(table: Table, op: Op): void {
    if (table.ulRef >= 0 && !table.head && table.freedByTask && table.trSeq > 0) {
      this.reclaimedAtOnce(table, op);
      return;
    }
    if (table.sync && !table.head && table.freedByTask) this.court.ledger.pass(6, KNOWN.inferred);
  }

  /**
   * mm/pt_reclaim.c (mm/memory.c since 7.2): a table reclaimed by MADV_DONTNEED may be walked by page faults and rmap under
   * rcu_read_lock() alone (___pte_offset_map()), so every kernel that reclaims frees it by RCU.
   */
  private reclaimedAtOnce(table: Table, op: Op): void {
    const { ledger, state } = this.court;
    if (state.mech.gp.seq > table.trSeq) {
      ledger.pass(6, KNOWN.inferred);
      return;
    }
    if (lostSince(this.court, table.trSeq)) {
      ledger.unknown(6, LOSS, op.ref);
      return;
    }
    const name = `${levelName(table)} table ${pageName(table.key)}`;
    const how = table.sync ? 'after an IPI to all CPUs only' : 'by the task itself';
    ledger.violated(6, {
      message: `${name} was reclaimed and released ${how}: its walkers under rcu_read_lock() are not waited for`,
      known: KNOWN.observed,
      assumesAllCpus: true,
      held: ['walkers under rcu_read_lock() (pte_offset_map), which no IPI waits for'],
      missing: 'call_rcu() and a grace period',
      before: op.ref,
      events: witnesses(
        w(table.ulRef, 'unlinked by reclaim'),
        w(table.trRef, 'handed over'),
        w(table.flush?.fdRef ?? -1, 'flush done'),
        w(table.sync?.ref ?? -1, 'IPI to all CPUs'),
        w(op.ref, 'released'),
      ),
    });
  }

  handedOver(page: MechPage | null, op: Op): void {
    if (page?.pgd)
      this.broken(14, `the top-level table ${pageName(page.key)} was handed to a gather`, op, 'handed over');
    else if (op.kind !== OP.TR && this.court.state.mech.pgds > 0) this.court.ledger.pass(14, KNOWN.observed);
    if (page) this.depositsAt(page, op, 'handed to a gather');
  }

  /** I14 from the probe that fired: each level has its own, and none is for the top one. */
  removed(table: Table, op: Op): void {
    if (op.kind === OP.TR && table.level >= 1 && table.level <= 4) this.court.ledger.pass(14, KNOWN.observed);
  }

  private depositsAt(page: MechPage, op: Op, done: string): void {
    if (page.deposits.length === 0) {
      if (page.everDeposits) this.court.ledger.pass(15, KNOWN.observed);
      return;
    }
    const deposit = page.deposits[0]!;
    this.broken(
      15,
      `table ${pageName(page.key)} was ${done} with table ${pageName(deposit)} still deposited`,
      op,
      done,
    );
  }

  /** I35: the last sharer of a PMD table leaves it to others only after an IPI to all CPUs. */
  private unshared(page: MechPage, op: Op): void {
    const { ledger, state } = this.court;
    const sync = state.mech.sync;
    if (page.ul.seq === 0) return;
    if (sync.seq > page.ul.seq) {
      ledger.pass(35, KNOWN.observed);
      return;
    }
    ledger.violated(35, {
      message: `shared table ${pageName(page.key)} was used for something else without an IPI to all CPUs after its unlink`,
      known: KNOWN.observed,
      held: [`GUP-fast walkers of the process that left ${pageName(page.key)}`],
      events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'used anew')),
    });
  }

  bound(page: MechPage, head: Head, op: Op): void {
    if (page.ptlFreed >= 0) {
      this.court.ledger.violated(16, {
        message: `the lock of table ${pageName(page.key)} was destroyed before its grace period even began`,
        known: KNOWN.observed,
        events: witnesses(w(page.ptlFreed, 'lock destroyed'), w(head.crRef, 'call_rcu'), w(op.ref, 'queued')),
      });
    }
    if (page.depositedOn === page.depositedOn) {
      this.broken(
        13,
        `table ${pageName(page.key)} was queued to RCU while it is deposited: both use the same words`,
        op,
        'queued',
        w(head.crRef, 'call_rcu'),
      );
    } else if (page.pgd) {
      this.broken(
        13,
        `top-level table ${pageName(page.key)} was queued to RCU: its list and rcu_head overlap`,
        op,
        'queued',
        w(head.crRef, 'call_rcu'),
      );
    } else this.court.ledger.pass(13, KNOWN.observed);
  }

  splitLock(page: MechPage, destroyed: boolean, op: Op): void {
    const table = this.court.state.tables.get(page.key);
    if (!destroyed) {
      if (page.ptlFreed >= 0) {
        this.court.ledger.violated(16, {
          message: `the lock of table ${pageName(page.key)} is used after it was destroyed`,
          known: KNOWN.observed,
          events: witnesses(w(page.ptlFreed, 'lock destroyed'), w(op.ref, 'lock used')),
        });
      }
      return;
    }
    const head = table?.head;
    if (head && head.ran === 0 && table?.life === LIFE.rcu) {
      this.court.ledger.violated(16, {
        message: `the lock of table ${pageName(page.key)} was destroyed before its RCU callback`,
        known: KNOWN.observed,
        events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'lock destroyed')),
      });
    } else if (head) this.court.ledger.pass(16, KNOWN.observed);
  }

  declaredEmpty(page: MechPage, op: Op): void {
    if (page.entries.size === 0) this.court.ledger.pass(17, KNOWN.observed);
    else {
      const [va] = page.entries.keys();
      this.broken(
        17,
        `table ${pageName(page.key)} was taken for empty while its entry for 0x${va!.toString(16)} is set`,
        op,
        'taken for empty',
      );
    }
  }

  needed(lock: HeldLock | null, op: Op): void {
    if (lock) this.court.ledger.pass(18, KNOWN.observed);
    else this.broken(18, 'a table is about to be unlinked without a lock that this needs', op, 'lock needed');
  }

  pinned(page: MechPage, stale: boolean, rechecked: boolean, op: Op): void {
    const { ledger } = this.court;
    if (rechecked || !stale) {
      ledger.pass(19, KNOWN.observed);
      return;
    }
    ledger.violated(19, {
      message: `a page found through table ${pageName(page.key)} is kept although the table was unlinked meanwhile`,
      known: KNOWN.observed,
      events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'kept without looking again')),
    });
  }

  moved(page: MechPage | null, op: Op): void {
    if (page) this.court.ledger.pass(19, KNOWN.observed);
    else
      this.broken(
        19,
        `an entry is installed that points to no live table (${pageName(op.a2)})`,
        op,
        'installed',
      );
  }

  entrySet(page: MechPage, unlinked: boolean, op: Op): void {
    if (!unlinked) {
      if (page.everLinked) this.court.ledger.pass(20, KNOWN.observed);
      return;
    }
    this.court.ledger.violated(20, {
      message: `an entry was set in table ${pageName(page.key)}, to which nothing points any more`,
      known: KNOWN.observed,
      events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'entry set')),
    });
  }

  /** I22, and I13 the other way round: the deposit list uses the words of a pending rcu_head. */
  deposited(page: MechPage, parent: number, sync: Moment, op: Op): void {
    const { ledger, state } = this.court;
    const table = state.tables.get(page.key);
    if (table?.head && table.head.ran === 0) {
      this.broken(
        13,
        `table ${pageName(page.key)} was deposited while its call_rcu is pending`,
        op,
        'deposited',
        w(table.head.crRef, 'call_rcu'),
      );
    }
    if (!page.everLinked) return;
    if (page.links.length === 0 && sync.seq > page.ul.seq) {
      ledger.pass(22, KNOWN.observed);
      return;
    }
    ledger.violated(22, {
      message: `table ${pageName(page.key)}, linked before, was deposited on ${pageName(parent)} without an IPI to all CPUs since its unlink`,
      known: KNOWN.observed,
      events: witnesses(w(page.ul.ref, 'unlinked'), w(op.ref, 'deposited')),
    });
  }

  /** I47: synchronize_rcu() sleeps. */
  sleeps(held: readonly HeldLock[], op: Op): void {
    const lock = held[0];
    const atomic =
      (op.flags & FLAG.known) !== 0 && (op.flags & (FLAG.irqsOff | FLAG.hardirq | FLAG.softirq)) !== 0;
    const noPreempt = (op.flags & FLAG.known) !== 0 && preemptDepth(op.flags) > 0;
    if (!lock && !atomic && !noPreempt) {
      this.court.ledger.pass(47, KNOWN.observed);
      return;
    }
    const why = lock ? 'under a spinlock' : atomic ? 'in a context that cannot sleep' : 'with preemption off';
    this.court.ledger.violated(47, {
      message: `a wait for a grace period begins ${why}`,
      known: KNOWN.observed,
      certain: !lock,
      ...(lock
        ? { held: [`task ${lock.task}: a spinlock`], missing: 'dropping the lock before the wait' }
        : {}),
      events: witnesses(w(lock?.ref ?? -1, 'lock taken'), w(op.ref, 'waits')),
    });
  }

  private broken(invariant: number, message: string, op: Op, role = 'here', ...before: Witness[]): void {
    this.court.ledger.violated(invariant, {
      message,
      known: KNOWN.observed,
      events: witnesses(...before, w(op.ref, role)),
    });
  }
}

function rcuReader(court: Court, page: MechPage): Reader | undefined {
  for (const r of court.state.readers.values()) {
    if (r.table === page.key && r.kind === READER.rcu && r.seq < page.ul.seq) return r;
  }
  return undefined;
}
