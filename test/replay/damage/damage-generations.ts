/** Damage to generations, masks and flags of flushes. */
import { linesOfFlush } from './damage-flush.js';
import { at, type Damager, damage, Edit, pick, reworded, withFlags } from './edit.js';
import type { Flush, Recording } from './recording.js';
import { arg } from './recording-lines.js';

const flushesOf = (recording: Recording): Flush[] =>
  recording.gathers.flatMap((g) => g.flushes).filter((f) => f.done >= 0);

export const targetDropped: Damager = (recording, random) => {
  const places = flushesOf(recording).flatMap((flush) =>
    flush.freedTables && flush.multi >= 0 ? flush.targets.map((target) => ({ flush, target })) : [],
  );
  const sent = new Map<number, { first: number; last: number }>();
  for (const line of recording.lines) {
    if (line?.symbol !== 'csd_queue_cpu') continue;
    const { index } = line;
    sent.set(line.cpu, { first: sent.get(line.cpu)?.first ?? index, last: index });
  }
  const sendsElse = (flush: Flush) => {
    const { first, last } = sent.get(recording.lines[flush.targets[0]!.queue]!.cpu)!;
    return first < flush.request && last > flush.done;
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
export function generations(
  recording: Recording,
): { mm: string; gen: number; flush: Flush; lines: number[] }[] {
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
