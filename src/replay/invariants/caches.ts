import { OP, type Op } from '../../kernel/ops.js';
import { KNOWN } from '../ledger.js';
import { PROMISE, type Promised } from '../mech-hooks.js';
import { type Holder, isAway, type Mech, type MechPage } from '../state/mech.js';
import type { Head } from '../state.js';
import { absent, type Court, instanceOf, w, witnesses } from './court.js';
import { pageName } from './table-life.js';

interface PromiseRule {
  readonly invariant: number;
  readonly what: string;
  readonly role: string;
}

const PROMISES: Readonly<Record<Promised, PromiseRule>> = {
  [PROMISE.unlock]: {
    invariant: 28,
    what: 'the page-table lock was dropped',
    role: 'lock dropped',
  },
  [PROMISE.return]: { invariant: 29, what: 'the call returned to user space', role: 'returned' },
  [PROMISE.vma]: { invariant: 30, what: 'the mapping was unlinked from its file', role: 'VMA unlinked' },
  [PROMISE.huge]: { invariant: 21, what: 'a huge page was installed', role: 'huge page installed' },
  [PROMISE.switchIn]: {
    invariant: 26,
    what: 'the CPU came back to the process and used an address removed meanwhile',
    role: 'used',
  },
};

/**
 * Rules on what CPUs and devices may still cache, decided exactly where walks or CR3 loads are told: I02, I03 and
 * I09 for tables that no gather shows, I21 no-mixed-size, I27 lazy-freed-tables, I28 flush-before-ptl-drop, I29
 * flush-before-return, I26 switch-in-catchup, I31 all-contexts, I30 pfnmap-flush-before-vma-unlink, I32 broadcast-complete, I33 secondary-mmu.
 * Source: SDM vol. 3A §4.10; arch/x86/mm/tlb.c; kernel-side order in mm/mmu_gather.c.
 */
export class CacheFamily {
  private readonly court: Court;

  constructor(court: Court) {
    this.court = court;
  }

  /** Released or given to another use: nobody may have a way to it in a cache. */
  released(page: MechPage, reused: boolean, op: Op): void {
    const done = reused ? 'used for something else' : 'released';
    const walk = worst(this.court.state.mech, page, false);
    const leaf = worst(this.court.state.mech, page, true);
    if (walk) {
      this.accuse(walksOf(this.court, walk), walk, page, op, `table ${pageName(page.key)} was ${done}`, done);
    } else if (held(page, false)) this.court.ledger.pass(3, KNOWN.observed);
    if (leaf) {
      const ids = leaf.device === leaf.device ? [2, 33] : [2];
      this.accuse(ids, leaf, page, op, `page ${pageName(page.key)} was ${done}`, done);
    } else if (held(page, true)) this.court.ledger.pass(2, KNOWN.observed);
    if (!walk && !leaf) this.allClear(page);
    this.broadcasts(page, op, done);
  }

  /** Back at the mm, with what should have been flushed on the way: I26, and I02 or I03 for the page. */
  cameBack(holder: Holder, op: Op): void {
    const what = `the CPU came back to the process after ${pageName(holder.page)} had been given away`;
    this.accuse([holder.leaf ? 2 : 3, 26], holder, null, op, what, 'back', holder.parkedRef, 'given away');
  }

  private allClear(page: MechPage): void {
    const { ledger } = this.court;
    if (page.holders.some((h) => h.user)) ledger.pass(31, KNOWN.observed);
    if (page.holders.some((h) => h.device === h.device)) ledger.pass(33, KNOWN.observed);
    if (page.holders.some((h) => h.lazy && !h.leaf)) ledger.pass(27, KNOWN.observed);
    if (page.holders.some((h) => h.broadcast)) ledger.pass(32, KNOWN.observed);
  }

  /** I32: an INVLPGB is not done before the TLBSYNC of the CPU that issued it. */
  private broadcasts(page: MechPage, op: Op, done: string): void {
    const open = this.court.state.mech.broadcasts.find((b) =>
      page.holders.some((h) => h.mm === b.mm && h.hold !== 0),
    );
    if (!open) return;
    this.court.ledger.violated(32, {
      message: `${pageName(page.key)} was ${done} before the TLBSYNC that completes its broadcast invalidation`,
      known: KNOWN.observed,
      missing: `TLBSYNC on CPU ${open.cpu}`,
      events: witnesses(w(open.ref, `INVLPGB on CPU ${open.cpu}`), w(op.ref, done)),
    });
  }

