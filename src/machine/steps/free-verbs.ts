import { OP } from '../../kernel/ops.js';
import { all } from '../command.js';
import { FREED, type Link, MM_NAMES, pageName } from '../kernel.js';
import { callbackOps, callRcuOps, queued } from '../rcu.js';
import type { Way } from '../thread.js';
import type { Verb } from './verb.js';
import { type StepWriter, tableOf } from './writer.js';

/** One step for each way a page or table may have gone before. */
function frees(w: StepWriter, variable: string, what: string, free: Way): void {
  const bad = w.kernel.model.wrong('free', `${what} is freed twice`);
  w.step(
    { ...free, when: `${variable} == 0` },
    { ...free, text: `${free.text} again`, when: `${variable} != 0`, set: [`bad = ${bad}`] },
  );
}

/** pte_free_defer(): the head inside the table, which has been flushed. */
function callRcu(w: StepWriter, link: Link): void {
  const { t, kernel, freer } = w;
  const table = tableOf(w, link);
  const waits = kernel.model.variable(`qd_${table.id}`);
  const name = `${table.name}.pt`;
  const cb = freer.callbacks.add(kernel, {
    cpu: t.cpu,
    name,
    runs: [
      `bad = (freed_${table.id} != 0 ? ${w.kernel.model.wrong('free', `${table.name} is freed twice`)} : bad)`,
      `freed_${table.id} = ${FREED.byCallback}`,
      `${waits} = 0`,
    ],
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
    ops: (e) => {
      const mm = e.names.mm(MM_NAMES[link.mm]!);
      e.emit(OP.DEFER, t.cpu, [mm, e.names.page(table.name)]);
      callRcuOps(e, t.cpu, name, [table]);
    },
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

/** Steps that give tables and pages away. */
export const FREE_VERBS: readonly Verb[] = [
  {
    name: 'call-rcu',
    args: 'ENTRY',
    what: 'call_rcu() on the head inside the table, which has been flushed: its callback frees it',
    source: 'mm/pgtable-generic.c pte_free_defer()',
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
];
