/** Damage to the recording itself: pairing, clock, loss, and a gather of another kernel variant. */
import { amongItsLike, at, type Damager, damage, Edit, pick, type Random } from './edit.js';
import type { Gather, Recording } from './recording.js';
import { type Line, taskOf } from './recording-lines.js';

/** Exits with their entry before, and a later entry of the same task: neither end is cut off. */
function innerSyscallExits(recording: Recording, random: Random): Line | null {
  const entered = new Map<string, string>();
  const closed = new Map<string, Line>();
  const places: Line[] = [];
  for (const line of recording.lines) {
    if (line === null || (line.kind !== 'enter' && line.kind !== 'exit')) continue;
    const task = taskOf(line);
    if (line.kind === 'enter') {
      const before = closed.get(task);
      if (before !== undefined) places.push(before);
      closed.delete(task);
      entered.set(task, line.symbol);
    } else {
      if (entered.get(task) === line.symbol) closed.set(task, line);
      entered.delete(task);
    }
  }
  return pick(
    places.filter((line) => amongItsLike(recording, line.index)),
    random,
  );
}

export const syscallExitDropped: Damager = (recording, random) => {
  const exit = innerSyscallExits(recording, random);
  if (exit === null) return null;
  const edit = new Edit(recording).remove(exit.index);
  return damage(
    'syscall-exit-dropped',
    'I48',
    edit,
    at(exit.index),
    'a syscall exit removed; the task enters again later',
  );
};

export const syscallExitDoubled: Damager = (recording, random) => {
  const exit = innerSyscallExits(recording, random);
  if (exit === null) return null;
  const edit = new Edit(recording).insert(exit.index + 1, recording.text[exit.index]!);
  return damage('syscall-exit-doubled', 'I48', edit, at(exit.index), 'a syscall exit doubled');
};

/** Gathers that end and have a later (or earlier) complete gather of the same task. */
function neighbouredGathers(recording: Recording, side: 'later' | 'earlier'): Gather[] {
  const ordered = side === 'later' ? recording.gathers.toReversed() : recording.gathers;
  const complete = new Set<string>();
  return ordered.filter((g) => {
    const whole = g.end >= 0 && g.ended >= 0;
    const fits = whole && complete.has(g.task);
    if (whole) complete.add(g.task);
    return fits;
  });
}

export const gatherEndDropped: Damager = (recording, random) => {
  const gather = pick(
    neighbouredGathers(recording, 'later').filter((g) => amongItsLike(recording, g.end)),
    random,
  );
  if (gather === null) return null;
  return damage(
    'gather-end-dropped',
    'I49',
    new Edit(recording).remove(gather.end, gather.ended),
    at(gather.end, gather.ended),
    'tlb_finish_mmu and its return removed; the task begins another gather later',
  );
};

export const gatherBeginDropped: Damager = (recording, random) => {
  const gather = pick(
    neighbouredGathers(recording, 'earlier').filter((g) => g.handOvers.length > 0),
    random,
  );
  if (gather === null) return null;
  return damage(
    'gather-begin-dropped',
    'I49',
    new Edit(recording).remove(gather.begin),
    at(gather.begin),
    'tlb_gather_mmu removed: tables handed over outside any gather, after an earlier complete one',
  );
};

/** `12.345678` minus whole microseconds (or ns: the digits after the dot decide), as text of the same shape. */
export function stampMinus(stamp: string, ticks: bigint): string {
  const [seconds, fraction] = stamp.split('.') as [string, string];
  const unit = 10n ** BigInt(fraction.length);
  const value = BigInt(seconds) * unit + BigInt(fraction) - ticks;
  return `${value / unit}.${String(value % unit).padStart(fraction.length, '0')}`;
}

