import type { Op } from '../../kernel/ops.js';
import type { Holder, MechPage } from '../state/mech.js';
import { KNOWN } from '../tally.js';
import {
  type Happened,
  isClear,
  pageReleased,
  promiseMade,
  queuedToRcu,
  stillHeld,
  wentAwayAndBack,
  worst,
} from './cached.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const allContexts = rule({
  number: 31,
  name: 'all-contexts',
  severity: 'S1',
  statement: 'an invalidation covers what was cached under the user PCID as well as under that of the kernel',
  why: 'with page-table isolation a process has two tags; a translation under the other one stays usable',
  source: 'arch/x86/mm/tlb.c invalidate_user_asid(), clear_asid_other()',
  needs: [PROBES.HW],
  feature: 'user-pcid',
  idle: 'nothing cached in user mode was released',
  held: 'the user PCID of the CPU',
  missing: 'invalidate_user_asid() as well',
  words:
    'With page-table isolation each process has two sets of translations, one for the kernel and one for the program, under different tags. A flush has to reach both; and for kernel addresses, those of every process.',
  bugs: ['L30'],
  monitor: (evidence, verdicts) => {
    /** One set of translations was flushed, the other, under the user PCID, was not. */
    const halfDone = (holder: Holder | undefined, page: MechPage | null, op: Op, what: Happened): void => {
      if (holder?.halfDone && holder.hold !== 2) stillHeld(evidence, verdicts, holder, page, op, what);
    };
    return {
      released(page, reused, _task, op) {
        const { mech } = evidence.state;
        halfDone(worst(mech, page, false), page, op, pageReleased(page, reused, 'table'));
        halfDone(worst(mech, page, true), page, op, pageReleased(page, reused, 'page'));
        if (isClear(mech, page) && page.holders.some((h) => h.user)) verdicts.pass(KNOWN.observed);
      },
      bound: (page, head, op) =>
        halfDone(worst(evidence.state.mech, page, false), page, op, queuedToRcu(page, head)),
      cameBack: (holder, op) => halfDone(holder, null, op, wentAwayAndBack(holder)),
      promised: (what, holders, op) =>
        halfDone(holders.find((h) => h.hold === 1) ?? holders[0], null, op, promiseMade(what)),
    };
  },
});
