import { CR_SOURCE, OP } from '../kernel/ops.js';
import { all, any } from './command.js';
import { type Emitter, SOFTIRQ } from './emitter.js';
import type { Kernel, Table } from './kernel.js';
import type { Thread } from './thread.js';

const NAN = Number.NaN;

/**
 * State of a callback: none, queued (a grace period must begin first), waiting for the one in progress, ready. A
 * callback queued while one is in progress waits for the next: `rcu_seq_snap()` (kernel/rcu/rcu.h).
 */
export const CB = { none: 0, queued: 1, waiting: 2, ready: 3 } as const;

/** A head that a program hands to call_rcu(), and what its callback does. */
export interface Callback {
  readonly id: number;
  /** CPU that queues it and runs its callback. */
  readonly cpu: number;
  readonly name: string;
  readonly runs: readonly string[];
  readonly text: string;
  readonly ops: ((e: Emitter, read: (name: string) => number) => void) | null;
  /** synchronize_rcu(): the thread itself waits, nothing runs. */
  readonly waiter: boolean;
}

/** The heads of one machine. */
export class Callbacks {
  readonly list: Callback[] = [];

  add(kernel: Kernel, head: Omit<Callback, 'id'>): Callback {
    const callback = { ...head, id: this.list.length };
    this.list.push(callback);
    kernel.model.variable(`cb_${callback.id}`);
    if (kernel.setting.expedited) kernel.model.variable(`xcb_${callback.id}`);
    return callback;
  }
}

/** Assignments that queue a callback. */
export const queued = (kernel: Kernel, cb: Callback): string[] => [
  `cb_${cb.id} = ${CB.queued}`,
  ...(kernel.setting.expedited ? [`xcb_${cb.id} = ${CB.queued}`] : []),
];

/** The grace period that a callback waits for is over. */
export const ready = (kernel: Kernel, cb: Callback): string =>
  any([`cb_${cb.id} == ${CB.ready}`, ...(kernel.setting.expedited ? [`xcb_${cb.id} == ${CB.ready}`] : [])]);

const done = (kernel: Kernel, cb: Callback): string[] => [
  `cb_${cb.id} = 0`,
  ...(kernel.setting.expedited ? [`xcb_${cb.id} = 0`] : []),
];

/** call_rcu() for tables, as a trace shows it. */
export function callRcuOps(e: Emitter, cpu: number, name: string, tables: readonly Table[]): void {
  const head = e.names.head(name);
  e.emit(OP.CR, cpu, [head.addr, head.func, head.page, NAN, CR_SOURCE.call_rcu]);
  e.emit(OP.RQ, cpu, [head.rhp, head.func]);
  for (const table of tables) e.emit(OP.BIND, cpu, [head.addr, NAN, e.names.page(table.name)]);
}

/** The callback of a table head, and the tables that it frees. */
export function callbackOps(e: Emitter, cpu: number, name: string, tables: readonly Table[]): void {
  const head = e.names.head(name);
  e.emit(OP.RI, cpu, [head.rhp, head.func], SOFTIRQ);
  const single = name.endsWith('.pt');
  if (!single) e.emit(OP.CB, cpu, [head.addr, head.func, head.page, NAN], SOFTIRQ);
  for (const table of tables) e.emit(OP.FREE, cpu, [e.names.page(table.name), 0], SOFTIRQ);
  if (!single) e.emit(OP.CBret, cpu, [NAN, head.func], SOFTIRQ);
}

/** synchronize_rcu() in a thread. */
export function synchronizeRcu(t: Thread, callbacks: Callbacks): void {
  const { kernel, cpu } = t;
  const waiter = callbacks.add(kernel, {
    cpu,
    name: 'synchronize_rcu()',
    runs: [],
    text: '',
    ops: null,
    waiter: true,
  });
  t.step({
    text: 'synchronize_rcu(): waits for a grace period',
    set: queued(kernel, waiter),
    ops: (e) => e.emit(OP.SYNCR, cpu, [1]),
  });
  t.step({
    text: 'synchronize_rcu() returns',
    when: ready(kernel, waiter),
    set: done(kernel, waiter),
    ops: (e) => e.emit(OP.SYNCR, cpu, [0]),
  });
}

