/** Damage to grace periods, enqueues and callbacks: their numbers, flags, stamps. */
import { at, type Damager, damage, Edit, pick, reworded, withFlags } from './edit.js';
import { called } from './enqueues.js';
import { type Recording, SINGLE_FN } from './recording.js';
import { arg, type Line } from './recording-lines.js';
import { watchdogRuns } from './watchdog.js';

const GP = /^(rcu_grace_period: \S+) (-?\d+) (start|end|cpuend)$/;

function periods(recording: Recording): { start: Line; end: Line; seq: number }[] {
  const open = new Map<number, Line>();
  const out: { start: Line; end: Line; seq: number }[] = [];
  for (const line of recording.lines) {
    const m = line && line.symbol === 'rcu_grace_period' ? GP.exec(line.rest) : null;
    if (!line || !m) continue;
    const seq = Number(m[2]);
    if (m[3] === 'start') open.set(seq, line);
    else if (m[3] === 'end' && open.has(seq)) {
      out.push({ start: open.get(seq)!, end: line, seq });
      open.delete(seq);
    }
  }
  return out;
}

export const gpNumberSkipped: Damager = (recording, random) => {
  const place = pick(periods(recording).slice(1), random);
  if (place === null) return null;
  const step = random() < 0.5 ? 2 : 4;
  const edit = new Edit(recording);
  reworded(edit, place.start.index, / -?\d+ start$/, ` ${place.seq + step} start`);
  return damage(
    'gp-number-skipped',
    'I41',
    edit,
    at(place.start.index),
    'the number of a grace period raised where it starts',
    ['I36', 'I40'],
  );
};

export const readerOverGp: Damager = (recording, random) => {
  const places = periods(recording).flatMap(({ start, end }) => {
    const others = new Map<number, Line>();
    for (let i = start.index - 1; i >= Math.max(0, start.index - 400); i--) {
      const line = recording.lines[i];
      if (line == null || line.cpu === start.cpu || others.has(line.cpu)) continue;
      others.set(line.cpu, line);
    }
    const seats = [...others.values()].filter((l) => {
      if (l.pid === 0 || /rcu/.test(l.prefix) || l.symbol === 'sched_switch') return false;
      for (let i = start.index; i <= end.index; i++) {
        const line = recording.lines[i];
        if (line?.pid === l.pid && (line.kind === 'enter' || line.kind === 'exit')) return false;
      }
      return true;
    });
    return seats.map((seat) => ({ start, end, seat }));
  });
  const place = pick(places, random);
  if (place === null) return null;
  const { start, end, seat } = place;
  // Begins and ends with room on both sides: the order of two CPUs must not hang on one stamp.
  const first = recording.lines.findIndex((l) => l !== null && Number(l.stamp) > Number(start.stamp) - 25e-6);
  let last = end.index;
  while (last + 1 < recording.lines.length) {
    const line = recording.lines[last + 1];
    if (line != null && Number(line.stamp) > Number(end.stamp) + 25e-6) break;
    last++;
  }
  const stampBefore = recording.lines[first]!.stamp;
  const stampAfter = recording.lines[last] ?? end;
  const prefix = withFlags(seat, (f) => '.'.repeat(f.length));
  const edit = new Edit(recording)
    .insert(first, `${prefix}${stampBefore}: __rcu_read_lock: (__rcu_read_lock+0x4/0x20)`)
    .insert(last + 1, `${prefix}${stampAfter.stamp}: __rcu_read_unlock: (__rcu_read_unlock+0x4/0x60)`);
  return damage(
    'reader-over-grace-period',
    'I40',
    edit,
    at(start.index, end.index),
    'an RCU reader on another CPU spanning a whole grace period',
    ['I37'],
  );
};

export const batchOverLimit: Damager = (recording, random) => {
  const limits = new Map<number, number>();
  const places: { line: Line; limit: number }[] = [];
  for (const line of recording.lines) {
    if (line === null) continue;
    if (line.symbol === 'rcu_batch_start') limits.set(line.cpu, Number(arg(line, 'bl')));
    else if (line.symbol === 'rcu_batch_end') {
      const limit = limits.get(line.cpu) ?? 0;
      limits.delete(line.cpu);
      if (limit > 0) places.push({ line, limit });
    }
  }
  const place = pick(places, random);
  if (place === null) return null;
  const { line, limit } = place;
  const edit = new Edit(recording);
  const rest = line.rest
    .replace(/CBs-invoked=\d+/, `CBs-invoked=${limit + 1 + Math.floor(random() * 500)}`)
    .replace(/idle=(..)../, 'idle=$1..');
  edit.replace(line.index, `${line.prefix}${line.stamp}: ${rest}`);
  return damage(
    'batch-over-limit',
    'I43',
    edit,
    at(line.index),
    'more callbacks than the limit, on a busy CPU',
  );
};

