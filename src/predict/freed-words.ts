import type { FreedPath } from './freed.js';

const UNDER = {
  munmap: 'VMA detached before',
  reclaim: 'reclaimed under mmap_lock for reading',
  retract: 'retracted by khugepaged',
  exit: 'the mm has no user left',
} as const;

const ENDS = {
  'call-rcu': 'released by its callback',
  free: 'released by its task',
  early: 'released by its task before its callback',
} as const;

/** The path of a table in one line. */
export function inWords(path: FreedPath): string {
  const flush = {
    tables: 'flushed',
    leaf: 'flushed, lazy CPUs skipped',
    no: 'not flushed',
    unknown: 'flush not shown',
  };
  const parts = [
    path.under === null ? 'unlinked' : UNDER[path.under],
    ...(path.flushLate ? [] : [flush[path.flush]]),
    ...(path.syncIpi === 'yes' ? ['IPI to all CPUs'] : []),
    ...(path.syncRcu === 'yes' ? ['grace period on the spot'] : []),
    ...(path.alone === true && path.end !== null ? ['queued alone'] : []),
    path.end === null ? 'released' : ENDS[path.end],
    ...(path.flushLate ? ['flushed only after call_rcu()'] : []),
  ];
  return parts.join(', ');
}
