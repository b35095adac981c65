import type { FreePath } from '../kernel/free-paths.js';
import { Gather } from './gather.js';
import { handlers } from './handlers.js';
import { Kernel, pageName } from './kernel.js';
import { type Machine, Model } from './model.js';
import { Callbacks, rcu, readerState } from './rcu.js';
import { Run, Steps } from './run.js';
import { Label, Thread } from './thread.js';

/** One munmap of any size, for those who drive it by a clock or by a recording. */
export interface GatherSetting {
  readonly path: FreePath;
  /** CPUs that are online and do not have the mm: 1 … */
  readonly idle: number;
  /** CPUs besides CPU 0 that have the mm loaded: those behind the idle ones. */
  readonly others: number;
  /** Names of `MMU_RULES`. */
  readonly broken: ReadonlySet<string>;
  readonly sometimes: ReadonlySet<string>;
}

export const FREER = 'thread 0';
/** CPU 0 waits for a grace period in this variable only. */
const TABLE = 'T0';

/**
 * The steps of `munmap-full` (`freers.ts`) over any number of data pages and tables. One table stands for each in turn, and
 * for all those that wait in the gather; how many there are, where there is memory, when something is full is chosen by
 * the driver, by `Cue`.
 */
export function gatherMachine(setting: GatherSetting): Machine {
  const { path, idle, others, broken, sometimes } = setting;
  const kernel = new Kernel(new Model(1 + idle + others), {
    flush: 'ipi',
    broken,
    sometimes,
    preempt: false,
    expedited: false,
  });
  const { model } = kernel;
  const table = kernel.table(TABLE, 1, true);
  const link = kernel.link(1, table);
  for (const cpu of kernel.cpuIds) {
    kernel.loads(cpu, cpu > 0 && cpu <= idle ? 0 : 1);
    readerState(kernel, cpu);
  }
  const callbacks = new Callbacks();
  const t = new Thread(kernel, 0, 'munmap');
  const gather = new Gather(t, [link], path, 'both', callbacks);
  const [pages, tables, finish] = [new Label(), new Label(), new Label()];

  t.here(pages);
  const zapped = new Label();
  t.step(
    { ...gather.zapWay(link), cue: 'page', to: zapped },
    { text: 'no data page is left', cue: 'no-page', to: tables },
  );
  t.here(zapped);
  t.step(
    { text: 'the page batch has room', cue: 'room', to: pages },
    { text: 'the page batch is full', cue: 'full' },
  );
  gather.finish('tlb_flush_mmu()', false);
  t.step({ text: 'goes on with the pages', to: pages });

  t.here(tables);
  const unlinked = new Label();
  t.step(
    { ...gather.unlinkWay(link), cue: 'table', to: unlinked },
    { text: 'no table is left', cue: 'no-table', to: finish },
  );
  t.here(unlinked);
  gather.removeInto(link);
  t.step(
    { text: 'goes on below', cue: 'below', to: tables },
    {
      text: 'p4d_free_tlb() is folded: the gather has something pending',
      cue: 'top',
      set: [`pend_${t.cpu} = 1`],
      to: tables,
    },
  );
  t.here(finish);
  gather.finish();
  t.end();

  for (const cpu of kernel.others(0)) handlers(kernel, cpu, [0]);
  const waits = new Callbacks();
  waits.list.push(...callbacks.list.filter((cb) => cb.waiter));
  rcu(kernel, waits);
  // What the task releases is told by them, though no walker looks.
  for (const name of [`freed_${table.id}`, `pfree_${table.id}`]) model.watch(name);
  return model.build(`munmap on ${path.variant}`, [], [table.name, pageName(table)]);
}

/** What somebody who sleeps through a whole grace period sees of RCU: it begins, every CPU reports, it ends. */
export function gracePeriod(run: Run): void {
  const all = (actor: string): void => {
    for (const command of run.enabled(actor)) run.take(command);
  };
  all('rcu');
  for (let cpu = 0; cpu < run.steps.machine.cpus; cpu++) all(`cpu ${cpu}`);
  all('rcu');
}

export const gatherRun = (setting: GatherSetting): Run => new Run(new Steps(gatherMachine(setting)));
