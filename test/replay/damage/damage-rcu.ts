/** Damage to the RCU side: enqueue, grace period, callback, free. */
import { irqOffReaderSpliced, rcuReaderSpliced } from './damage-readers.js';
import { at, type Damager, damage, Edit, pick, pickWhere, type Random } from './edit.js';
import { matched } from './enqueues.js';
import type { Callback, Enqueue, Recording } from './recording.js';
import type { Line } from './recording-lines.js';

export const enqueueDoubled: Damager = (recording, random) => {
  const enqueue = pick(recording.enqueues, random);
  if (enqueue === null) return null;
  const last = enqueue.lines.at(-1)!;
  const edit = new Edit(recording);
  for (const index of enqueue.lines) {
    const line = edit.line(index);
    edit.insert(last + 1, `${line.prefix}${edit.line(last).stamp}: ${line.rest}`);
  }
  return damage(
    'enqueue-doubled',
    'I11',
    edit,
    at(last),
    'a table call_rcu doubled while its head is pending',
  );
};

export const enqueueDropped: Damager = (recording, random) => {
  // Only after a matched pair on that CPU: before it a callback without enqueue is censored, not wrong.
  const decided = new Map<number, number>();
  for (const e of matched(recording)) {
    const cpu = e.callback!.cpu;
    const done = e.callback!.marks[0]!;
    if (done < (decided.get(cpu) ?? Number.POSITIVE_INFINITY)) decided.set(cpu, done);
  }
  const enqueue = pick(
    matched(recording).filter(
      (e) => e.lines[0]! > (decided.get(e.callback!.cpu) ?? Number.POSITIVE_INFINITY),
    ),
    random,
  );
  if (enqueue === null) return null;
  return damage(
    'enqueue-dropped',
    'I38',
    new Edit(recording).remove(...enqueue.lines),
    at(...enqueue.lines),
    'a table call_rcu removed; its callback stays',
  );
};

export const enqueueFuncChanged: Damager = (recording, random) => {
  const enqueue = pick(matched(recording), random);
  if (enqueue === null) return null;
  const edit = new Edit(recording);
  for (const index of enqueue.lines) {
    const line = edit.line(index);
    const rest = line.rest.replace(/\bfunc=[^\s+]+/, 'func=vm_area_free_rcu_cb');
    edit.replace(index, `${line.prefix}${line.stamp}: ${rest}`);
  }
  return damage(
    'enqueue-func-changed',
    'I39',
    edit,
    at(...enqueue.lines),
    'the function of a table call_rcu changed; its callback runs the original one',
    ['I38'],
  );
};

export const callbackFuncChanged: Damager = (recording, random) => {
  const invoke = (e: Enqueue) =>
    e.callback!.marks.find((m) => recording.lines[m]!.symbol === 'rcu_invoke_callback');
  const enqueue = pick(
    matched(recording).filter((e) => invoke(e) !== undefined),
    random,
  );
  if (enqueue === null) return null;
  const mark = invoke(enqueue)!;
  const edit = new Edit(recording);
  const line = edit.line(mark);
  edit.replace(
    mark,
    `${line.prefix}${line.stamp}: ${line.rest.replace(/func=\S+/, 'func=vm_area_free_rcu_cb')}`,
  );
  edit.remove(...enqueue.callback!.marks.filter((m) => m !== mark));
  return damage(
    'callback-func-changed',
    'I39',
    edit,
    at(mark),
    'the function of a table callback changed (rcu_invoke_callback), its own probe removed',
  );
};

export const callbackDoubled: Damager = (recording, random) => {
  const enqueue = pick(matched(recording), random);
  if (enqueue === null) return null;
  const callback = enqueue.callback!;
  const last = Math.max(...callback.marks, ...callback.frees);
  const edit = new Edit(recording);
  const { stamp } = edit.line(last);
  for (const mark of callback.marks) {
    const line = edit.line(mark);
    edit.insert(last + 1, `${line.prefix}${stamp}: ${line.rest}`);
  }
  return damage('callback-doubled', 'I38', edit, at(last), 'a table callback run a second time (no frees)');
};

