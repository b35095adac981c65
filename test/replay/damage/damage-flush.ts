/** Damage to the flush side of a gather: order of unlink, flush, handlers, enqueue and free. */
import { at, type Damager, damage, Edit, pick, type Random } from './edit.js';
import { type Flush, type Gather, type Recording, SYNC_FN } from './recording.js';
import { arg, type Line } from './recording-lines.js';

/** Flushes that return inside their gather and cover all tables handed over so far. */
function coveringFlush(gather: Gather, beforeIndex: number): Flush | null {
  const flushes = gather.flushes.filter((f) => f.done >= 0 && f.done < beforeIndex && f.freedTables);
  return flushes.length === 1 ? flushes[0]! : null;
}

/** Lines of a flush: sender, targets' handlers, and the interrupt bracket when it holds nothing else. */
export function linesOfFlush(recording: Recording, flush: Flush): number[] {
  const mine = new Set([
    'native_flush_tlb_multi',
    'csd_queue_cpu',
    'ipi_send_cpu',
    'ipi_send_cpumask',
    'flush_tlb_func',
    'tlb_flush',
  ]);
  const out = new Set<number>([flush.request, flush.done]);
  const sender = recording.lines[flush.request]!;
  for (let i = flush.request + 1; i < flush.done; i++) {
    const line = recording.lines[i];
    if (line == null || line.cpu !== sender.cpu || line.pid !== sender.pid || !line.task) continue;
    const localHandler = line.symbol.startsWith('csd_function_') && /^0+$/.test(arg(line, 'csd'));
    if (mine.has(line.symbol) || localHandler) out.add(i);
  }
  for (const target of flush.targets) {
    if (target.entry < 0) continue;
    const end = target.exit < 0 ? target.entry : target.exit;
    for (let i = target.entry; i <= end; i++) {
      const line = recording.lines[i];
      if (line != null && line.cpu === target.cpu && !/^rcu_|^sched_|^mm_page/.test(line.symbol)) out.add(i);
    }
    const first = neighbour(recording, target.entry, target.cpu, -1);
    const last = neighbour(recording, end, target.cpu, 1);
    if (first && last && /^call_function_(single_)?entry$/.test(first.symbol))
      if (last.symbol === first.symbol.replace('entry', 'exit')) out.add(first.index).add(last.index);
  }
  return [...out].sort((a, b) => a - b);
}

function neighbour(recording: Recording, index: number, cpu: number, step: 1 | -1): Line | null {
  for (let i = index + step; i >= 0 && i < recording.lines.length; i += step) {
    const line = recording.lines[i];
    if (line != null && line.cpu === cpu) return line;
  }
  return null;
}

/** Another enqueue on that CPU between two lines would be overtaken by a move: not a clean place. */
function enqueuesBetween(recording: Recording, cpu: number, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const line = recording.lines[i];
    if (line != null && line.cpu === cpu && /^(__)?call_rcu/.test(line.symbol) && line.kind === 'probe')
      return true;
  }
  return false;
}

function withEnqueueAfterFlush(recording: Recording, random: Random) {
  const places = recording.gathers.flatMap((gather) =>
    gather.enqueues
      .filter((e) => e.tables.length > 0)
      .flatMap((enqueue) => {
        const last = Math.max(...enqueue.tables.map((t) => t.lines[0]!));
        const flush = gather.flushes.find((f) => f.request > last && f.freedTables && f.done >= 0);
        if (flush === undefined || flush.done > enqueue.lines[0]!) return [];
        const cpu = recording.lines[enqueue.lines[0]!]!.cpu;
        if (enqueuesBetween(recording, cpu, flush.request, enqueue.lines[0]!)) return [];
        return [{ gather, enqueue, flush }];
      }),
  );
  return pick(places, random);
}

export const enqueueBeforeFlush: Damager = (recording, random) => {
  const place = withEnqueueAfterFlush(recording, random);
  if (place === null) return null;
  const edit = new Edit(recording).moveBefore(place.flush.request, place.enqueue.lines);
  return damage(
    'enqueue-before-flush',
    'I09',
    edit,
    at(place.enqueue.lines[0]!, place.flush.request),
    'table call_rcu moved before the request of the flush that covers its tables',
  );
};

export const enqueueInsideFlush: Damager = (recording, random) => {
  const place = withEnqueueAfterFlush(recording, random);
  if (place === null) return null;
  const edit = new Edit(recording).moveBefore(place.flush.done, place.enqueue.lines);
  return damage(
    'enqueue-inside-flush',
    'I09',
    edit,
    at(place.enqueue.lines[0]!, place.flush.done),
    'table call_rcu moved before the return of the flush that covers its tables',
  );
};

