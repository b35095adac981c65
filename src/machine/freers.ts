import { OP } from '../kernel/ops.js';
import { UsageError } from '../result/usage-error.js';
import { all } from './command.js';
import { Gather } from './gather.js';
import { FREED, type Link, MM_NAMES } from './kernel.js';
import { downgradeWay, lockWay, readLockWay, readUnlockWay, unlockWay } from './locks.js';
import type { Freer, ProgramKind } from './program.js';
import { KERNEL_TABLES } from './programs/kernel-tables.js';
import { USER_PAGES } from './programs/user-pages.js';
import { USER_TABLES } from './programs/user-tables.js';
import { flush, syncIpi } from './shootdown.js';
import { Label, Thread, type Way } from './thread.js';
import { pgdFree, pmdFree } from './union.js';
import { UNSHARE_KIND } from './unshare.js';

/** munmap(): the VMA is detached under mmap_lock for writing, so no walker that looks for it gets in any more. */
function munmap(cpu: number, freer: Freer): void {
  unmaps(cpu, freer, 'munmap', false);
}

/** The same where what tables are put into may be full at each: it is flushed and handed over on the way. */
function munmapFull(cpu: number, freer: Freer): void {
  unmaps(cpu, freer, 'munmap, full batches', true);
}

function unmaps(
  cpu: number,
  { kernel, links, path, memory, callbacks }: Freer,
  role: string,
  full: boolean,
): void {
  const t = new Thread(kernel, cpu, role);
  const gather = new Gather(t, links, path, memory, callbacks);
  kernel.model.variable('detached');
  t.step(lockWay(t, 'mmap_lock'));
  t.step(downgradeWay(t, 'mmap_lock', ['detached = 1']));
  for (const link of links) gather.zap(link);
  for (const link of links) unlinkAndRemove(t, gather, link, full);
  gather.finish();
  t.step(readUnlockWay(t, 'mmap_lock'));
  t.end();
}

/** exit_mmap(): nobody else uses the mm; lazy CPUs may still have it in CR3. */
function exitMmap(cpu: number, { kernel, links, path, memory, callbacks }: Freer): void {
  const t = new Thread(kernel, cpu, 'exit_mmap');
  const gather = new Gather(t, links, path, memory, callbacks);
  for (const link of links) gather.zap(link);
  t.step(lockWay(t, 'mmap_lock'));
  for (const link of links) unlinkAndRemove(t, gather, link);
  gather.finish();
  t.step(unlockWay(t, 'mmap_lock'));
  t.end();
}

/** madvise(MADV_DONTNEED) with reclaim: mmap_lock for reading only, so walkers stay; a table must be empty under its lock. */
function madvise(cpu: number, { kernel, links, path, memory, callbacks }: Freer): void {
  const t = new Thread(kernel, cpu, 'madvise(MADV_DONTNEED)');
  const gather = new Gather(t, links, path, memory, callbacks);
  const { model } = kernel;
  t.step(readLockWay(t, 'mmap_lock'));
  for (const link of links) {
    const skip = new Label();
    const took = kernel.rivals ? t.own('took') : null;
    const used = model.variable(`used_${link.table}`);
    const name = kernel.name(link);
    gather.zap(link);
    const ptl = `ptl_${link.table}`;
    t.step(lockWay(t, ptl, { spin: true }));
    const blind = kernel.broken('reclaim-without-rescan');
    const bad = model.wrong('reclaim', `${name} is unlinked although it is not empty`);
    const unlink = gather.unlinkWay(link, {
      when: all(`${used} == 0`, took && `ent_${link.id} == 1`),
      set: took ? [`${took} = 1`] : [],
    });
    const taken = (way: Way): Way => ({
      ...way,
      ops: (e, read) => {
        e.emit(OP.EMPTY, cpu, [e.names.page(name)]);
        way.ops?.(e, read);
      },
    });
    t.step(
      taken(unlink),
      blind
        ? taken({
            ...unlink,
            text: `unlinks ${name}, which is not empty`,
            when: `${used} == 1`,
            set: [`bad = ${bad}`],
          })
        : { text: `${name} is not empty: keeps it`, when: `${used} == 1` },
      ...(took
        ? [{ text: `${name} is unlinked already`, when: all(`${used} == 0`, `ent_${link.id} == 0`) }]
        : []),
    );
    t.step(unlockWay(t, ptl, { spin: true }));
    t.step(
      {
        text: `hands ${name} over`,
        when: took ? `${took} == 1` : `ent_${link.id} == 0`,
        set: took ? [`${took} = 0`] : [],
      },
      {
        text: `goes on without ${name}`,
        when: took ? `${took} == 0` : `ent_${link.id} == 1`,
        to: skip,
      },
    );
    gather.remove(link, skip);
    t.here(skip);
  }
  gather.finish();
  t.step(readUnlockWay(t, 'mmap_lock'));
  t.end();
}

/** collapse_huge_page(): clears the PMD entry, flushes, waits for GUP-fast; then the table is kept for other use. */
function collapse(cpu: number, { kernel, links }: Freer): void {
  const t = new Thread(kernel, cpu, 'khugepaged: collapse');
  t.step(lockWay(t, 'mmap_lock'));
  for (const link of links) {
    const name = kernel.name(link);
    const gone = new Label();
    t.step(...unlinks(t, link, gone));
    flush(t, link.mm, !kernel.broken('collapse-flush-without-tables'));
    syncIpi(t);
    t.step({
      text: `${name} is deposited: it may be used for something else at once`,
      set: [`freed_${link.table} = ${FREED.reused}`],
      ops: (e) => {
        e.emit(OP.DEP, cpu, [e.names.page(name), e.names.page('the PMD table')]);
        e.emit(OP.REUSE, cpu, [e.names.page(name)]);
      },
    });
    t.here(gone);
  }
  t.step(unlockWay(t, 'mmap_lock'));
  t.end();
}

