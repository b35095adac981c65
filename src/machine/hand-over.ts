import { OP } from '../kernel/ops.js';
import { any, type Read } from './command.js';
import { FREED, type Table } from './kernel.js';
import { type Callback, type Callbacks, callbackOps, callRcuOps, queued } from './rcu.js';
import { Label, type Thread, type Way } from './thread.js';

/** State of a table on its way through a gather: value of `in_N`. `queued`: with the first batch; one more for each further one. */
export const IN = { none: 0, pending: 1, batch: 2, queued: 3 } as const;

/** The batch of a gather as it stands. */
export interface Batch {
  /** Batches of this gather that may have been handed over before. */
  readonly order: number;
  /** All tables of the gather. */
  readonly tables: readonly Table[];
  /** Variable that says where a table is: `IN`. */
  readonly place: (table: Table) => string;
}

/** call_rcu() for the tables in the batch, if there are any; its callback frees these and no others. */
export function handOver(t: Thread, callbacks: Callbacks, { order, tables, place }: Batch): void {
  const { kernel, cpu } = t;
  const name = order === 0 ? `batch ${cpu}` : `batch ${cpu}.${order}`;
  const away = IN.queued + order;
  const [handed, done] = [new Label(), new Label()];
  const those = (state: number) => (read: Read) => tables.filter((table) => read(place(table)) === state);
  /** Assignments for each table that is there. */
  const each = (state: number, set: (table: Table) => readonly [name: string, value: number][]): string[] =>
    tables.flatMap((table) =>
      set(table).map(([name, value]) => `${name} = (${place(table)} == ${state} ? ${value} : ${name})`),
    );
  const cb = callbacks.add(kernel, {
    cpu,
    name,
    runs: each(away, (table) => [
      [`freed_${table.id}`, FREED.byCallback],
      [place(table), IN.none],
    ]),
    text: 'the callback of the batch runs: its tables are free',
    ops: (e, read) => callbackOps(e, cpu, name, those(away)(read)),
    waiter: false,
  });
  const some = any(tables.map((table) => `${place(table)} == ${IN.batch}`));
  const none = tables.map((table) => `${place(table)} != ${IN.batch}`).join(' && ');
  if (kernel.broken('free-in-call')) {
    t.step(
      {
        text: 'call_rcu() for the batch, and frees its tables itself',
        when: some,
        set: each(IN.batch, (table) => [
          [`freed_${table.id}`, FREED.directly],
          [place(table), IN.none],
        ]),
        ops: (e, read) => {
          const batch = those(IN.batch)(read);
          callRcuOps(e, cpu, name, batch);
          for (const table of batch) e.emit(OP.FREE, cpu, [e.names.page(table.name), 0]);
        },
      },
      { text: 'there is no batch', when: none },
    );
    return;
  }
  t.step(
    {
      text: 'call_rcu() for the batch',
      when: some,
      set: [...each(IN.batch, (table) => [[place(table), away]]), ...queued(kernel, cb)],
      to: handed,
      ops: (e, read) => callRcuOps(e, cpu, name, those(IN.batch)(read)),
    },
    { text: 'there is no batch', when: none, to: done },
  );
  t.here(handed);
  if (kernel.broken('queue-twice')) queueAgain(t, cb, 'the batch', those(away));
  t.here(done);
}

/** The same head again: a bug, unless its callback has run meanwhile. */
export function queueAgain(
  t: Thread,
  cb: Callback,
  what: string,
  tables: (read: Read) => readonly Table[],
): void {
  const { kernel, cpu } = t;
  const bad = kernel.model.wrong('queue', `call_rcu() on the head of ${what}, which is queued already`);
  const ops: Way['ops'] = (e, read) => callRcuOps(e, cpu, cb.name, tables(read));
  t.step(
    { text: `call_rcu() for ${what} again`, when: `cb_${cb.id} != 0`, set: [`bad = ${bad}`], ops },
    { text: `the callback of ${what} has run meanwhile`, when: `cb_${cb.id} == 0` },
  );
}
