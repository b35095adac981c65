/** Damage to what a line says: masks, generations, flags, numbers, stamps; and facts told by trace markers. */
import { linesOfFlush } from './damage-flush.js';
import { amongItsLike, at, type Damager, damage, Edit, pick } from './edit.js';
import { arg, type Flush, type HandOver, type Line, type Recording, SINGLE_FN } from './recording.js';

const flushesOf = (recording: Recording): Flush[] =>
  recording.gathers.flatMap((g) => g.flushes).filter((f) => f.done >= 0);

const withFlags = (line: Line, change: (flags: string) => string): string =>
  line.prefix.replace(/(\]\s+)(\S{4,7})(\s+)$/, (_, a, flags, b) => `${a}${change(flags)}${b}`);

/** The same event with something of its arguments changed. */
const reworded = (edit: Edit, index: number, from: RegExp, to: string): Edit => {
  const line = edit.line(index);
  return edit.replace(index, `${line.prefix}${line.stamp}: ${line.rest.replace(from, to)}`);
};

export const targetDropped: Damager = (recording, random) => {
  const places = flushesOf(recording).flatMap((flush) =>
    flush.freedTables && flush.multi >= 0 ? flush.targets.map((target) => ({ flush, target })) : [],
  );
  const sendsElse = (flush: Flush) => {
    const first = flush.targets[0]!.queue;
    const { cpu } = recording.lines[first]!;
    const other = recording.lines.filter((l) => l !== null && l.cpu === cpu && l.symbol === 'csd_queue_cpu');
    return other[0]!.index < flush.request && other.at(-1)!.index > flush.done;
  };
  const place = pick(
    places.filter((p) => sendsElse(p.flush)),
    random,
  );
  if (place === null) return null;
  const { flush, target } = place;
  const others = new Set(
    linesOfFlush(recording, { ...flush, targets: flush.targets.filter((t) => t !== target) }),
  );
  const gone = linesOfFlush(recording, { ...flush, targets: [target] }).filter(
    (i) => !others.has(i) || i === target.queue,
  );
  return damage(
    'target-dropped',
    'I23',
    new Edit(recording).remove(target.queue, ...gone),
    at(target.queue),
    'the interrupt to one CPU of the mask of a flush with freed_tables=1 removed, handler included',
  );
};

/** Flushes with their generation, by mm. */
function generations(recording: Recording): { mm: string; gen: number; flush: Flush; lines: number[] }[] {
  return flushesOf(recording).flatMap((flush) => {
    if (flush.multi < 0) return [];
    const multi = recording.lines[flush.multi]!;
    const gen = arg(multi, 'new_tlb_gen');
    const mm = arg(multi, 'mm');
    const lines: number[] = [];
    for (let i = flush.request; i <= flush.done; i++) {
      const line = recording.lines[i];
      if (line != null && arg(line, 'new_tlb_gen') === gen && arg(line, 'mm') === mm) lines.push(i);
    }
    return [{ mm, gen: Number(gen), flush, lines }];
  });
}

export const generationRepeated: Damager = (recording, random) => {
  const all = generations(recording).filter((g) => g.gen > 2);
  const last = new Map<string, number>();
  const places = all.filter((g) => {
    const follows = last.get(g.mm) === g.gen - 1;
    last.set(g.mm, g.gen);
    return follows;
  });
  const place = pick(places, random);
  if (place === null) return null;
  const edit = new Edit(recording);
  for (const index of place.lines) reworded(edit, index, /new_tlb_gen=\d+/, `new_tlb_gen=${place.gen - 1}`);
  return damage(
    'generation-repeated',
    'I25',
    edit,
    at(...place.lines),
    'the generation of a flush set to that of the flush of the same mm before it',
  );
};

export const flushIrqsOff: Damager = (recording, random) => {
  const calm = flushesOf(recording).filter((f) => /\]\s+\.\S*\s+$/.test(recording.lines[f.request]!.prefix));
  const flush = pick(calm.slice(1), random);
  if (flush === null) return null;
  const edit = new Edit(recording);
  const line = edit.line(flush.request);
  edit.replace(flush.request, `${withFlags(line, (f) => `d${f.slice(1)}`)}${line.stamp}: ${line.rest}`);
  return damage(
    'flush-irqs-off',
    'I34',
    edit,
    at(flush.request),
    'interrupts shown off where a flush begins',
  );
};

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

const matched = (recording: Recording) => recording.enqueues.filter((e) => e.callback !== null);

