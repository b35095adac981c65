import { OP } from '../../kernel/ops.js';
import { type Link, MM_NAMES, pageName } from '../kernel.js';
import type { Way } from '../thread.js';
import type { Verb } from './verb.js';
import { Nonsense, pend, type StepWriter, tableOf } from './writer.js';

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
    name: 'detach',
    args: '',
    what: 'takes the VMA out of the tree: find-vma finds none from here on',
    source: 'mm/vma.c vms_gather_munmap_vmas()',
    write: (w) => w.step({ text: 'detaches the VMA', set: [`${w.kernel.model.variable('detached')} = 1`] }),
  },
  {
    name: 'vma-unlink',
    args: 'ENTRY',
    what: 'takes the VMA off its file: find-vma finds none from here on, and who frees the page cannot know of it',
    source: 'mm/vma.c unlink_file_vma(); commit b67fbebd4cf9',
    write: (w, [entry]) => {
      const link = w.entry(entry!);
      w.step({
        text: 'takes the VMA off its file',
        set: [`${w.kernel.model.variable('detached')} = 1`],
        ops: (e) => e.emit(OP.VMAUL, w.t.cpu, [e.names.mm(MM_NAMES[link.mm]!), e.names.va(link.va)]),
      });
    },
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
