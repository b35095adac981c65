import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I12. */
export const removeOnce = rule({
  number: 12,
  name: 'remove-once',
  severity: 'S1',
  statement: 'per life of T: at most one hand-over, exactly one FREE',
  why: 'a second hand-over or release frees a page that belongs to somebody else',
  source: 'mm/memory.c free_pte_range(); mm/mmu_gather.c',
  needs: [PROBES.TR, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'the owner that the first release gave the page to',
  missing: 'an allocation that begins a new life of the page',
  words:
    'In one life a table is handed over once and released once. The second time hits a page that has another owner by then.',
  bugs: ['L37'],
});
