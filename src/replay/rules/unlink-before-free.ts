import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I01. */
export const unlinkBeforeFree = rule({
  number: 1,
  name: 'unlink-before-free',
  severity: 'S1',
  statement: 'for every published table T: UL(T) → FREE(T)',
  why: 'a table still reachable from its parent is walked by hardware and software alike',
  source: 'include/asm-generic/tlb.h ("unhook, invalidate, free"); mm/memory.c free_pgd_range()',
  needs: [PROBES.TR, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'the entry in the parent table: it still points to the page',
  missing: 'clearing that entry (the unlink)',
  words:
    'A page table is a page that other pages point to. Before it may be given back, nothing may point to it any more: first the entry in its parent is cleared, then caches are emptied, then the page is released. If the order is turned round, a walker follows the pointer into a page that already belongs to somebody else.',
  bugs: ['L37', 'L38'],
});