export const flushDropped: Damager = (recording, random) => {
  const rcu = recording.enqueues.length > 0;
  if (rcu) {
    const place = withEnqueueAfterFlush(recording, random);
    if (place === null) return null;
    const gone = linesOfFlush(recording, place.flush);
    return damage(
      'flush-dropped',
      'I09',
      new Edit(recording).remove(...gone),
      at(...gone),
      'the flush between the hand-over of the tables and their call_rcu removed, handlers included',
    );
  }
  const places = recording.gathers.flatMap((gather) => {
    const flush = gather.ended >= 0 ? coveringFlush(gather, gather.ended) : null;
    const freed = gather.handOvers.some((h) => flush !== null && h.free !== null && h.free > flush.done);
    const allBefore = flush !== null && gather.handOvers.every((h) => h.lines[0]! < flush.request);
    return flush !== null && freed && allBefore && gather.flushes.length === 1 ? [flush] : [];
  });
  const flush = pick(places, random);
  if (flush === null) return null;
  const gone = linesOfFlush(recording, flush);
  return damage(
    'flush-dropped',
    'I02',
    new Edit(recording).remove(...gone),
    at(...gone),
    'the only flush of a gather with tables removed, handlers included; its tables are freed in it',
    ['I03'],
  );
};

/** A target of a flush whose handler is seen between request and return. */
function handledTarget(recording: Recording, random: Random) {
  const flushes = recording.gathers.flatMap((g) => g.flushes).filter((f) => f.done >= 0 && f.multi >= 0);
  const places = flushes.flatMap((flush) =>
    flush.targets
      .filter((t) => t.entry > flush.request && t.exit > t.entry && t.exit < flush.done)
      .map((target) => ({ flush, target })),
  );
  return pick(places, random);
}

export const handlerExitAfterReturn: Damager = (recording, random) => {
  const place = handledTarget(recording, random);
  if (place === null) return null;
  return damage(
    'handler-exit-after-return',
    'I24',
    new Edit(recording).moveAfter(place.flush.done, [place.target.exit]),
    at(place.target.exit, place.flush.done),
    'the end of one flush handler moved behind the return of the flush on the sender',
  );
};

export const returnBeforeHandler: Damager = (recording, random) => {
  const place = handledTarget(recording, random);
  if (place === null) return null;
  return damage(
    'return-before-handler',
    'I24',
    new Edit(recording).moveBefore(place.target.entry, [place.flush.done]),
    at(place.flush.done, place.target.entry),
    'the return of the flush moved before the handler of one of its targets begins',
    ['I02', 'I03'],
  );
};

export const frameFreedBeforeFlush: Damager = (recording, random) => {
  const frames = new Map<string, number>();
  const known = new Set<number>();
  recording.lines.forEach((line, i) => {
    if (line === null) return;
    const pfn = arg(line, 'pfn');
    if (line.symbol === 'mm_page_alloc') {
      if (/HIGHUSER/.test(line.rest)) frames.set(pfn, i);
      else frames.delete(pfn);
    } else if (line.symbol === 'mm_page_free') {
      if (frames.delete(pfn)) known.add(i);
    }
  });
  const places = recording.gathers.flatMap((gather) => {
    const [flush] = gather.flushes;
    if (gather.flushes.length !== 1 || flush!.done < 0 || gather.handOvers.length === 0) return [];
    return gather.frees
      .filter((f) => f > flush!.done && known.has(f))
      .map((free) => ({ flush: flush!, free }));
  });
  const place = pick(places, random);
  if (place === null) return null;
  return damage(
    'frame-freed-before-flush',
    'I02',
    new Edit(recording).moveBefore(place.flush.request, [place.free]),
    at(place.free, place.flush.request),
    'a data page (allocated as GFP_HIGHUSER in this recording) freed before the flush of its gather',
    ['I10'],
  );
};

export const tableFreedBeforeFlush: Damager = (recording, random) => {
  const places = recording.gathers.flatMap((gather) =>
    gather.handOvers.flatMap((h) => {
      const flush = gather.flushes.find((f) => f.request > h.lines[0]! && f.done >= 0);
      return h.free !== null && h.enqueue === null && flush && h.free > flush.done ? [{ h, flush }] : [];
    }),
  );
  const place = pick(places, random);
  if (place === null) return null;
  return damage(
    'table-freed-before-flush',
    'I02',
    new Edit(recording).moveBefore(place.flush.request, [place.h.free!]),
    at(place.h.free!, place.flush.request),
    'a table that is freed by its own gather, freed before the flush that follows its hand-over',
    ['I03', 'I10', 'I07'],
  );
};