  /** I09 where the caches are told: no CPU may keep a way to a table that goes to RCU. */
  bound(page: MechPage, head: Head, op: Op): void {
    const walk = worst(this.court.state.mech, page, false);
    if (walk) {
      const message = `table ${pageName(page.key)} was queued to RCU`;
      this.accuse([9], walk, page, op, message, 'call_rcu', head.crRef);
    } else if (held(page, false)) this.court.ledger.pass(9, KNOWN.observed);
  }

  promised(what: Promised, holders: readonly Holder[], op: Op): void {
    const { invariant, what: text, role } = PROMISES[what];
    const first = holders.find((h) => h.hold === 1) ?? holders[0];
    if (first) this.accuse([invariant], first, null, op, text, role);
    else if (what !== PROMISE.unlock || op.a2 === op.a2) this.court.ledger.pass(invariant, KNOWN.observed);
  }

  /** Rests on an invalidation that is not there: certain only where this CPU's (or device's) are seen. */
  private accuse(
    invariants: readonly number[],
    holder: Holder,
    page: MechPage | null,
    op: Op,
    subject: string,
    role: string,
    alsoRef = -1,
    alsoRole = 'call_rcu',
  ): void {
    const { court } = this;
    const onDevice = holder.device === holder.device;
    const who = onDevice ? `device ${holder.device}` : `CPU ${holder.cpu}`;
    if (holder.hold === 2) {
      for (const id of invariants) {
        court.ledger.unknown(id, 'a flush is shown that does not say of which mm', op.ref);
      }
      return;
    }
    const cpu = onDevice ? op.cpu : holder.cpu;
    const ids = holder.halfDone ? [...invariants, 31] : invariants;
    for (const id of ids) {
      absent(
        court,
        id,
        {
          kinds: [onDevice ? OP.IOTLB : OP.INV],
          cpu,
          since: holder.seq,
          probe: onDevice ? '`pttrace: IOTLB` markers' : 'the flush_tlb_func probe',
          instance: instanceOf(op),
        },
        {
          // Each CPU invalidates for itself; a device is told by whoever unmaps.
          assumesAllCpus: onDevice,
          message: `${subject} while ${who} may still ${holder.leaf ? 'use the old translation' : 'walk through it'}`,
          held: [holding(who, onDevice, holder)],
          missing: onDevice
            ? `an invalidation of ${who}`
            : `flush_tlb_func() on ${who}${holder.leaf ? '' : ', for the table, not the leaf alone'}`,
          events: witnesses(
            w(holder.ref, `${who} may cache it`),
            w(page?.ul.ref ?? -1, 'unlinked'),
            w(alsoRef, alsoRole),
            w(op.ref, role),
          ),
        },
      );
    }
  }
}

function holding(who: string, device: boolean, holder: Holder): string {
  const cache = device ? 'IOTLB' : holder.leaf ? 'TLB' : 'paging-structure cache';
  const what = holder.leaf ? 'translation to' : 'way through';
  const pcid = holder.user ? ', user PCID' : holder.lazy ? ', lazy' : '';
  return `${who}: ${cache}, ${what} ${pageName(holder.page)} for 0x${holder.va.toString(16)}${pcid}`;
}

/** A lazy CPU and a device have rules of their own beside I03. */
function walksOf(court: Court, holder: Holder): number[] {
  if (holder.device === holder.device) return [3, 33];
  return court.state.mech.lazy.get(holder.cpu)?.mm === holder.mm ? [3, 27] : [3];
}

/** Who matters most: known holders before doubtful ones; CPUs that have another mm loaded not at all. */
function worst(mech: Mech, page: MechPage, leaf: boolean): Holder | undefined {
  const near = page.holders.filter((h) => h.leaf === leaf && h.hold !== 0 && !isAway(mech, h));
  return near.find((h) => h.hold === 1) ?? near[0];
}

const held = (page: MechPage, leaf: boolean): boolean => page.holders.some((h) => h.leaf === leaf);
