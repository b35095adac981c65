/** Damage around the end of an mm, and facts told by trace markers. */
import { generations } from './damage-generations.js';
import { amongItsLike, at, type Damager, damage, Edit, pick } from './edit.js';
import type { HandOver, Recording } from './recording.js';
import { arg, type Line } from './recording-lines.js';

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
