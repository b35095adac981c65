import { isKernelAddr } from '../../kernel/bytes.js';
import type { Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import type { MachineState } from '../state/machine-state.js';
import {
  cacheKey,
  type Holder,
  type Invalidation,
  isAway,
  linkKey,
  type Mech,
  type MechPage,
  wayKey,
} from '../state/mech.js';

/**
 * Translation caches of CPUs and devices as *may* sets: a holder stays until something invalidates it (SDM vol. 3A
 * §4.10.2–§4.10.4, AMD APM vol. 2 §5.5). Filled by walks that are told, and from CR3 at every unlink.
 */
const ALL = 2 ** 53 - 1;

/** `page` may be cached by a CPU or device; says so once. */
export function hold(
  mech: Mech,
  page: MechPage,
  cpu: number,
  device: number,
  mm: number,
  va: number,
  leaf: boolean,
  ref: EvidenceRef,
  seq: number,
  user = false,
): void {
  const key = cacheKey(cpu, device, mm);
  const about = `${key}/${page.key}/${va}/${leaf}/${user}`;
  if (mech.held.get(about)?.hold === 1) return;
  let list = mech.holders.get(key);
  if (!list) {
    mech.holders.set(key, (list = []));
    if (device !== device) mech.cpuLists.set(cpu, (mech.cpuLists.get(cpu) ?? 0) + 1);
  }
  const holder: Holder = {
    page: page.key,
    leaf,
    cpu: device === device ? -1 : cpu,
    device,
    mm,
    va,
    hold: 1,
    user,
    halfDone: false,
    lazy: device !== device && mech.lazy.get(cpu)?.mm === mm,
    broadcast: false,
    parkedRef: -1,
    ref,
    seq,
  };
  list.push(holder);
  page.holders.push(holder);
  mech.held.set(about, holder);
  listed(mech.sure, holder.cpu, holder);
  if (leaf) listed(mech.heldAt, linkKey(mm, va), holder);
  else listed(mech.ways, wayKey(key, va), holder);
}

function listed<K>(lists: Map<K, Holder[]>, key: K, holder: Holder): void {
  const list = lists.get(key);
  if (list) list.push(holder);
  else lists.set(key, [holder]);
}

/** A walk caches every table on its way and the translation at its end; a cached table is walked without its parent. */
export function walk(state: MachineState, op: Op): void {
  const { mech } = state;
  const device = op.a2;
  const ways = new Set<number>(mech.links.get(linkKey(op.a0, op.a1)) ?? []);
  const way = wayKey(cacheKey(op.cpu, device, op.a0), op.a1);
  const known = (mech.ways.get(way) ?? []).filter((h) => h.hold !== 0);
  if (known.length > 0) mech.ways.set(way, known);
  else mech.ways.delete(way);
  for (const h of known) ways.add(h.page);
  // Whoever walks an mm has it loaded: what was told of its CR3 before is out of date.
  const now = device === device ? undefined : mech.cr3.get(op.cpu);
  if (ways.size > 0 && now !== undefined && now !== op.a0 && !isKernelAddr(op.a1)) mech.cr3.delete(op.cpu);
  for (const key of ways) {
    const page = mech.pages.get(key);
    if (!page) continue;
    hold(mech, page, op.cpu, device, op.a0, op.a1, false, op.ref, state.seq, op.a3 === 1);
    const frame = page.entries.get(op.a1);
    const target = frame === undefined ? undefined : mech.pages.get(frame);
    if (target) hold(mech, target, op.cpu, device, op.a0, op.a1, true, op.ref, state.seq, op.a3 === 1);
  }
}

/** What an invalidation removes: every way through tables of the mm, and translations within its range. */
export function clearHolders(mech: Mech, cpu: number, device: number, inv: Invalidation): void {
  const key = cacheKey(cpu, device, inv.mm);
  const list = mech.holders.get(key);
  if (list) {
    const ranged = inv.start === inv.start && inv.end === inv.end && inv.end !== ALL && inv.end >= 0;
    for (const h of list) {
      if (h.hold === 0) continue;
      if (inv.kernelOnly && h.user) {
        h.halfDone = true;
        continue;
      }
      if (h.leaf ? !ranged || (h.va >= inv.start && h.va < inv.end) : !inv.leaf) h.hold = 0;
    }
    const left = list.filter((h) => h.hold !== 0);
    if (left.length > 0) mech.holders.set(key, left);
    else {
      mech.holders.delete(key);
      if (device !== device) oneListLess(mech, cpu);
    }
  }
  const loaded = mech.loaded.get(key);
  if (!loaded || loaded.now || inv.leaf) return;
  mech.loaded.delete(key);
  mech.loadedByMm.get(loaded.mm)?.delete(loaded.cpu);
}

function oneListLess(mech: Mech, cpu: number): void {
  const left = (mech.cpuLists.get(cpu) ?? 0) - 1;
  if (left > 0) mech.cpuLists.set(cpu, left);
  else mech.cpuLists.delete(cpu);
}

/**
 * A flush handler begins. It may return without doing anything (generation already current, mm gone): where the
 * `tlb_flush` tracepoint is seen on this CPU, only that tells that it invalidated.
 */
export function begunInvalidation(mech: Mech, op: Op): void {
  if (op.cpu < 0) return;
  // A batched flush names no mm: it is for the one the CPU has loaded, which only CR3 facts can tell.
  const mm = op.a1 === 0 ? loadedOn(mech, op.cpu) : op.a1;
  const inv: Invalidation = { mm, start: op.a2, end: op.a3, leaf: op.a5 === 1, kernelOnly: op.a5 === 2 };
  if (mech.flushTraced[op.cpu] === true) {
    mech.begun[op.cpu] = inv;
    return;
  }
  if (mm === mm) clearHolders(mech, op.cpu, Number.NaN, inv);
  else doubt(mech, op.cpu);
}

function loadedOn(mech: Mech, cpu: number): number {
  return mech.current.get(cpu)?.mm ?? Number.NaN;
}

export function noteFlush(mech: Mech, cpu: number, invalidates: boolean): void {
  if (cpu < 0) return;
  mech.flushTraced[cpu] = true;
  const inv = mech.begun[cpu];
  if (inv) {
    mech.begun[cpu] = null;
    if (invalidates && inv.mm === inv.mm) clearHolders(mech, cpu, Number.NaN, inv);
    else if (invalidates) doubt(mech, cpu);
  } else if (invalidates && mech.holders.size > 0) doubt(mech, cpu);
}

export function handlerOver(mech: Mech, cpu: number): void {
  if (cpu >= 0) mech.begun[cpu] = null;
}

/** Some flush happened on this CPU and nothing says of which mm: what it held can no longer be told. */
function doubt(mech: Mech, cpu: number): void {
  for (const h of mech.sure.get(cpu) ?? []) if (h.hold === 1) h.hold = 2;
  mech.sure.delete(cpu);
}

export function loadCr3(mech: Mech, op: Op, seq: number): void {
  const before = mech.current.get(op.cpu);
  if (before) before.now = false;
  mech.current.delete(op.cpu);
  if (op.a0 !== op.a0) {
    mech.cr3.delete(op.cpu);
    return;
  }
  mech.cr3.set(op.cpu, op.a0);
  if (op.a0 === 0) return;
  mech.arrived.set(op.cpu, op.a0);
  const loaded = { cpu: op.cpu, mm: op.a0, now: true, ref: op.ref, ts: op.tsNs, seq };
  mech.current.set(op.cpu, loaded);
  mech.loaded.set(cacheKey(op.cpu, Number.NaN, op.a0), loaded);
  let cpus = mech.loadedByMm.get(op.a0);
  if (!cpus) mech.loadedByMm.set(op.a0, (cpus = new Map()));
  cpus.set(op.cpu, loaded);
}

/** INVLPGB takes effect everywhere at the TLBSYNC of the CPU that issued it (AMD APM vol. 3). */
export function broadcastDone(mech: Mech, cpu: number): void {
  const mine = mech.broadcasts.filter((b) => b.cpu === cpu);
  mech.broadcasts = mech.broadcasts.filter((b) => b.cpu !== cpu);
  for (const b of mine) {
    for (const c of [...mech.cpuLists.keys()]) {
      for (const h of mech.holders.get(cacheKey(c, Number.NaN, b.mm)) ?? []) h.broadcast = true;
      clearHolders(mech, c, Number.NaN, {
        mm: b.mm,
        start: Number.NaN,
        end: Number.NaN,
        leaf: false,
        kernelOnly: false,
      });
    }
  }
}

/** What a CPU holds of a page that is gone matters only if the CPU can come back to the mm with it. */
export function giveAway(mech: Mech, h: Holder, op: Op): void {
  if (h.hold !== 0 && isAway(mech, h)) h.parkedRef = op.ref;
  else h.hold = 0;
}