/** Variables of one kind of grace period; all CPUs alike. */
interface Kind {
  readonly gp: string;
  readonly owe: (cpu: number) => string;
  readonly held: (cpu: number) => string;
  readonly cb: (id: number) => string;
  readonly name: string;
  readonly shown: boolean;
}

const NORMAL: Kind = {
  gp: 'gp',
  owe: (cpu) => `owe_${cpu}`,
  held: (cpu) => `held_${cpu}`,
  cb: (id) => `cb_${id}`,
  name: 'grace period',
  shown: true,
};
const EXPEDITED: Kind = {
  gp: 'xgp',
  owe: (cpu) => `xowe_${cpu}`,
  held: (cpu) => `xheld_${cpu}`,
  cb: (id) => `xcb_${id}`,
  name: 'expedited grace period',
  shown: false,
};

export const kinds = (kernel: Kernel): Kind[] => (kernel.setting.expedited ? [NORMAL, EXPEDITED] : [NORMAL]);

/** Variables of a reader section on a CPU: declared before the threads that open one. */
export function readerState(kernel: Kernel, cpu: number): void {
  const { model } = kernel;
  model.variable(`irq_${cpu}`, 0, cpu);
  model.variable(`rcu_${cpu}`, 0, cpu);
  if (kernel.setting.preempt) model.variable(`pre_${cpu}`, 0, cpu);
  for (const kind of kinds(kernel)) {
    model.variable(kind.gp);
    model.variable(kind.owe(cpu), 0, cpu);
    if (kernel.setting.preempt) model.variable(kind.held(cpu), 0, cpu);
  }
}

/** Assignments at rcu_read_unlock(): a grace period that this reader holds up may go on. */
export const unlocked = (kernel: Kernel, cpu: number): string[] => [
  `rcu_${cpu} = 0`,
  ...(kernel.setting.preempt
    ? [`pre_${cpu} = 0`, ...kinds(kernel).map((kind) => `${kind.held(cpu)} = 0`)]
    : []),
];

/**
 * Tree RCU (kernel/rcu/tree.c, tree_plugin.h, tree_exp.h): grace periods that begin when somebody waits for one, end
 * when every CPU and every preempted reader has reported, and then the callbacks. Last: it must know all heads.
 */
export function rcu(kernel: Kernel, callbacks: Callbacks): void {
  for (const kind of kinds(kernel)) gracePeriods(kernel, callbacks, kind);
  for (const cpu of kernel.cpuIds) preemption(kernel, cpu);
  const early = kernel.broken('callbacks-before-gp');
  const twice = kernel.broken('callback-runs-twice');
  for (const cb of callbacks.list) {
    if (cb.waiter) continue;
    // A CPU runs its callbacks in the order of its queue (kernel/rcu/tree.c rcu_do_batch()); numbers follow the program.
    const before = callbacks.list.filter((b) => b.id < cb.id && b.cpu === cb.cpu && !b.waiter);
    kernel.model.command({
      actor: `softirq ${cb.cpu}`,
      cpu: cb.cpu,
      at: -1,
      guard: all(
        early ? `cb_${cb.id} != 0` : ready(kernel, cb),
        ...before.map((b) => `cb_${b.id} == ${CB.none}`),
      ),
      set: [...cb.runs, ...(twice ? runsAgain(kernel, cb) : done(kernel, cb))],
      text: cb.text,
      ops: cb.ops,
    });
  }
}

/** It stays on its list, and is run once more. */
function runsAgain(kernel: Kernel, cb: Callback): string[] {
  const ran = kernel.model.variable(`ran_${cb.id}`);
  const bad = kernel.model.wrong('callback', `the callback of ${cb.name} runs twice`);
  return [`bad = (${ran} == 1 ? ${bad} : bad)`, `${ran} = 1`];
}