export const callbackDropped: Damager = (recording, random) => {
  const places = matched(recording).filter((e) => {
    const later = recording.enqueues.filter(
      (o) => o.callback?.cpu === e.callback!.cpu && o.lines[0]! > e.lines[0]!,
    );
    return e.callback!.frees.length > 0 && later.length > 0;
  });
  const enqueue = pick(places, random);
  if (enqueue === null) return null;
  const { marks, frees } = enqueue.callback!;
  return damage(
    'callback-dropped',
    'I38',
    new Edit(recording).remove(...marks, ...frees),
    at(...marks),
    'a table callback and all its frees removed; callbacks enqueued later on that CPU still run',
    ['I42', 'I11', 'I12'],
  );
};

function freeMoved(recording: Recording, random: Random, kind: 'pending' | 'enqueue') {
  const table = pick(
    matched(recording).flatMap((e) =>
      e.tables.filter((t) => t.free !== null && t.free > e.callback!.marks[0]!),
    ),
    random,
  );
  if (table === null) return null;
  const enqueue = table.enqueue!;
  const edit = new Edit(recording);
  const target = kind === 'pending' ? enqueue.lines.at(-1)! + 1 : enqueue.lines[0]!;
  const rest = edit.line(table.free!).rest;
  const stamp = edit.line(kind === 'pending' ? enqueue.lines.at(-1)! : target).stamp;
  edit.remove(table.free!).insert(target, `${edit.line(enqueue.lines[0]!).prefix}${stamp}: ${rest}`);
  return { edit, free: table.free!, target };
}

export const freeBeforeCallback: Damager = (recording, random) => {
  const moved = freeMoved(recording, random, 'pending');
  if (moved === null) return null;
  return damage(
    'free-before-callback',
    'I04',
    moved.edit,
    at(moved.free, moved.target),
    'a table freed in task context right after its call_rcu, while the callback is pending',
  );
};

export const freeBeforeEnqueue: Damager = (recording, random) => {
  const moved = freeMoved(recording, random, 'enqueue');
  if (moved === null) return null;
  return damage(
    'free-before-enqueue',
    'I12',
    moved.edit,
    at(moved.free, moved.target),
    'a table freed in task context right before the call_rcu that takes it: freed both ways',
    ['I04'],
  );
};

export const tableFreedTwice: Damager = (recording, random) => {
  // Without it the page may have been anything between two releases.
  if (!recording.lines.some((line) => line?.symbol === 'mm_page_alloc')) return null;
  const handOver = pick(
    recording.gathers.flatMap((g) => g.handOvers.filter((h) => h.free !== null)),
    random,
  );
  if (handOver === null) return null;
  const edit = new Edit(recording);
  edit.insert(handOver.free! + 1, recording.text[handOver.free!]!);
  return damage('table-freed-twice', 'I12', edit, at(handOver.free!), 'the free of a table doubled');
};

export const handedOverTwice: Damager = (recording, random) => {
  const handOver = pick(
    recording.gathers.flatMap((g) => g.handOvers),
    random,
  );
  if (handOver === null) return null;
  const last = handOver.lines.at(-1)!;
  const edit = new Edit(recording);
  for (const index of handOver.lines) edit.insert(last + 1, edit.as(last, edit.line(index).rest));
  return damage('handed-over-twice', 'I12', edit, at(...handOver.lines), 'the hand-over of a table doubled');
};

/** Grace periods with both ends in the recording: [start, first `end` or `cpuend`] by line. */
function gracePeriods(recording: Recording): { start: number; end: number }[] {
  const open = new Map<string, { start: number; end: number }>();
  const all: { start: number; end: number }[] = [];
  for (const line of recording.lines) {
    if (line === null || line.symbol !== 'rcu_grace_period') continue;
    const m = / (-?\d+) (start|end|cpuend)$/.exec(line.rest);
    if (m === null) continue;
    const gp = open.get(m[1]!);
    if (m[2] === 'start') {
      const started = { start: line.index, end: -1 };
      open.set(m[1]!, started);
      all.push(started);
    } else if (gp !== undefined && gp.end < 0) gp.end = line.index;
  }
  return all.filter((gp) => gp.end >= 0);
}

