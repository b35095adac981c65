import { OP } from '../../kernel/ops.js';
import { iommuFlush } from '../device.js';
import { FLUSH_ALL } from '../flush-reasons.js';
import { type Empties, MM_NAMES } from '../kernel.js';
import { synchronizeRcu } from '../rcu.js';
import { flush, syncIpi } from '../shootdown.js';
import type { Verb } from './verb.js';
import { pend, type StepWriter } from './writer.js';

function flushes(
  w: StepWriter,
  entry: string | undefined,
  wholeMask: boolean,
  empties: Empties = 'all',
): void {
  if (w.open.some((s) => s.kind === 'irq')) {
    const bad = w.kernel.model.wrong(
      'irq',
      'a flush with interrupts off: two of them wait for each other for ever',
    );
    w.step({
      text: 'flushes with interrupts off',
      set: [`bad = ${bad}`],
      ops: (e) => e.emit(OP.FR, w.t.cpu, [e.names.mm(MM_NAMES[w.mm]!), 0, FLUSH_ALL, 12, 0]),
    });
  }
  const only = entry === undefined ? null : w.entry(entry);
  const mm = only?.mm ?? w.mm;
  flush(w.t, mm, wholeMask, only ? [] : [`${pend(w)} = 0`], only, empties);
}

/** Steps that invalidate and wait. */
export const FLUSH_VERBS: readonly Verb[] = [
  {
    name: 'flush',
    args: '[ENTRY]',
    what: 'flush_tlb_mm_range() of the thread’s mm, or of what was cached of one entry: lazy CPUs are skipped; waits for the answers',
    source: 'arch/x86/mm/tlb.c flush_tlb_mm_range()',
    write: (w, [entry]) => flushes(w, entry, false),
  },
  {
    name: 'flush-tables',
    args: '[ENTRY]',
    what: 'the same with freed_tables: lazy CPUs too',
    source: 'arch/x86/mm/tlb.c native_flush_tlb_multi()',
    write: (w, [entry]) => flushes(w, entry, true),
  },
  {
    name: 'flush-leaf',
    args: '[ENTRY]',
    what: 'a flush by INVLPG on a PAE kernel: translations go, the ways to PMD tables are in the PDPTE registers and stay',
    source: 'Intel SDM vol. 3A §4.4.1; commit 1de14c3c5cbc',
    write: (w, [entry]) => flushes(w, entry, true, 'translations'),
  },
  {
    name: 'flush-skipped',
    args: '[ENTRY]',
    what: 'a flush whose handlers are asked, answer, and invalidate nothing',
    source: 'arch/x86/mm/tlb.c flush_tlb_func(); commits 8f1d56f64f8d, ce0b15d11ad8',
    write: (w, [entry]) => flushes(w, entry, false, 'nothing'),
  },
  {
    name: 'iommu-flush',
    args: '',
    what: 'tells the IOMMU to drop what the device has cached, and waits until it has',
    source: 'drivers/iommu/iommu-sva.c iommu_sva_invalidate_kva_range(); commit e37d5a2d60a3',
    write: (w) => iommuFlush(w.t),
  },
  {
    name: 'sync-ipi',
    args: '',
    what: 'tlb_remove_table_sync_one(): interrupts every other CPU and waits',
    source: 'mm/mmu_gather.c tlb_remove_table_sync_one()',
    write: (w) => syncIpi(w.t),
  },
  {
    name: 'sync-rcu',
    args: '',
    what: 'synchronize_rcu(): waits for a grace period; must not sleep under a spinlock',
    source: 'mm/mmu_gather.c tlb_remove_table_sync_rcu()',
    write: (w) => {
      const spins = w.open.find(
        (s) => s.kind !== 'read-lock' && (s.kind !== 'lock' || /^(ptl|p.d)/.test(s.name)),
      );
      if (spins) {
        const bad = w.kernel.model.wrong('sleep', `synchronize_rcu() sleeps with ${spins.name} held`);
        w.step({
          text: `synchronize_rcu() with ${spins.name} held`,
          set: [`bad = ${bad}`],
          ops: (e) => e.emit(OP.SYNCR, w.t.cpu, [1]),
        });
      }
      synchronizeRcu(w.t, w.freer.callbacks);
    },
  },
];
