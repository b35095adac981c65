import { OP } from '../../kernel/ops.js';
import { all } from '../command.js';
import { FREED, type Link, MM_NAMES, pageName } from '../kernel.js';
import { callbackOps, callRcuOps, queued, synchronizeRcu } from '../rcu.js';
import { flush, syncIpi } from '../shootdown.js';
import type { Way } from '../thread.js';
import type { Verb } from './verb.js';
import { Nonsense, type StepWriter } from './writer.js';

const tableOf = (w: StepWriter, link: Link) => w.kernel.tables[link.table]!;
const pend = (w: StepWriter): string => w.t.own('pend');

/** The entry goes, as a trace would show it. */
function unlinkOps(w: StepWriter, link: Link): NonNullable<Way['ops']> {
  const needs = w.needs.splice(0);
  return (e) => {
    for (const lock of needs) e.emit(OP.NEED, w.t.cpu, [e.funcs.idOfName(lock)]);
    const mm = e.names.mm(MM_NAMES[link.mm]!);
    e.emit(OP.UL, w.t.cpu, [mm, e.names.va(link.va), e.names.page(w.kernel.name(link)), Number.NaN]);
  };
}

function linkOps(w: StepWriter, link: Link): NonNullable<Way['ops']> {
  const table = tableOf(w, link);
  return (e, read) => {
    const [page, va] = [e.names.page(table.name), e.names.va(link.va)];
    e.emit(OP.LINK, w.t.cpu, [e.names.mm(MM_NAMES[link.mm]!), va, page, table.level]);
    if (table.page && read(`leaf_${table.id}`) === 1)
      e.emit(OP.SETE, w.t.cpu, [page, va, e.names.page(pageName(table))]);
  };
}

const clearsPage =
  (w: StepWriter, link: Link): NonNullable<Way['ops']> =>
  (e) =>
    e.emit(OP.CLRE, w.t.cpu, [e.names.page(w.kernel.name(link)), e.names.va(link.va)]);

/** One step for each way a page or table may have gone before. */
function frees(w: StepWriter, variable: string, what: string, free: Way): void {
  const bad = w.kernel.model.wrong('free', `${what} is freed twice`);
  w.step(
    { ...free, when: `${variable} == 0` },
    { ...free, text: `${free.text} again`, when: `${variable} != 0`, set: [`bad = ${bad}`] },
  );
}

function flushes(w: StepWriter, entry: string | undefined, wholeMask: boolean): void {
  const only = entry === undefined ? null : w.entry(entry);
  const mm = only?.mm ?? w.mm;
  flush(w.t, mm, wholeMask, only ? [] : [`${pend(w)} = 0`], only);
}

/** tlb_remove_table_one(): the head inside the table. */
function callRcu(w: StepWriter, link: Link): void {
  const { t, kernel, freer } = w;
  const table = tableOf(w, link);
  const waits = kernel.model.variable(`qd_${table.id}`);
  const name = `${table.name}.pt`;
  const cb = freer.callbacks.add(kernel, {
    cpu: t.cpu,
    name,
    runs: [`freed_${table.id} = ${FREED.byCallback}`, `${waits} = 0`],
    text: `the callback of ${table.name} runs: it is free`,
    ops: (e) => callbackOps(e, t.cpu, name, [table]),
    waiter: false,
  });
  const queue = kernel.model.wrong(
    'queue',
    `call_rcu() on the head of ${table.name}, which is queued already`,
  );
  const gone = kernel.model.wrong('free', `call_rcu() on the head inside ${table.name}, which is free`);
  const way: Way = {
    text: `call_rcu() for ${table.name}`,
    ops: (e) => callRcuOps(e, t.cpu, name, [table]),
  };
  w.step(
    {
      ...way,
      when: all(`${waits} == 0`, `freed_${table.id} == 0`),
      set: [...queued(kernel, cb), `${waits} = 1`],
    },
    { ...way, text: `${way.text} again`, when: `${waits} == 1`, set: [`bad = ${queue}`] },
    {
      ...way,
      text: `${way.text}, which is free`,
      when: all(`${waits} == 0`, `freed_${table.id} != 0`),
      set: [`bad = ${gone}`],
    },
  );
}