export const tableFreedBeforeHandOver: Damager = (recording, random) => {
  const installs = new Map<string, { pfn: bigint; count: number }>();
  const published = new Set<number>();
  const openAt = new Map<bigint, string>();
  const first = new Map<number, bigint>();
  for (const g of recording.gathers)
    for (const h of g.handOvers) if (h.level === 'pte' && h.free !== null) first.set(h.lines[0]!, h.pfn);
  recording.lines.forEach((line, i) => {
    if (line === null) return;
    if (line.symbol === 'pmd_install' && line.kind === 'probe') {
      const slot = `${arg(line, 'mm')} ${arg(line, 'pmd')}`;
      const pfn = (BigInt(arg(line, 'page')) - recording.vmemmap) / 64n;
      const before = installs.get(slot);
      installs.set(slot, { pfn, count: (before?.count ?? 0) + 1 });
      openAt.set(pfn, slot);
    }
    const pfn = first.get(i);
    const slot = pfn === undefined ? undefined : openAt.get(pfn);
    if (slot !== undefined && installs.get(slot)?.count === 1) published.add(i);
    if (slot !== undefined) installs.delete(slot);
  });
  const handOvers = recording.gathers.flatMap((g) => g.handOvers.filter((h) => published.has(h.lines[0]!)));
  const h = pick(handOvers, random);
  if (h === null) return null;
  const free = recording.lines[h.free!]!;
  const edit = new Edit(recording);
  edit.remove(h.free!).insert(h.lines[0]!, edit.as(h.lines[0]!, free.rest));
  return damage(
    'table-freed-before-hand-over',
    'I01',
    edit,
    at(h.free!, h.lines[0]!),
    'a published PTE table freed before its hand-over to the gather, that is while still linked',
    ['I12'],
  );
};

/** csd lines of the slow path's extra broadcast, handlers included. */
export const syncDropped: Damager = (recording, random) => {
  const sync = pick(
    recording.syncs.filter((s) => s.handOver.free !== null),
    random,
  );
  if (sync === null) return null;
  const gone = new Set<number>(sync.queues);
  const last = sync.handOver.free!;
  const csds = new Set(
    sync.queues.map((q) => `${arg(recording.lines[q]!, 'cpu')} ${arg(recording.lines[q]!, 'csd')}`),
  );
  for (let i = sync.queues[0]!; i < last; i++) {
    const line = recording.lines[i];
    if (line == null) continue;
    const handler = line.symbol.startsWith('csd_function_') && csds.has(`${line.cpu} ${arg(line, 'csd')}`);
    if (line.symbol === SYNC_FN || handler || /callsite=smp_call_function\+/.test(line.rest)) gone.add(i);
  }
  return damage(
    'sync-dropped',
    'I07',
    new Edit(recording).remove(...gone),
    at(...gone),
    'the tlb_remove_table_smp_sync broadcast before a synchronous table free removed, handlers included',
    ['I06'],
  );
};

export const syncAdded: Damager = (recording, random) => {
  const enqueue = pick(
    recording.enqueues.filter((e) => e.single && e.tables.length > 0),
    random,
  );
  if (enqueue === null || recording.syncs.length > 0) return null;
  const edit = new Edit(recording);
  const before = enqueue.lines[0]!;
  const sender = edit.line(before);
  const others = latestOnOtherCpus(recording, before, sender.cpu);
  if (others.length === 0) return null;
  const csd = (cpu: number) => `00000000feed00${cpu.toString(16).padStart(2, '0')}`;
  for (const line of others)
    edit.insert(
      before,
      edit.as(
        before,
        `csd_queue_cpu: cpu=${line.cpu} callsite=smp_call_function+0x3d/0x70 func=${SYNC_FN} csd=${csd(line.cpu)}`,
      ),
    );
  for (const line of others)
    for (const step of ['entry', 'exit'])
      edit.insert(
        before,
        `${line.prefix}${sender.stamp}: csd_function_${step}: func=${SYNC_FN}, csd=${csd(line.cpu)}`,
      );
  return damage(
    'sync-added',
    'I07',
    edit,
    at(before),
    'a tlb_remove_table_smp_sync broadcast spliced between the flush and the single call_rcu of one table',
    ['I56'],
  );
};

/** How far back a line may be and still say what its CPU is doing. */
const LOOK_BACK = 2000;

/** The last line of every other CPU before `index`, in CPU order; a switch says who was, not who is. */
export function latestOnOtherCpus(recording: Recording, index: number, cpu: number): Line[] {
  const latest = new Map<number, Line>();
  for (let i = index - 1; i >= Math.max(0, index - LOOK_BACK) && latest.size < 64; i--) {
    const line = recording.lines[i];
    if (line != null && line.cpu !== cpu && !latest.has(line.cpu)) latest.set(line.cpu, line);
  }
  return [...latest.values()].filter((l) => l.symbol !== 'sched_switch').sort((x, y) => x.cpu - y.cpu);
}

export const FLUSH_DAMAGES: Readonly<Record<string, Damager>> = {
  'enqueue-before-flush': enqueueBeforeFlush,
  'enqueue-inside-flush': enqueueInsideFlush,
  'flush-dropped': flushDropped,
  'handler-exit-after-return': handlerExitAfterReturn,
  'return-before-handler': returnBeforeHandler,
  'frame-freed-before-flush': frameFreedBeforeFlush,
  'table-freed-before-flush': tableFreedBeforeFlush,
  'table-freed-before-hand-over': tableFreedBeforeHandOver,
  'sync-dropped': syncDropped,
  'sync-added': syncAdded,
};