/** retract_page_tables(): mmap_lock is not held at all; the locks of the tables are, and pte_free_defer() frees by RCU. */
function retract(cpu: number, freer: Freer): void {
  const { kernel, links, path, memory, callbacks } = freer;
  const t = new Thread(kernel, cpu, 'khugepaged: retract');
  const gather = new Gather(t, links, path, memory, callbacks);
  for (const link of links) {
    const ptl = `ptl_${link.table}`;
    t.step(lockWay(t, ptl, { spin: true }));
    const [gone, next] = [new Label(), new Label()];
    t.step(...unlinks(t, link, gone));
    flush(t, link.mm, !kernel.broken('collapse-flush-without-tables'));
    t.step(unlockWay(t, ptl, { spin: true }));
    const table = kernel.tables[link.table]!;
    if (kernel.broken('retract-frees-directly')) {
      t.step({
        text: `frees ${table.name}`,
        set: [`freed_${table.id} = ${FREED.directly}`],
        ops: (e) => e.emit(OP.FREE, cpu, [e.names.page(table.name), 0]),
      });
    } else gather.callRcuOne(table);
    if (kernel.rivals) {
      t.step({ text: `is done with ${table.name}`, to: next });
      t.here(gone);
      t.step(unlockWay(t, ptl, { spin: true }));
      t.here(next);
    }
  }
  t.end();
}

/** free_pte_range(): what is none is passed over; alone, a thread finds every entry set. */
function unlinkAndRemove(t: Thread, gather: Gather, link: Link, full = false): void {
  const unlink = gather.unlinkWay(link);
  const skip = new Label();
  if (t.kernel.rivals) t.step({ ...unlink, when: `ent_${link.id} == 1` }, passedOver(t, link, skip));
  else t.step(unlink);
  if (full) gather.removeInto(link);
  else gather.remove(link);
  t.here(skip);
}

const passedOver = (t: Thread, link: Link, to: Label): Way => ({
  text: `the entry of ${t.kernel.name(link)} is none: passes it over`,
  when: `ent_${link.id} == 0`,
  to,
});

/** `gone`: where it goes on if somebody else has cleared the entry. */
function unlinks(t: Thread, link: Link, gone: Label): Way[] {
  const { kernel, cpu } = t;
  const way: Way = {
    text: `clears the entry of ${kernel.name(link)}`,
    set: [`ent_${link.id} = 0`],
    ops: (e) =>
      e.emit(OP.UL, cpu, [
        e.names.mm(MM_NAMES[link.mm]!),
        e.names.va(kernel.va(link)),
        e.names.page(kernel.name(link)),
        Number.NaN,
      ]),
  };
  return kernel.rivals ? [{ ...way, when: `ent_${link.id} == 1` }, passedOver(t, link, gone)] : [way];
}

export const PROGRAMS: readonly ProgramKind[] = [
  {
    name: 'munmap',
    what: 'munmap(): VMA detached, tables unlinked, flushed, freed by the variant’s path',
    source: 'mm/vma.c vms_clear_ptes(), mm/memory.c free_pgtables(), mm/mmu_gather.c',
    write: munmap,
  },
  {
    name: 'munmap-full',
    what: 'the same with a batch, or a page batch, that may be full at each table',
    source: 'mm/mmu_gather.c tlb_remove_table() MAX_TABLE_BATCH, __tlb_remove_page_size(), tlb_flush_mmu()',
    write: munmapFull,
  },
  {
    name: 'exit_mmap',
    what: 'the last user of the mm goes',
    source: 'mm/mmap.c exit_mmap()',
    write: exitMmap,
  },
  {
    name: 'madvise-dontneed',
    what: 'madvise(MADV_DONTNEED) that reclaims empty tables under mmap_lock for reading',
    source: 'mm/memory.c zap_pte_range(), mm/pt_reclaim.c; 6375e95f381e',
    write: madvise,
  },
  {
    name: 'collapse',
    what: 'khugepaged collapses into a huge page; the table is deposited',
    source: 'mm/khugepaged.c collapse_huge_page(); 2ba99c5e0881',
    write: collapse,
  },
  {
    name: 'retract',
    what: 'khugepaged retracts a file’s table and frees it by pte_free_defer()',
    source: 'mm/khugepaged.c retract_page_tables(); 1d65b771bc08',
    write: retract,
  },
  {
    name: 'pgd-free',
    what: 'the top-level table goes, which hangs on pgd_list by the words that a rcu_head would use',
    source: 'arch/x86/mm/pgtable.c pgd_free()',
    level: 5,
    write: pgdFree,
  },
  {
    name: 'pmd-free',
    what: 'a PMD table goes on which a PTE table is deposited',
    source: 'mm/memory.c free_pmd_range(), mm/huge_memory.c zap_deposited_table()',
    level: 2,
    write: pmdFree,
  },
  UNSHARE_KIND,
  ...USER_TABLES,
  ...USER_PAGES,
  ...KERNEL_TABLES,
];

export function programKind(name: string): ProgramKind {
  const kind = PROGRAMS.find((p) => p.name === name);
  if (!kind) {
    throw new UsageError(`there is no program ${name}; known: ${PROGRAMS.map((p) => p.name).join(', ')}`);
  }
  return kind;
}