export const TABLE_VERBS: readonly Verb[] = [
  {
    name: 'unlink',
    args: 'ENTRY',
    what: 'clears the entry that leads to the table; hardware may still have cached it',
    source: 'mm/memory.c free_pte_range()',
    write: (w, [entry]) => {
      const link = w.entry(entry!);
      w.step({
        text: `clears the entry of ${link.name}`,
        set: [`ent_${link.id} = 0`, `${pend(w)} = 1`],
        ops: unlinkOps(w, link),
      });
    },
  },
  {
    name: 'unlink-if-empty',
    args: 'ENTRY',
    what: 'clears it if no walker has set an entry of the table meanwhile; else goes where the innermost section ends',
    source: 'mm/pt_reclaim.c try_to_free_pte()',
    write: (w, [entry]) => {
      const link = w.entry(entry!);
      const used = w.kernel.model.variable(`used_${link.table}`);
      const unlink = unlinkOps(w, link);
      w.step(
        {
          text: `${w.kernel.name(link)} is empty: clears the entry of ${link.name}`,
          when: `${used} == 0`,
          set: [`ent_${link.id} = 0`, `${pend(w)} = 1`],
          ops: (e, read) => {
            e.emit(OP.EMPTY, w.t.cpu, [e.names.page(w.kernel.name(link))]);
            unlink(e, read);
          },
        },
        { text: `${w.kernel.name(link)} is not empty: keeps it`, when: `${used} == 1`, to: w.out },
      );
    },
  },
  {
    name: 'link',
    args: 'ENTRY',
    what: 'sets the entry: it leads to its table',
    source: 'mm/memory.c pmd_install()',
    write: (w, [entry]) => {
      const link = w.entry(entry!);
      const { id, name } = tableOf(w, link);
      const bad = w.kernel.model.wrong('link', `an entry is set that leads to ${name}, which is free`);
      const way: Way = { text: `sets the entry of ${link.name}`, ops: linkOps(w, link) };
      w.step(
        { ...way, when: `freed_${id} == 0`, set: [`ent_${link.id} = 1`] },
        { ...way, when: `freed_${id} != 0`, set: [`bad = ${bad}`] },
      );
    },
  },
  {
    name: 'move',
    args: 'ENTRY TO',
    what: 'reads one entry, clears it and sets the other to what was read: an entry that was none by then makes page 0 a table',
    source: 'mm/mremap.c move_normal_pmd(); commit 6fa1066fc5d0',
    write: (w, [from, to]) => {
      const [a, b] = [w.entry(from!), w.entry(to!)];
      if (a.table !== b.table) throw new Nonsense(`${from} and ${to} lead to different tables`);
      const bad = w.kernel.model.wrong(
        'move',
        `${b.name} is set to what ${a.name} held, which is none by now`,
      );
      const [unlink, link, clears] = [unlinkOps(w, a), linkOps(w, b), clearsPage(w, a)];
      const { page, id } = tableOf(w, a);
      w.step(
        {
          text: `moves the entry of ${a.name} to ${b.name}`,
          when: `ent_${a.id} == 1`,
          set: [`ent_${a.id} = 0`, `ent_${b.id} = 1`, `${pend(w)} = 1`],
          ops: (e, read) => {
            if (page && read(`leaf_${id}`) === 1) clears(e, read);
            unlink(e, read);
            link(e, read);
          },
        },
        {
          text: `sets the entry of ${b.name} to page 0: ${a.name} was none`,
          when: `ent_${a.id} == 0`,
          set: [`bad = ${bad}`],
          ops: (e) =>
            e.emit(OP.MOVE, w.t.cpu, [e.names.mm(MM_NAMES[b.mm]!), e.names.va(b.va), e.names.page('PFN0')]),
        },
      );
    },
  },
  {
    name: 'zap',
    args: 'ENTRY',
    what: 'clears the entry of the data page below the table',
    source: 'mm/memory.c zap_pte_range()',
    write: (w, [entry]) => {
      const link = w.paged(entry!);
      w.step({
        text: `clears the entry of ${pageName(tableOf(w, link))}`,
        set: [`leaf_${link.table} = 0`, `${pend(w)} = 1`],
        ops: clearsPage(w, link),
      });
    },
  },
  {
    name: 'write-protect',
    args: 'ENTRY',
    what: 'takes the right to write away from the data page’s entry; writable translations may still be cached',
    source: 'mm/memory.c copy_present_ptes()',
    write: (w, [entry]) => {
      const link = w.paged(entry!);
      w.step({
        text: `write-protects ${pageName(tableOf(w, link))}`,
        set: [`leaf_${link.table} = 0`, `${pend(w)} = 1`],
        ops: clearsPage(w, link),
      });
    },
  },
  {
    name: 'install',
    args: 'ENTRY',
    what: 'maps another page where the data page was',
    source: 'mm/migrate.c remove_migration_pte()',
    write: (w, [entry]) => {
      const link = w.paged(entry!);
      w.step({
        text: `maps another page in ${w.kernel.name(link)}`,
        ops: (e) =>
          e.emit(OP.SETE, w.t.cpu, [
            e.names.page(w.kernel.name(link)),
            e.names.va(link.va),
            e.names.page(`new page of ${w.kernel.name(link)}`),
          ]),
      });
    },
  },
  {
    name: 'install-huge',
    args: 'ENTRY',
    what: 'maps a huge page where the table was; no translation of the small pages may be left',
    source: 'mm/khugepaged.c collapse_huge_page(); Intel AN 317080, AMD erratum 383',
    write: (w, [entry]) => {
      const link = w.paged(entry!);
      w.step({
        text: `maps a huge page where ${link.name} was`,
        set: [`${w.kernel.mark('huge', link)} = 1`],
        ops: (e) =>
          e.emit(OP.HUGE, w.t.cpu, [
            e.names.mm(MM_NAMES[link.mm]!),
            e.names.va(link.va),
            e.names.page('huge page'),
          ]),
      });
    },
  },
  {
    name: 'return',
    args: 'ENTRY',
    what: 'returns to user space with the promise that what the entry mapped is gone',
    source: 'POSIX munmap(); mm/madvise.c; commits 99baac21e458, 3ea277194daa',
    write: (w, [entry]) => {
      const link = w.paged(entry!);
      w.step({
        text: `returns: ${link.name} is gone`,
        set: [`${w.kernel.mark('gone', link)} = 1`],
        ops: (e) => e.emit(OP.GONE, w.t.cpu, [e.names.mm(MM_NAMES[link.mm]!), e.names.va(link.va)]),
      });
    },
  },
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
  {
    name: 'call-rcu',
    args: 'ENTRY',
    what: 'call_rcu() on the head inside the table: its callback frees it',
    source: 'mm/mmu_gather.c __tlb_remove_table_one()',
    write: (w, [entry]) => callRcu(w, w.entry(entry!)),
  },
  {
    name: 'free',
    args: 'ENTRY',
    what: 'the thread itself frees the table',
    source: 'mm/mmu_gather.c __tlb_remove_table()',
    write: (w, [entry]) => {
      const { id, name } = tableOf(w, w.entry(entry!));
      frees(w, `freed_${id}`, name, {
        text: `frees ${name}`,
        set: [`freed_${id} = ${FREED.directly}`],
        ops: (e) => e.emit(OP.FREE, w.t.cpu, [e.names.page(name), 0]),
      });
    },
  },
  {
    name: 'reuse',
    args: 'ENTRY',
    what: 'uses the table for something else without freeing it',
    source: 'mm/khugepaged.c pgtable_trans_huge_deposit()',
    write: (w, [entry]) => {
      const { id, name } = tableOf(w, w.entry(entry!));
      frees(w, `freed_${id}`, name, {
        text: `uses ${name} for something else`,
        set: [`freed_${id} = ${FREED.reused}`],
        ops: (e) => e.emit(OP.REUSE, w.t.cpu, [e.names.page(name)]),
      });
    },
  },
  {
    name: 'free-page',
    args: 'ENTRY',
    what: 'frees the data page below the table',
    source: 'mm/mmu_gather.c tlb_batch_pages_flush()',
    write: (w, [entry]) => {
      const table = tableOf(w, w.paged(entry!));
      frees(w, `pfree_${table.id}`, pageName(table), {
        text: `frees ${pageName(table)}`,
        set: [`pfree_${table.id} = 1`],
        ops: (e) => e.emit(OP.FREE, w.t.cpu, [e.names.page(pageName(table)), 0]),
      });
    },
  },
  {
    name: 'remove',
    args: 'ENTRY',
    what: 'tlb_remove_table(): into the batch, or alone where there is no page for one, by the variant’s own steps',
    source: 'mm/mmu_gather.c tlb_remove_table()',
    write: (w, [entry]) => w.gather.remove(w.entry(entry!)),
  },
  {
    name: 'finish',
    args: '',
    what: 'tlb_finish_mmu(): flushes what is pending, hands the batch to RCU, frees the pages',
    source: 'mm/mmu_gather.c tlb_finish_mmu()',
    write: (w) => w.gather.finish(),
  },
  {
    name: 'detach',
    args: '',
    what: 'takes the VMA out of the tree: find-vma finds none from here on',
    source: 'mm/vma.c vms_gather_munmap_vmas()',
    write: (w) => w.step({ text: 'detaches the VMA', set: [`${w.kernel.model.variable('detached')} = 1`] }),
  },
  {
    name: 'find-vma',
    args: '',
    what: 'goes on only while the VMA is there; else where the innermost section ends',
    source: 'mm/mmap_lock.c; mm/vma.c',
    write: (w) => {
      const detached = w.kernel.model.variable('detached');
      w.step(
        { text: 'finds the VMA', when: `${detached} == 0` },
        { text: 'finds no VMA', when: `${detached} == 1`, to: w.out },
      );
    },
  },
];