export const clockBackwards: Damager = (recording, random) => {
  const before = new Map<number, Line>();
  const places: { line: Line; previous: Line }[] = [];
  for (const line of recording.lines) {
    if (line === null) continue;
    const previous = before.get(line.cpu);
    if (previous !== undefined) places.push({ line, previous });
    before.set(line.cpu, line);
  }
  const place = pick(places, random);
  if (place === null) return null;
  const stamp = stampMinus(place.previous.stamp, BigInt(1 + Math.floor(random() * 50)));
  const edit = new Edit(recording);
  edit.replace(place.line.index, `${place.line.prefix}${stamp}: ${place.line.rest}`);
  return damage(
    'clock-backwards',
    'I52',
    edit,
    at(place.line.index),
    'the stamp of one line set before the previous of its CPU',
  );
};

export const eventsLost: Damager = (recording, random) => {
  const indexes = recording.lines.flatMap((l) => (l === null ? [] : [l.index]));
  if (indexes.length < 400) return null;
  const start = indexes[Math.floor(random() * (indexes.length - 300))]!;
  const cpu = recording.lines[start]!.cpu;
  const length = 20 + Math.floor(random() * 60);
  const mine = recording.lines.flatMap((l) =>
    l !== null && l.cpu === cpu && l.index >= start ? [l.index] : [],
  );
  if (mine.length <= length) return null;
  const gone = mine.slice(0, length);
  const edit = new Edit(recording)
    .remove(...gone)
    .insert(mine[length]!, `CPU:${cpu} [LOST ${length} EVENTS]`);
  return damage(
    'events-lost',
    'I53',
    edit,
    at(gone[0]!, mine[length]!),
    `${length} events of CPU ${cpu} removed and announced as lost, as trace_pipe prints it`,
    [],
    'none',
  );
};

/**
 * One gather of an RCU kernel rewritten as unpatched bare metal does it: tables into the page batch, no call_rcu,
 * tables freed by the task after the flush.
 */
export const variantContradiction: Damager = (recording, random) => {
  const places = recording.gathers.flatMap((gather) => {
    const [enqueue] = gather.enqueues;
    const last = Math.max(...gather.handOvers.map((h) => h.lines[0]!));
    const flush = gather.flushes.find((f) => f.request > last && f.done >= 0);
    const batch = enqueue?.callback != null && !enqueue.single && gather.enqueues.length === 1;
    const whole = batch && enqueue.tables.length === gather.handOvers.length && gather.ended >= 0;
    const freed = gather.handOvers.every((h) => h.free !== null && h.lines.length >= 2);
    return whole && freed && flush !== undefined && flush.done < enqueue.lines[0]!
      ? [{ gather, enqueue, flush }]
      : [];
  });
  const place = pick(places, random);
  if (place === null) return null;
  const { gather, enqueue, flush } = place;
  const edit = new Edit(recording);
  const native = 'native_tlb_remove_table: (native_tlb_remove_table+0x4/0x10)';
  for (const handOver of gather.handOvers) {
    const [, ...after] = handOver.lines;
    const append = after.find((i) => edit.line(i).symbol === 'tlb_remove_table');
    if (append === undefined) continue;
    const args = edit.line(append).rest.replace(/^.*?\) /, '');
    if (after.length === 1) edit.replace(append, edit.as(append, `${native} ${args}`));
    else edit.remove(append);
  }
  edit.remove(...enqueue.lines, ...enqueue.callback!.marks, ...enqueue.callback!.frees);
  const tables = gather.handOvers.map((h) => h.free!);
  edit.remove(...tables);
  for (const free of tables) edit.insert(enqueue.lines[0]!, edit.as(flush.done, edit.line(free).rest));
  return damage(
    'variant-contradiction',
    'I56',
    edit,
    at(gather.begin, gather.ended),
    'one gather rewritten to free its tables as a kernel without RCU table freeing does (native_tlb_remove_table only)',
  );
};

export const TRACE_DAMAGES: Readonly<Record<string, Damager>> = {
  'syscall-exit-dropped': syscallExitDropped,
  'syscall-exit-doubled': syscallExitDoubled,
  'gather-end-dropped': gatherEndDropped,
  'gather-begin-dropped': gatherBeginDropped,
  'clock-backwards': clockBackwards,
  'events-lost': eventsLost,
  'variant-contradiction': variantContradiction,
};
