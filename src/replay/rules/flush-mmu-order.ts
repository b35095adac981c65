import { PROBES } from './probes.js';
import { rule } from './rule.js';

/** I10. */
export const flushMmuOrder = rule({
  number: 10,
  name: 'flush-mmu-order',
  severity: 'S3',
  statement: 'within one flush cycle: FD → CR → first FREE of the page batch',
  why: 'tlb_flush_mmu_free() hands tables to RCU before it releases data pages',
  source: 'mm/mmu_gather.c tlb_flush_mmu_free()',
  needs: [PROBES.FD, PROBES.FREE],
  idle: 'no gather released a page',
  held: 'the table batch of the same gather',
  missing: 'tlb_table_flush(): the hand-over of the batch to RCU',
  words:
    'When a gather is flushed, three things happen in a fixed order: the TLB flush finishes, table batches are handed to RCU, data pages are released. Pages released before the flush are still in use by other CPUs.',
  bugs: ['L03'],
});
