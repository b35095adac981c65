import { OP, type Op } from '../../kernel/ops.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { LIFE } from '../state/table-life.js';
import { giveAway } from '../steps/caches.js';
import type { FactSteps } from './fact-step.js';
import { pageOf, tableOf } from './links.js';

/** Tables that can be deposited on one: as many as it has entries. */
const MAX_DEPOSITS = 512;

/** Facts of a page table as a page: its release and reuse, its lock, who keeps or moves it, where it is deposited. */
export const TABLE_STEPS: FactSteps = {
  [OP.BIND]: bind,
  [OP.REUSE]: reuse,
  [OP.EMPTY]: declareEmpty,
  [OP.PTL]: splitLock,
  [OP.DEP]: deposit,
  [OP.WDR]: withdraw,
  [OP.PIN]: pin,
  [OP.MOVE]: move,
};

/** The table goes with a call_rcu(). */
function bind(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  const head = state.headsByAddr.get(op.a0);
  const table = tableOf(state, op.a2, op);
  if (!head || !table) return;
  // The probe on call_rcu has shown it already.
  if (head.tables.includes(table)) return;
  head.tables.push(table);
  head.tablesKnown = true;
  table.head = head;
  table.life = LIFE.rcu;
  hooks.mech.bound(pageOf(state, op.a2), head, op);
}

function reuse(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const page = pageOf(state, op.a0);
  hooks.mech.released(page, true, task, op);
  for (const h of page.holders) giveAway(state.mech, h, op);
  page.holders = [];
  page.entries.clear();
}

function declareEmpty(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  const page = pageOf(state, op.a0);
  hooks.mech.declaredEmpty(page, op);
  page.emptied = op.ref;
}

function splitLock(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  const page = pageOf(state, op.a0);
  hooks.mech.splitLock(page, op.a1 !== 1, op);
  if (op.a1 !== 1) page.ptlFreed = op.ref;
}

function deposit(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  // By a probe: walks/collapse.ts keeps the lists.
  if (op.a2 === op.a2) return;
  const page = pageOf(state, op.a0);
  hooks.mech.deposited(page, op.a1, state.mech.sync, op);
  page.depositedOn = op.a1;
  const parent = pageOf(state, op.a1);
  if (parent.deposits.length < MAX_DEPOSITS) parent.deposits.push(op.a0);
  parent.everDeposits = true;
}

function withdraw({ mech, seq }: MachineState, op: Op, task: Task): void {
  task.withdrawn = op.a0;
  task.withdrawnSeq = seq;
  const page = mech.pages.get(op.a0);
  if (!page) return;
  const parent = mech.pages.get(page.depositedOn);
  if (parent) parent.deposits = parent.deposits.filter((d) => d !== op.a0);
  page.depositedOn = Number.NaN;
}

function pin(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  const page = pageOf(state, op.a0);
  const stale = page.everLinked && page.links.length === 0;
  hooks.mech.pinned(page, stale, op.a1 === 1, op);
}

function move(state: MachineState, op: Op, _task: Task, hooks: Hooks): void {
  const page = state.mech.pages.get(op.a2);
  const table = state.tables.get(op.a2);
  const live = page && page.links.length > 0 && table?.life === LIFE.live ? page : null;
  hooks.mech.moved(live, op);
}
