import { OP } from '../kernel/ops.js';
import { Gather } from './gather.js';
import { FREED, type Link } from './kernel.js';
import { lockWay, unlockWay } from './locks.js';
import type { Freer } from './program.js';
import { UNION } from './ptdesc-union.js';
import { Thread, type Way } from './thread.js';

/** pgd_free(): off the list of PGDs under pgd_lock, freed at once; no CPU has the mm any more. */
export function pgdFree(cpu: number, freer: Freer): void {
  const { kernel, links, path, memory, callbacks } = freer;
  const t = new Thread(kernel, cpu, 'pgd_free');
  const { model } = kernel;
  for (const link of links) {
    const table = kernel.tables[link.table]!;
    const un = model.variable(`un_${table.id}`);
    model.starts(un, UNION.list);
    model.onSetup((e) => e.emit(OP.PGD, 0, [e.names.page(table.name)]));
  }
  const gather = new Gather(t, links, path, memory, callbacks);
  for (const link of links) {
    const table = kernel.tables[link.table]!;
    t.step(gather.unlinkWay(link, { text: `nobody has ${table.name} in CR3 any more` }));
    if (kernel.broken('pgd-through-gather')) {
      gather.remove(link);
      continue;
    }
    t.step(lockWay(t, 'pgd_lock', { spin: true }));
    t.step({ text: `takes ${table.name} off pgd_list`, set: [`un_${table.id} = ${UNION.free}`] });
    t.step(unlockWay(t, 'pgd_lock', { spin: true }));
    t.step({
      text: `frees ${table.name}`,
      set: [`freed_${table.id} = ${FREED.directly}`],
    });
  }
  if (kernel.broken('pgd-through-gather')) gather.finish();
  t.end();
}

/** free_pmd_range() of a table on which khugepaged has deposited a PTE table. */
export function pmdFree(cpu: number, freer: Freer): void {
  const { kernel, links, path, memory, callbacks } = freer;
  const t = new Thread(kernel, cpu, 'munmap: free_pmd_range');
  const { model } = kernel;
  for (const link of links) {
    const { id, name } = kernel.tables[link.table]!;
    model.variable(`un_${id}`);
    model.starts(`un_${id}`, UNION.deposit);
    model.onSetup((e) => e.emit(OP.DEP, 0, [e.names.page(`deposit of ${name}`), e.names.page(name)]));
  }
  const gather = new Gather(t, links, path, memory, callbacks);
  for (const link of links) {
    const { id, name } = kernel.tables[link.table]!;
    if (!kernel.broken('deposit-not-zapped')) {
      t.step({
        text: `zap_deposited_table(): frees the table deposited on ${name}`,
        set: [`un_${id} = ${UNION.free}`],
        ops: (e) => e.emit(OP.WDR, cpu, [e.names.page(`deposit of ${name}`)]),
      });
    }
    t.step(gather.unlinkWay(link));
    gather.remove(link);
  }
  gather.finish();
  t.end();
}

/** sync_global_pgds() and others: under pgd_lock from one PGD to the next by pt_list. */
export function walksPgdList(t: Thread, links: readonly Link[]): void {
  const { kernel } = t;
  t.step(lockWay(t, 'pgd_lock', { spin: true }));
  t.step(
    ...links.flatMap((link): Way[] => {
      const { id, name } = kernel.tables[link.table]!;
      const un = kernel.model.variable(`un_${id}`);
      const bad = kernel.model.wrong(
        'union',
        `a walk of pgd_list follows pt_list of ${name}, which is a rcu_head now`,
      );
      return [
        { text: `reads pt_list of ${name}`, when: `${un} != ${UNION.headOverList}` },
        {
          text: `reads pt_list of ${name}, which is a rcu_head now`,
          when: `${un} == ${UNION.headOverList}`,
          set: [`bad = ${bad}`],
        },
      ];
    }),
  );
  t.step(unlockWay(t, 'pgd_lock', { spin: true }));
}