export const callbackInInterrupt: Damager = (recording, random) => {
  const enqueue = pick(matched(recording), random);
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
  const enqueue = pick(matched(recording), random);
  if (enqueue === null) return null;
  const from = enqueue.callback!.marks[0]!;
  const edit = new Edit(recording);
  const seconds = 35 + Math.floor(random() * 60);
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
    `all stamps from a table callback on moved by ${seconds} s: its grace period took that long`,
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

export const flushAfterExit: Damager = (recording, random) => {
  const last = new Map<string, { gen: number; request: number; multi: number }>();
  const byRequest = new Map(generations(recording).map((g) => [g.flush.multi, g]));
  const exiting = new Map<number, string>();
  const places: { after: number; gen: number; request: number; multi: number }[] = [];
  recording.lines.forEach((line, i) => {
    if (line === null) return;
    const flush = byRequest.get(i);
    if (flush && flush.gen > 2)
      last.set(flush.mm, { gen: flush.gen, request: flush.flush.request, multi: i });
    if (line.symbol === 'exit_mmap') {
      if (line.kind === 'probe') exiting.set(line.pid, arg(line, 'mm'));
      else {
        const mm = exiting.get(line.pid);
        const before = mm === undefined ? undefined : last.get(mm);
        if (before) places.push({ after: i, ...before });
        if (mm !== undefined) last.delete(mm);
        exiting.delete(line.pid);
      }
    }
  });
  const place = pick(places, random);
  if (place === null) return null;
  const edit = new Edit(recording);
  const again = (index: number) =>
    edit.line(index).rest.replace(/new_tlb_gen=\d+/, `new_tlb_gen=${place.gen + 1}`);
  edit.insert(place.after + 1, edit.as(place.after, again(place.request)));
  edit.insert(place.after + 1, edit.as(place.after, again(place.multi)));
  return damage(
    'flush-after-exit',
    'I50',
    edit,
    at(place.after),
    'a flush of an mm, with its next generation, after its exit_mmap has returned',
  );
};

export const tableLeftAtExit: Damager = (recording, random) => {
  const open = new Map<string, { mm: string; pfn: bigint }>();
  const mmOf = new Map<bigint, string>();
  for (const line of recording.lines) {
    if (line === null || line.symbol !== 'pmd_install' || line.kind !== 'probe') continue;
    const pfn = (BigInt(arg(line, 'page')) - recording.vmemmap) / 64n;
    mmOf.set(pfn, arg(line, 'mm'));
    open.set(`${pfn}`, { mm: arg(line, 'mm'), pfn });
  }
  const exits = new Map<string, number>();
  const starts = new Map<number, { mm: string; from: number }>();
  const spans: { mm: string; pid: number; from: number; to: number }[] = [];
  recording.lines.forEach((line, i) => {
    if (line?.symbol !== 'exit_mmap') return;
    if (line.kind === 'probe') starts.set(line.pid, { mm: arg(line, 'mm'), from: i });
    else {
      const s = starts.get(line.pid);
      if (s) spans.push({ ...s, pid: line.pid, to: i });
      if (s) exits.set(s.mm, i);
      starts.delete(line.pid);
    }
  });
  const end = Number(recording.lines.findLast((l) => l !== null)!.stamp);
  const places = recording.gathers.flatMap((g) =>
    g.handOvers.filter((h) => {
      if (h.level !== 'pte' || mmOf.get(h.pfn) === undefined) return false;
      const first = h.lines[0]!;
      const span = spans.find((s) => first > s.from && first < s.to && s.pid === recording.lines[first]!.pid);
      if (span === undefined || Number(recording.lines[span.to]!.stamp) > end - 1.1) return false;
      // Born in the recording as this process's, and the page never seen again: it is really left.
      return neverSeenAgain(recording, h) && bornAs(recording, h, span.mm, first);
    }),
  );
  const h = pick(places, random);
  if (h === null) return null;
  const edit = new Edit(recording).remove(...h.lines);
  if (h.free !== null) edit.remove(h.free);
  return damage(
    'table-left-at-exit',
    'I51',
    edit,
    at(...h.lines),
    'the hand-over of a PTE table in exit_mmap and its free removed; its page is not seen again',
  );
};

function bornAs(recording: Recording, h: HandOver, mm: string, before: number): boolean {
  const page = `0x${(recording.vmemmap + h.pfn * 64n).toString(16)}`;
  for (let i = before - 1; i >= 0; i--) {
    const line = recording.lines[i];
    if (line?.symbol === 'pmd_install' && arg(line, 'page') === page) return arg(line, 'mm') === mm;
  }
  return false;
}

function neverSeenAgain(recording: Recording, h: HandOver): boolean {
  const from = h.free ?? h.lines.at(-1)!;
  const page = `0x${(recording.vmemmap + h.pfn * 64n).toString(16)}`;
  const pfn = `pfn=0x${h.pfn.toString(16)} `;
  for (let i = from + 1; i < recording.text.length; i++) {
    const text = recording.text[i]!;
    if (text.includes(page) || text.includes(pfn)) return false;
  }
  return true;
}

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
  const places = matched(recording).flatMap((e) => {
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

export const exitBeforeReturn: Damager = (recording, random) => {
  const entered = new Map<number, Line>();
  const places: Line[] = [];
  for (const line of recording.lines) {
    if (line === null || (line.kind !== 'enter' && line.kind !== 'exit')) continue;
    if (line.kind === 'enter') entered.set(line.pid, line);
    else if (entered.get(line.pid)?.symbol === line.symbol) places.push(line);
  }
  const exit = pick(
    places.filter((line) => amongItsLike(recording, line.index, entered.get(line.pid)!.index)),
    random,
  );
  if (exit === null) return null;
  const edit = new Edit(recording);
  edit.insert(exit.index, edit.as(exit.index, `sched_process_exit: comm=gone pid=${exit.pid} prio=120`));
  return damage(
    'exit-before-return',
    'I54',
    edit,
    at(exit.index),
    'sched_process_exit of a task right before the return of its syscall',
  );
};

const marker = (recording: Recording, h: HandOver, text: string): string =>
  `tracing_mark_write: pttrace: ${text} page=0x${(recording.vmemmap + h.pfn * 64n).toString(16)}`;

export const topLevelHandedOver: Damager = (recording, random) => {
  const places = recording.gathers.flatMap((g) => g.handOvers).filter((h) => h.level === 'pte');
  const h = pick(places, random);
  if (h === null) return null;
  const edit = new Edit(recording);
  edit.insert(h.lines[0]!, edit.as(h.lines[0]!, marker(recording, h, 'PGD')));
  return damage(
    'top-level-handed-over',
    'I14',
    edit,
    at(h.lines[0]!),
    'a trace marker says that the table handed over next is a top-level table',
    ['I13'],
  );
};

export const reclaimedBySync: Damager = (recording, random) => {
  const places = recording.syncs
    .map((s) => s.handOver)
    .filter((h) => h.level === 'pte' && h.free !== null && h.enqueue === null);
  const h = pick(places, random);
  if (h === null) return null;
  const edit = new Edit(recording);
  const first = h.lines[0]!;
  // Where the flush behind it says the table was: another address would be one that was never flushed.
  const flushed = /mm=(0x[0-9a-f]+) start=(0x[0-9a-f]+)/.exec(
    recording.text.slice(first, first + 40).join('\n'),
  );
  const where = `mm=${flushed?.[1] ?? '0xffff888100003000'} addr=${flushed?.[2] ?? '0x7f0000000000'}`;
  for (const text of [`LINK ${where}`, 'EMPTY', `UL ${where}`]) {
    edit.insert(first, edit.as(first, marker(recording, h, text)));
  }
  return damage(
    'reclaimed-by-sync',
    'I06',
    edit,
    at(first),
    'trace markers say that a table freed after an IPI alone was reclaimed while its mapping stays: RCU walkers reach it',
    [],
  );
};

export const MORE_DAMAGES: Readonly<Record<string, Damager>> = {
  'target-dropped': targetDropped,
  'generation-repeated': generationRepeated,
  'flush-irqs-off': flushIrqsOff,
  'gp-number-skipped': gpNumberSkipped,
  'reader-over-grace-period': readerOverGp,
  'batch-over-limit': batchOverLimit,
  'callback-in-interrupt': callbackInInterrupt,
  'callback-stalled': callbackStalled,
  'single-storm': singleStorm,
  'flush-after-exit': flushAfterExit,
  'table-left-at-exit': tableLeftAtExit,
  'hash-changed': hashChanged,
  'batch-count-changed': batchCountChanged,
  'exit-before-return': exitBeforeReturn,
  'top-level-handed-over': topLevelHandedOver,
  'reclaimed-by-sync': reclaimedBySync,
};
