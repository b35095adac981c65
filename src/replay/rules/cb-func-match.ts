import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I39. */
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
});
