import { UNLOCK } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import { absent, type Evidence, instanceOf, w, witnesses } from '../evidence.js';
import { PROMISE, type Promised } from '../mech-hooks.js';
import { type Holder, isAway, type Mech, type MechPage } from '../state/mech.js';
import type { Head } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { pageName } from './names.js';

/** What makes a promise that an old translation is gone, and how the event is called. */
const PROMISES: Readonly<Record<Promised, { readonly what: string; readonly role: string }>> = {
  [PROMISE.unlock]: { what: 'the page-table lock was dropped', role: 'lock dropped' },
  [PROMISE.return]: { what: 'the call returned to user space', role: 'returned' },
  [PROMISE.vma]: { what: 'the mapping was unlinked from its file', role: 'VMA unlinked' },
  [PROMISE.huge]: { what: 'a huge page was installed', role: 'huge page installed' },
  [PROMISE.switchIn]: {
    what: 'the CPU came back to the process and used an address removed meanwhile',
    role: 'used',
  },
};

/** What happened while somebody could still use an old translation, or walk an old way. */
export interface Happened {
  readonly subject: string;
  readonly role: string;
  /** A line that belongs to it. */
  readonly alsoRef?: EvidenceRef;
  readonly alsoRole?: string;
}

export const pageReleased = (page: MechPage, reused: boolean, what: 'table' | 'page'): Happened => {
  const role = reused ? 'used for something else' : 'released';
  return { subject: `${what} ${pageName(page.key)} was ${role}`, role };
};
export const queuedToRcu = (page: MechPage, head: Head): Happened => ({
  subject: `table ${pageName(page.key)} was queued to RCU`,
  role: 'call_rcu',
  alsoRef: head.crRef,
});
export const wentAwayAndBack = (holder: Holder): Happened => ({
  subject: `the CPU came back to the process after ${pageName(holder.page)} had been given away`,
  role: 'back',
  alsoRef: holder.parkedRef,
  alsoRole: 'given away',
});
export const promiseMade = (what: Promised): Happened => {
  const { what: subject, role } = PROMISES[what];
  return { subject, role };
};

export const isDevice = (holder: Holder): boolean => isKnown(holder.device);

/** Who matters most: known holders before doubtful ones; CPUs that have another mm loaded not at all. */
export function worst(mech: Mech, page: MechPage, leaf: boolean): Holder | undefined {
  const near = page.holders.filter((h) => h.leaf === leaf && h.hold !== 0 && !isAway(mech, h));
  return near.find((h) => h.hold === 1) ?? near[0];
}

export const wasHeld = (page: MechPage, leaf: boolean): boolean => page.holders.some((h) => h.leaf === leaf);

/** Nobody holds a way to the page any more, by one or the other cache. */
export const isClear = (mech: Mech, page: MechPage): boolean =>
  worst(mech, page, false) === undefined && worst(mech, page, true) === undefined;

/** Rests on an invalidation that is not there: certain only where this CPU's (or device's) are seen. */
export function stillHeld(
  evidence: Evidence,
  verdicts: Verdicts,
  holder: Holder,
  page: MechPage | null,
  op: Op,
  { subject, role, alsoRef = -1, alsoRole = 'call_rcu' }: Happened,
): void {
  if (holder.hold === 2) {
    verdicts.unknown('a flush is shown that does not say of which mm', op.ref);
    return;
  }
  const onDevice = isDevice(holder);
  const who = onDevice ? `device ${holder.device}` : `CPU ${holder.cpu}`;
  absent(
    evidence,
    verdicts,
    {
      kinds: [onDevice ? OP.IOTLB : OP.INV],
      cpu: onDevice ? op.cpu : holder.cpu,
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

/** The hook of a rule about one kind of promise: nobody may hold an old translation when it is made. */
export const heldAtPromise =
  (evidence: Evidence, verdicts: Verdicts, which: Promised) =>
  (what: Promised, holders: readonly Holder[], op: Op): void => {
    if (what !== which) return;
    const first = holders.find((h) => h.hold === 1) ?? holders[0];
    if (first) stillHeld(evidence, verdicts, first, null, op, promiseMade(what));
    else if (what !== PROMISE.unlock || isKnown(UNLOCK.promisedVa(op))) verdicts.pass(KNOWN.observed);
  };

function holding(who: string, device: boolean, holder: Holder): string {
  const cache = device ? 'IOTLB' : holder.leaf ? 'TLB' : 'paging-structure cache';
  const what = holder.leaf ? 'translation to' : 'way through';
  const pcid = holder.user ? ', user PCID' : holder.lazy ? ', lazy' : '';
  return `${who}: ${cache}, ${what} ${pageName(holder.page)} for 0x${holder.va.toString(16)}${pcid}`;
}
