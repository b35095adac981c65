import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I49. */
export const gatherPair = rule({
  number: 49,
  name: 'gather-pair',
  severity: 'S3',
  statement:
    'tlb_gather_mmu and tlb_finish_mmu nest per task with the same mm; no table is handed over outside',
  why: 'mm->tlb_flush_pending and the flush range live in the gather',
  source: 'mm/mmu_gather.c',
  needs: [PROBES.GE],
  idle: 'no gather was finished',
  held: 'the task: struct mmu_gather on its stack',
  missing: 'the other event of the pair',
  words:
    'Tables are collected between tlb_gather_mmu() and tlb_finish_mmu() of the same task and the same process; no table is handed over outside.',
  bugs: [],
  instead: 'mm->tlb_flush_pending would lose count, see L15.',
});