function gracePeriods(kernel: Kernel, callbacks: Callbacks, kind: Kind): void {
  const { model, cpuIds } = kernel;
  const { preempt } = kernel.setting;
  const ids = callbacks.list.map((cb) => kind.cb(cb.id));
  if (ids.length === 0) return;
  const step = (set: string[], from: number, to: number): string[] => [
    ...set,
    ...ids.map((id) => `${id} = (${id} == ${from} ? ${to} : ${id})`),
  ];
  model.command({
    actor: 'rcu',
    cpu: -1,
    at: -1,
    guard: all(`${kind.gp} == 0`, any(ids.map((id) => `${id} == ${CB.queued}`))),
    set: step(
      [
        `${kind.gp} = 1`,
        ...cpuIds.map((cpu) => `${kind.owe(cpu)} = 1`),
        // Preempted before the start and still inside: on the list of its node, carried over.
        ...(preempt
          ? cpuIds.map((cpu) => `${kind.held(cpu)} = (pre_${cpu} != 0 && rcu_${cpu} == 1 ? 1 : 0)`)
          : []),
      ],
      CB.queued,
      CB.waiting,
    ),
    text: `an ${kind.name} begins`.replace('an grace', 'a grace'),
    ops: kind.shown ? (e) => e.gracePeriod(1) : null,
  });
  const ignoresPreempted = kernel.broken('gp-ignores-preempted');
  model.command({
    actor: 'rcu',
    cpu: -1,
    at: -1,
    guard: all(
      `${kind.gp} == 1`,
      ...cpuIds.map((cpu) => `${kind.owe(cpu)} == 0`),
      ...(preempt && !ignoresPreempted ? cpuIds.map((cpu) => `${kind.held(cpu)} == 0`) : []),
    ),
    set: step([`${kind.gp} = 0`], CB.waiting, CB.ready),
    text: `the ${kind.name} ends`,
    ops: kind.shown ? (e) => e.gracePeriod(0) : null,
  });
  for (const cpu of cpuIds) {
    const reader = preempt ? `(rcu_${cpu} == 0 || pre_${cpu} == 1)` : `rcu_${cpu} == 0`;
    model.command({
      actor: `cpu ${cpu}`,
      cpu,
      at: -1,
      guard: all(
        `${kind.owe(cpu)} == 1`,
        kernel.broken('gp-ignores-irqs-off') ? '' : `irq_${cpu} == 0`,
        kernel.broken('gp-ignores-readers') ? '' : reader,
      ),
      set: [`${kind.owe(cpu)} = 0`],
      text: `reports a quiescent state${kind.shown ? '' : ' (expedited)'}`,
      ops: kind.shown ? (e) => e.emit(OP.QS, cpu, [1]) : null,
    });
  }
}

/** A reader is switched out inside its section, once: a quiescent state of the CPU, not of the reader. */
function preemption(kernel: Kernel, cpu: number): void {
  const { model } = kernel;
  if (!kernel.setting.preempt || !model.has(`pc_${cpu}`)) return;
  const base = { actor: `scheduler ${cpu}`, cpu, at: -1, ops: null };
  model.command({
    ...base,
    guard: all(
      `rcu_${cpu} == 1`,
      `irq_${cpu} == 0`,
      `pre_${cpu} == 0`,
      model.has(`spin_${cpu}`) && `spin_${cpu} == 0`,
    ),
    set: [
      `pre_${cpu} = 1`,
      ...kinds(kernel).flatMap((kind) => [
        // Counted for the one in progress only if that still waits for this CPU.
        `${kind.held(cpu)} = (${kind.owe(cpu)} == 1 || ${kind.held(cpu)} == 1 ? 1 : 0)`,
        `${kind.owe(cpu)} = 0`,
      ]),
    ],
    text: 'the reader is preempted inside its section',
  });
  model.command({
    ...base,
    guard: `pre_${cpu} == 1`,
    set: [`pre_${cpu} = 2`],
    text: 'the reader runs again',
  });
}
