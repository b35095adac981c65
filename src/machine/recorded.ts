import { Gather } from './gather.js';
import { lockWay, readLockWay, readUnlockWay, unlockWay } from './locks.js';
import type { Freer, ProgramKind } from './program.js';
import { synchronizeRcu } from './rcu.js';
import { flush, syncIpi } from './shootdown.js';
import { Label, Thread } from './thread.js';

/**
 * What keeps walkers out while a table is unlinked (kernel-semantics: mm/vma.c vms_clear_ptes(), mm/pt_reclaim.c,
 * mm/khugepaged.c retract_page_tables()): `munmap`, its VMA is detached before; `reclaim`, mmap_lock for reading and the
 * lock of the table; `retract`, the lock of the table only.
 */
export type Under = 'munmap' | 'reclaim' | 'retract';

/** What a recording shows of one table between its unlink and its release, in order. */
export type RecordedStep =
  /** A flush that says that tables are freed. */
  | 'flush'
  /** A flush that does not say so: lazy CPUs are skipped. */
  | 'leaf-flush'
  | 'sync-ipi'
  | 'sync-rcu'
  /** By its callback. */
  | 'call-rcu'
  /** By the task itself. */
  | 'free';

/** CPU 0 frees one table as a recording shows it. */
export function recordedProgram(under: Under, steps: readonly RecordedStep[]): ProgramKind {
  return {
    name: `${under}: ${steps.join(', ')}`,
    what: 'frees a table as the recording shows it',
    source: 'the recording',
    write: (cpu, freer) => write(cpu, freer, under, steps),
  };
}

function write(cpu: number, freer: Freer, under: Under, steps: readonly RecordedStep[]): void {
  const { kernel, links, path, memory, callbacks } = freer;
  const [link] = links;
  if (!link) return;
  const table = kernel.tables[link.table]!;
  const t = new Thread(kernel, cpu, under);
  const gather = new Gather(t, links, path, memory, callbacks);
  const ptl = `ptl_${table.id}`;
  const kept = new Label();
  kernel.model.variable('detached');
  const used = kernel.model.variable(`used_${table.id}`);
  if (under === 'munmap') {
    t.step(lockWay(t, 'mmap_lock', { set: ['detached = 1'] }));
    t.step(unlockWay(t, 'mmap_lock'));
    t.step(gather.unlinkWay(link));
  } else {
    if (under === 'reclaim') t.step(readLockWay(t, 'mmap_lock'));
    t.step(lockWay(t, ptl, { spin: true }));
    t.step(gather.unlinkWay(link, { when: `${used} == 0` }), {
      text: `${table.name} is in use: it would not have been unlinked`,
      when: `${used} == 1`,
      to: kept,
    });
  }
  // khugepaged flushes under the lock, a gather does not.
  const inside = under === 'retract' ? steps.findIndex((step) => !step.endsWith('flush')) : 0;
  for (const step of steps.slice(0, inside)) flush(t, link.mm, step === 'flush');
  if (under !== 'munmap') t.step(unlockWay(t, ptl, { spin: true }));
  for (const step of steps.slice(inside)) {
    if (step === 'flush' || step === 'leaf-flush') flush(t, link.mm, step === 'flush');
    else if (step === 'sync-ipi') syncIpi(t);
    else if (step === 'sync-rcu') synchronizeRcu(t, callbacks);
    else if (step === 'call-rcu') gather.callRcuOne(table);
    else gather.freeNow(table);
  }
  const end = new Label();
  const leaves = under === 'reclaim' ? readUnlockWay(t, 'mmap_lock') : { text: 'returns' };
  t.step({ ...leaves, to: end });
  if (under !== 'munmap') {
    t.here(kept);
    t.step(unlockWay(t, ptl, { spin: true }));
    t.step(leaves);
  }
  t.here(end);
  t.end();
}
