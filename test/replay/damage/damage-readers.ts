/** Readers spliced in over the life of a table that is freed. */
import { latestOnOtherCpus } from './damage-flush.js';
import { at, type Damager, damage, Edit, pick, pickWhere } from './edit.js';
import { matched } from './enqueues.js';
import type { Recording } from './recording.js';
import type { Line } from './recording-lines.js';

/** Lines of other CPUs just before `index` whose task can be the reader: not idle, not RCU's own. */
function readerSeat(recording: Recording, index: number, cpu: number): Line[] {
  return latestOnOtherCpus(recording, index, cpu).filter((l) => l.pid !== 0 && !/rcu/.test(l.prefix));
}

/** Task context, irqs on, preemptible: `.....` in place of the flags of a line. */
const calm = (line: Line, flags = '.....'): string =>
  line.prefix.replace(/(\]\s+)\S{4,7}(\s+)$/, `$1${flags}$2`);

/** A reader section ends before its task returns to user space: no syscall boundary of the task lies in it. */
function staysInside(recording: Recording, pid: number, from: number, to: number): boolean {
  for (let i = from; i <= to; i++) {
    const line = recording.lines[i];
    if (line?.pid === pid && (line.kind === 'enter' || line.kind === 'exit')) return false;
  }
  return true;
}

export const rcuReaderSpliced: Damager = (recording, random) => {
  const place = pickWhere(matched(recording), random, (enqueue) => {
    const from = recording.lines[enqueue.lines[0]!]!;
    const last = Math.max(...enqueue.callback!.marks.slice(0, 2));
    const seats = readerSeat(recording, from.index, from.cpu).filter((l) =>
      staysInside(recording, l.pid, from.index, last),
    );
    return seats.length === 0 ? null : { enqueue, from, seats };
  });
  if (place === null) return null;
  const { enqueue, from } = place;
  const seat = pick(place.seats, random)!;
  const to = recording.lines[Math.max(...enqueue.callback!.marks.slice(0, 2))]!;
  const edit = new Edit(recording)
    .insert(from.index, `${calm(seat)}${from.stamp}: __rcu_read_lock: (__rcu_read_lock+0x4/0x20)`)
    .insert(to.index + 1, `${calm(seat)}${to.stamp}: __rcu_read_unlock: (__rcu_read_unlock+0x4/0x60)`);
  return damage(
    'rcu-reader-spliced',
    'I37',
    edit,
    at(from.index, to.index),
    'an RCU reader on another CPU spanning call_rcu and callback',
    ['I40', 'I05'],
  );
};

/** Lines around a span, further away than clocks that nothing compares may be apart. */
function withRoom(recording: Recording, from: number, to: number): [number, number] {
  const ROOM = 25e-6;
  const stamp = (i: number) => Number(recording.lines[i]?.stamp);
  let first = from;
  while (first > 0 && !(stamp(first) < stamp(from) - ROOM)) first--;
  let last = to;
  while (last + 1 < recording.lines.length && !(stamp(last) > stamp(to) + ROOM)) last++;
  while (recording.lines[first] === null) first++;
  while (recording.lines[last] === null) last--;
  return [first, last];
}

export const irqOffReaderSpliced: Damager = (recording, random) => {
  const quiet = (cpu: number, from: number, to: number) => {
    for (let i = from; i <= to; i++) {
      const line = recording.lines[i];
      if (
        line != null &&
        line.cpu === cpu &&
        line.symbol !== 'mm_page_free' &&
        line.symbol !== 'mm_page_alloc'
      )
        return false;
    }
    return true;
  };
  const handOvers = recording.gathers.flatMap((g) => g.handOvers.filter((h) => h.free !== null));
  const place = pickWhere(handOvers, random, (h) => {
    const from = recording.lines[h.lines[0]!]!;
    const [first, last] = withRoom(recording, from.index, h.free!);
    const seats = readerSeat(recording, first, from.cpu).filter((l) => quiet(l.cpu, first, last));
    return seats.length === 0 ? null : { h, seat: seats[0]!, first, last };
  });
  if (place === null) return null;
  const page = `0x${(recording.vmemmap + place.h.pfn * 64n).toString(16)}`;
  const { h, seat } = place;
  const edit = new Edit(recording);
  const mark = (index: number, what: string) =>
    `${calm(seat, 'd....')}${edit.line(index).stamp}: tracing_mark_write: pttrace: ${what} kind=irqoff page=${page}`;
  edit.insert(place.first, mark(place.first, 'RB')).insert(place.last + 1, mark(place.last, 'RE'));
  return damage(
    'irq-off-reader-spliced',
    'I05',
    edit,
    at(h.lines[0]!, h.free!),
    'a reader with interrupts off on another, silent CPU, begun before unlink and ended after the free',
  );
};