export const gpStartedBeforeEnqueue: Damager = (recording, random) => {
  const gps = gracePeriods(recording);
  const place = pickWhere(matched(recording), random, (enqueue) => {
    const first = enqueue.lines[0]!;
    const between = gps.filter((gp) => gp.start > first && gp.end < enqueue.callback!.marks[0]!);
    return between.length === 1 ? { first, start: between[0]!.start } : null;
  });
  if (place === null) return null;
  return damage(
    'gp-started-before-enqueue',
    'I36',
    new Edit(recording).moveBefore(place.first, [place.start]),
    at(place.start, place.first),
    'the start of the only grace period between a table call_rcu and its callback moved before the call_rcu',
  );
};

export const callbackBeforeGpEnd: Damager = (recording, random) => {
  const starts = recording.lines.filter(
    (l): l is Line => l !== null && / start$/.test(l.rest) && l.symbol === 'rcu_grace_period',
  );
  const places = matched(recording).filter(({ lines, callback }) => {
    const marks = callback!.marks;
    const invoke = recording.lines[marks[0]!]!.symbol === 'rcu_invoke_callback';
    const cpu = recording.lines[lines[0]!]!.cpu === callback!.cpu;
    return invoke && cpu && starts.some((s) => s.index > lines.at(-1)! && s.index < marks[0]!);
  });
  const enqueue = pick(places, random);
  if (enqueue === null) return null;
  const start = starts.find((s) => s.index > enqueue.lines.at(-1)!)!;
  const { marks, frees } = enqueue.callback!;
  const group = [...marks, ...frees].sort((a, b) => a - b);
  return damage(
    'callback-before-gp-end',
    'I36',
    new Edit(recording).moveAfter(start.index, group),
    at(group[0]!, start.index),
    'a table callback and its frees moved to the start of the first grace period after its call_rcu',
  );
};

/** Lines of one callback on its CPU, first to last, without a line of that CPU between groups. */
export const callbacksReordered: Damager = (recording, random) => {
  const span = (c: Callback): [number, number] => {
    const all = [...c.marks, ...c.frees];
    return [Math.min(...all), Math.max(...all)];
  };
  const onCpu = (cpu: number, from: number, to: number) =>
    recording.lines.slice(from, to + 1).filter((l): l is Line => l !== null && l.cpu === cpu);
  const places: [Line[], Line[]][] = [];
  const ordered = recording.callbacks.filter((c) => c.enqueue !== null && c.frees.length > 0);
  for (let i = 0; i + 1 < ordered.length; i++) {
    const a = ordered[i]!;
    const b = ordered.slice(i + 1).find((c) => c.cpu === a.cpu);
    if (b === undefined) continue;
    const [aFrom, aTo] = span(a);
    const [bFrom, bTo] = span(b);
    const between = onCpu(a.cpu, aTo + 1, bFrom - 1);
    if (
      between.every(
        (l) => !l.task && ['rcu_invoke_callback', 'mm_page_free', 'mm_page_free_batched'].includes(l.symbol),
      )
    )
      places.push([onCpu(a.cpu, aFrom, aTo), onCpu(a.cpu, bFrom, bTo)]);
  }
  const place = pick(places, random);
  if (place === null) return null;
  const [first, second] = place;
  const edit = new Edit(recording);
  edit.moveBefore(
    first[0]!.index,
    second.map((l) => l.index),
  );
  return damage(
    'callbacks-reordered',
    'I42',
    edit,
    at(first[0]!.index, second[0]!.index),
    'a table callback moved before one that was enqueued earlier on the same CPU',
  );
};

export const RCU_DAMAGES: Readonly<Record<string, Damager>> = {
  'enqueue-doubled': enqueueDoubled,
  'enqueue-dropped': enqueueDropped,
  'enqueue-func-changed': enqueueFuncChanged,
  'callback-func-changed': callbackFuncChanged,
  'callback-doubled': callbackDoubled,
  'callback-dropped': callbackDropped,
  'free-before-callback': freeBeforeCallback,
  'free-before-enqueue': freeBeforeEnqueue,
  'table-freed-twice': tableFreedTwice,
  'handed-over-twice': handedOverTwice,
  'rcu-reader-spliced': rcuReaderSpliced,
  'irq-off-reader-spliced': irqOffReaderSpliced,
  'gp-started-before-enqueue': gpStartedBeforeEnqueue,
  'callback-before-gp-end': callbackBeforeGpEnd,
  'callbacks-reordered': callbacksReordered,
};
