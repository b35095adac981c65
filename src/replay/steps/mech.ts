import { kindSet, OP, type Op, pagesOf } from '../../kernel/ops.js';
import { CACHE_STEPS } from '../facts/caches.js';
import { type FactSteps, stepsByKind } from '../facts/fact-step.js';
import { forget, LINK_STEPS, unlink } from '../facts/links.js';
import { LOCK_STEPS, spinLocksOf } from '../facts/locks.js';
import { PROMISE_STEPS } from '../facts/promises.js';
import { TABLE_STEPS } from '../facts/tables.js';
import type { Hooks } from '../hooks.js';
import type { Task } from '../state/contexts.js';
import type { MachineState } from '../state/machine-state.js';
import { cacheKey } from '../state/mech.js';
import { forEachPage } from '../state/page-index.js';
import { begunInvalidation, handlerOver, noteFlush } from './caches.js';
import { removalsFlushed } from './removals.js';

/** `tlb_flush` reason of a CPU that has the mm no longer: nothing is invalidated (6.15+). */
const WRONG_CPU = 5;

/** Batched flushes: the rules see them, the machine knows nothing more by them. */
const BATCH_STEPS: FactSteps = { [OP.BATCH]: seen, [OP.BATCHE]: seen };

const STEP_OF = stepsByKind(LINK_STEPS, TABLE_STEPS, CACHE_STEPS, LOCK_STEPS, PROMISE_STEPS, BATCH_STEPS);

/** Facts of an operation: who links what, who may cache it, which locks are held. Runs before the machine's step. */
export function stepMech(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  if (state.mech.arrived.size > 0 && op.kind !== OP.CR3 && op.kind !== OP.LZ) cameBack(state, op, hooks);
  STEP_OF[op.kind]?.(state, op, task, hooks);
}

function seen(_state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  hooks.mech.seen(op, task);
}

/** What `observeMech` has a case for. */
const OBSERVED_KINDS = kindSet(
  OP.INV,
  OP.FR,
  OP.RQ,
  OP.RI,
  OP.FMULTI,
  OP.GP,
  OP.PUB,
  OP.EXITMM,
  OP.RB,
  OP.GUP,
  OP.IS,
  OP.SSYNC,
  OP.TLBF,
  OP.IX,
  OP.FREE,
  OP.ALLOC,
  OP.UL,
  OP.TR,
  OP.APP,
  OP.PVOP,
  OP.SYNC1,
  OP.SYNCR,
  OP.FD,
  OP.RE,
);

/** The same for operations that probes show, where they concern pages with known facts. */
export function observeMech(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { mech } = state;
  if (mech.arrived.size > 0 && op.kind !== OP.INV && op.kind !== OP.TLBF) cameBack(state, op, hooks);
  if (OBSERVED_KINDS[op.kind] === 0) return;
  switch (op.kind) {
    case OP.INV:
      hooks.mech.seen(op, task);
      begunInvalidation(mech, op);
      break;
    case OP.FR:
    case OP.RQ:
    case OP.RI:
    case OP.FMULTI:
    case OP.GP:
    case OP.PUB:
    case OP.EXITMM:
    case OP.RB:
    case OP.GUP:
    case OP.IS:
    case OP.SSYNC:
      hooks.mech.seen(op, task);
      break;
    case OP.TLBF:
      hooks.mech.seen(op, task);
      noteFlush(mech, op.cpu, op.a1 !== WRONG_CPU);
      break;
    case OP.IX:
      handlerOver(mech, op.cpu);
      break;
    case OP.FREE:
    case OP.ALLOC:
      if (mech.pages.size > 0) givenAway(state, op, task, hooks);
      break;
    case OP.UL: {
      const page = mech.pages.get(op.a2);
      if (page) unlink(state, page, op.a0, op.a1, op);
      break;
    }
    case OP.TR:
    case OP.APP:
    case OP.PVOP: {
      const page = mech.pages.get(op.a2) ?? null;
      if (page || mech.pgds > 0) hooks.mech.handedOver(page, op);
      if (page && page.links.length > 0) unlink(state, page, op.a1, Number.NaN, op);
      break;
    }
    case OP.SYNC1:
      hooks.mech.seen(op, task);
      if (op.a0 === 0) mech.sync = { seq: state.seq, ref: op.ref };
      break;
    case OP.SYNCR:
      hooks.mech.seen(op, task);
      if (op.a0 === 1) {
        hooks.mech.sleeps(spinLocksOf(mech, task), op);
      } else mech.gp = { seq: state.seq, ref: op.ref };
      break;
    case OP.FD:
      if (task.flush) removalsFlushed(mech, task.flush);
      break;
    case OP.RE: {
      const page = mech.pages.get(op.a1);
      if (page) page.readsOver++;
      break;
    }
    default:
      break;
  }
}

/** Pages are released, or taken into use: what was known of them ends. */
function givenAway(state: MachineState, op: Op, task: Task, hooks: Hooks): void {
  const { pages, pageIndex } = state.mech;
  forEachPage(pages, pageIndex, op.a0, pagesOf(op), (page) => {
    if (op.kind === OP.FREE) hooks.mech.released(page, false, task, op);
    forget(state, page, op);
  });
}

/** First sight of a CPU after it loaded CR3: whatever it was to flush with that is flushed by now. */
function cameBack(state: MachineState, op: Op, hooks: Hooks): void {
  const { mech } = state;
  const mm = mech.arrived.get(op.cpu);
  if (mm === undefined) return;
  mech.arrived.delete(op.cpu);
  for (const h of mech.holders.get(cacheKey(op.cpu, Number.NaN, mm)) ?? []) {
    if (h.hold === 0 || h.parkedRef < 0) continue;
    hooks.mech.cameBack(h, op);
    h.hold = 0;
  }
}