export const callbackInInterrupt: Damager = (recording, random) => {
  const enqueue = pick(called(recording), random);
  if (enqueue === null) return null;
  const edit = new Edit(recording);
  for (const index of enqueue.callback!.marks) {
    const line = edit.line(index);
    const prefix = withFlags(line, (f) => `${f.slice(0, 2)}h${f.slice(3)}`);
    edit.replace(index, `${prefix}${line.stamp}: ${line.rest}`);
  }
  return damage(
    'callback-in-interrupt',
    'I44',
    edit,
    at(...enqueue.callback!.marks),
    'the hard-interrupt flag set on the lines of a table callback',
  );
};

export const callbackStalled: Damager = (recording, random) => {
  const enqueue = pick(called(recording), random);
  if (enqueue === null) return null;
  const from = enqueue.callback!.marks[0]!;
  const edit = new Edit(recording);
  const seconds = 35 + Math.floor(random() * 60);
  // The rest of the machine is not stalled.
  watchdogRuns(recording, edit, from, seconds);
  for (let i = from; i < recording.lines.length; i++) {
    const line = recording.lines[i];
    if (line == null) continue;
    const [whole, fraction] = line.stamp.split('.') as [string, string];
    edit.replace(i, `${line.prefix.replace(/ $/, '')} ${Number(whole) + seconds}.${fraction}: ${line.rest}`);
  }
  return damage(
    'callback-stalled',
    'I45',
    edit,
    at(from),
    `all stamps from a table callback on moved by ${seconds} s, in which only a watchdog runs: its grace period took that long`,
  );
};

export const singleStorm: Damager = (recording, random) => {
  const enqueue = pick(
    recording.enqueues.filter((e) => e.single),
    random,
  );
  if (enqueue === null) return null;
  const index = enqueue.lines[0]!;
  const edit = new Edit(recording);
  const probe = /^(\S+: \([^)]*\)) /.exec(edit.line(index).rest)![1]!;
  const base = 0xffff_eb00_0000_0008n;
  const one = (n: number) =>
    edit.as(index, `${probe} head=0x${(base + BigInt(n) * 64n).toString(16)} func=${SINGLE_FN}+0x0/0x10`);
  edit.insert(index, ...Array.from({ length: 10_001 }, (_, n) => one(n)));
  return damage(
    'single-storm',
    'I46',
    edit,
    at(index),
    '10001 single tables queued at once, none of them run',
  );
};

export const hashChanged: Damager = (recording, random) => {
  const seen = new Set<bigint>();
  const places = recording.enqueues.filter((e) => {
    const known = seen.has(e.head);
    const traced = e.lines.some((i) => recording.lines[i]!.symbol === 'rcu_callback');
    if (traced) seen.add(e.head);
    return traced && known;
  });
  const enqueue = pick(places, random);
  if (enqueue === null) return null;
  const edit = new Edit(recording);
  const marks = [...enqueue.lines, ...(enqueue.callback?.marks ?? [])];
  const changed: number[] = [];
  for (const index of marks) {
    if (arg(edit.line(index), 'rhp') === '') continue;
    reworded(
      edit,
      index,
      /rhp=([0-9a-fx]*)[0-9a-f]{4}\b/,
      `rhp=$1${(1 + Math.floor(random() * 65534)).toString(16).padStart(4, '0')}`,
    );
    changed.push(index);
    break;
  }
  return damage(
    'hash-changed',
    'I55',
    edit,
    at(...changed),
    'what the tracepoint prints for a head that was printed before changed',
    ['I38', 'I36'],
  );
};

export const batchCountChanged: Damager = (recording, random) => {
  const places = called(recording).flatMap((e) => {
    const mark = e.callback!.marks.find((m) => /\bnr=\d+/.test(recording.lines[m]!.rest));
    return !e.single && mark !== undefined && e.tables.length > 0 ? [{ e, mark }] : [];
  });
  const place = pick(places, random);
  if (place === null) return null;
  const nr = Number(arg(recording.lines[place.mark]!, 'nr'));
  const edit = new Edit(recording);
  reworded(edit, place.mark, /\bnr=\d+/, `nr=${random() < 0.5 || nr < 2 ? nr + 1 : nr - 1}`);
  return damage(
    'batch-count-changed',
    'I08',
    edit,
    at(place.mark),
    'the callback of a batch releases one table more or less than were appended',
  );
};
