import { BATCHES } from '../../kernel/variant-sets.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I07. */
export const singlePathShape = rule({
  number: 7,
  name: 'single-path-shape',
  severity: 'S1',
  statement:
    'batch allocation failed, per table: A2/Dn FR,FD,SYNC1,FREE · B FR,FD,SYNC1,CR · C/D/E FR,FD,CR · En FR,FD,GP,FREE',
  why: 'the fallback has no batch to hide in: each step it skips is a window for a walker',
  source: 'mm/mmu_gather.c tlb_remove_table(), tlb_remove_table_one(); commit 718b13861d22',
  needs: [PROBES.TR, PROBES.FR, PROBES.FD],
  idle: 'the fallback for a failed batch allocation was never taken',
  variants: BATCHES,
  held: 'walkers and caches that the skipped step waits for',
  missing: 'the step that the fallback of this kernel prescribes',
  words:
    'When there is no memory for a batch page, tables are freed one at a time, and what then happens step by step depends on the kernel. This rule compares each of them with the steps of the kernel the recording comes from: a missing flush or a missing wait is dangerous, an additional interrupt only costs time.',
  bugs: ['L03', 'L27'],
});
