import { CALLBACK } from '../../kernel/operands.js';
import { FUNC, isTableFunc, type Op } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { w, witnesses } from '../evidence.js';
import type { Head } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const cbFuncMatch = rule({
  number: 39,
  name: 'cb-func-match',
  severity: 'S1',
  statement: 'the function that runs is the one that was queued',
  why: 'rcu_head.func overlaps pmd_huge_pte in struct ptdesc: overwriting it shows here',
  source: 'include/linux/mm_types.h struct ptdesc',
  needs: [PROBES.CR, PROBES.CB],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'the function that was queued on the head',
  missing: 'a call of that function',
  words:
    "The function that runs is the one that was queued. It is stored in the table's own struct, where a stray write shows as another function.",
  bugs: ['L34'],
  monitor: (evidence, verdicts) => {
    const sameFunc = (head: Head, func: number, op: Op, first: boolean): void => {
      if (func === head.func) {
        if (first && isTableFunc(func)) verdicts.pass(KNOWN.observed);
        return;
      }
      if (head.func === FUNC.unknown || func === FUNC.unknown) return;
      if (!first && isTableFunc(head.func)) verdicts.revoke(KNOWN.observed);
      const [queued, ran] = [evidence.nameOf(head.func), evidence.nameOf(func)];
      if (queued.startsWith(ran) || ran.startsWith(queued)) {
        verdicts.unknown('the line of one of the two names may break off', op.ref);
        return;
      }
      verdicts.violated({
        message: 'the callback that ran is not the one that was queued on this head',
        known: KNOWN.observed,
        events: witnesses(w(head.crRef, 'queued'), w(op.ref, 'ran')),
      });
    };
    return {
      callbackRan(head, _cpu, op) {
        if (head.cbFunc !== 0) sameFunc(head, head.cbFunc, op, true);
        else if (isTableFunc(head.func)) {
          // Its releases show that it ran, not as what.
          verdicts.unknown('which function ran is not shown, only what it released', op.ref);
        }
      },
      /** The callback's own probe fires after the tracepoint that invoked it. */
      callbackFunc: (head, op) => sameFunc(head, CALLBACK.func(op), op, false),
    };
  },
});
