import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I05. */
export const noReaderAtFree = rule({
  number: 5,
  name: 'no-reader-at-free',
  severity: 'S1',
  statement:
    'no reader section on T that began before UL(T) is open at FREE(T); no dereference of T after FREE(T)',
  why: 'the walker would follow entries of a page that has been given away',
  source: 'commits 2ba99c5e0881, 1013af4f585f; mm/gup.c gup_fast_fallback()',
  needs: [PROBES.NAMED_RB, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'a lockless walker on the table',
  missing: 'the end of that reader section',
  words:
    'Some code walks page tables without taking the lock under which they are freed: it only turns interrupts off, or calls rcu_read_lock(), or relies on another lock. While such a walk that began before the table was unlinked is still going on, the table must not be released or used for anything else.',
  bugs: ['L04', 'L07', 'L28', 'L29'],
});
