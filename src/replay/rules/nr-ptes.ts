import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I51. */
export const nrPtes = rule({
  number: 51,
  name: 'nr-ptes',
  severity: 'S3',
  statement: 'when exit_mmap() returns, every PTE table of the process has been handed over',
  why: 'the kernel itself complains: "non-zero pgtables_bytes on freeing mm"',
  source: 'kernel/fork.c check_mm()',
  needs: [PROBES.EXITMM, PROBES.PUB],
  idle: 'no process whose tables are in the trace has exited',
  held: 'the mm: tables counted in mm->pgtables_bytes',
  missing: 'the hand-over of each to a gather (free_pgtables)',
  words: 'A process that exits leaves no page table behind. The kernel counts them too and complains.',
  bugs: [],
  instead: "Seen in bug reports as 'non-zero pgtables_bytes on freeing mm'.",
});
