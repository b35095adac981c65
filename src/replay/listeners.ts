import type { Monitor } from './monitor.js';

type Having<K extends keyof Monitor> = Monitor & Required<Pick<Monitor, K>>;
type HookName = Exclude<keyof Monitor, 'on'>;
/** By hook: the monitors that have it, in the order of the list. */
export type Listeners = { readonly [K in HookName]: Having<K>[] };

/** A literal: an object that is filled by computed keys is slow to read forever after. */
const nobody = (): Listeners => ({
  tick: [],
  cpuAppeared: [],
  tableAfterGather: [],
  callbackOver: [],
  end: [],
  tableRemoved: [],
  tableRemovedTwice: [],
  tableRemovedAfterFree: [],
  tableFreed: [],
  tableFreedTwice: [],
  tableQueuedAfterFree: [],
  headReused: [],
  pageFreed: [],
  tableReused: [],
  dereferenced: [],
  flushDone: [],
  returnUnseen: [],
  returnedAfterAll: [],
  ipiArrived: [],
  targetLate: [],
  cycleFreed: [],
  queued: [],
  queuedTwice: [],
  callbackRan: [],
  callbackUnmatched: [],
  callbackAfterInferred: [],
  callbackFunc: [],
  gpEnded: [],
  readerEnded: [],
  readerUnseen: [],
  readerExpired: [],
  gatherBegun: [],
  gatherLeft: [],
  gatherEnded: [],
  gatherOver: [],
  tidReused: [],
  syscallEntered: [],
  syscallLeft: [],
  synced: [],
  alive: [],
  clockBack: [],
  eventsLost: [],
  recordingEnded: [],
  released: [],
  bound: [],
  handedOver: [],
  cameBack: [],
  promised: [],
  needed: [],
  sleeps: [],
  entrySet: [],
  declaredEmpty: [],
  pinned: [],
  moved: [],
  splitLock: [],
  deposited: [],
});
const HOOKS = Object.keys(nobody()) as HookName[];

/** A monitor, and what made it: whatever that makes has the same hooks each time. */
export interface Installed {
  readonly by: object;
  readonly monitor: Monitor;
}

/** Looking up every hook in every monitor costs more than a small capture: once for each maker will do. */
const hooksBy = new WeakMap<object, readonly HookName[]>();

function hooksOf({ by, monitor }: Installed): readonly HookName[] {
  let hooks = hooksBy.get(by);
  if (!hooks) hooksBy.set(by, (hooks = HOOKS.filter((hook) => monitor[hook] !== undefined)));
  return hooks;
}

export function listeners(installed: readonly Installed[]): Listeners {
  const lists = nobody();
  for (const one of installed) for (const hook of hooksOf(one)) (lists[hook] as Monitor[]).push(one.monitor);
  return lists;
}
