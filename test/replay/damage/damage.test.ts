import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { oneOfEachName } from '../../support/part.js';
import { CO_FIRING, DAMAGES, type Damage, damageLines, readRecording } from './damage.js';
import { replayFixtures } from './fixtures.js';
import type { Recording } from './recording.js';
import { parseLine } from './recording-lines.js';

/** Slow paths are not alike: each kernel has its own. */
const SOME = oneOfEachName(
  replayFixtures().map((f) => f.name),
  (name) => (/slowpath/.test(name) ? name : basename(name)),
);
const FIXTURES = replayFixtures()
  .filter((f) => SOME.includes(f.name))
  .map((f) => ({ ...f, recording: readRecording(f.lines) }));
const SEEDS = [1];

interface Case {
  readonly recording: Recording;
  readonly damage: Damage;
}

function make(kind: string): Case[] {
  return FIXTURES.flatMap(({ recording }) =>
    SEEDS.flatMap((seed) => {
      const damage = damageLines(kind, recording, seed);
      return damage === null ? [] : [{ recording, damage }];
    }),
  );
}

const made = new Map<string, Case[]>();

/** Every damage of a kind that the fixtures have a place for. */
function damagesOf(kind: string): Case[] {
  if (!made.has(kind)) made.set(kind, make(kind));
  return made.get(kind)!;
}

const restOf = (text: string, i: number): string => parseLine(text, i)?.rest ?? text;

/** What an event says, counted: [gone, new] between two texts, whatever moved. Lines of both are left out first. */
function difference(all: readonly string[], changed: readonly string[]): [string[], string[]] {
  const old = new Set(all);
  const now = new Set(changed);
  const before = all.filter((text) => !now.has(text));
  const after = changed.filter((text) => !old.has(text));
  const count = new Map<string, number>();
  before.forEach((text, i) => {
    count.set(restOf(text, i), (count.get(restOf(text, i)) ?? 0) + 1);
  });
  const added: string[] = [];
  after.forEach((text, i) => {
    const rest = restOf(text, i);
    const left = count.get(rest) ?? 0;
    if (left > 0) count.set(rest, left - 1);
    else added.push(rest);
  });
  return [[...count].flatMap(([rest, n]) => Array<string>(n).fill(rest)), added];
}

/** Lines whose stamp is before the one of the previous line of their CPU. */
function backwards(lines: readonly string[]): number {
  const last = new Map<number, number>();
  let found = 0;
  lines.forEach((text, i) => {
    const line = parseLine(text, i);
    if (line === null) return;
    const stamp = Number(line.stamp);
    if (stamp < (last.get(line.cpu) ?? 0)) found++;
    last.set(line.cpu, stamp);
  });
  return found;
}

const MOVES = [
  'enqueue-before-flush',
  'enqueue-inside-flush',
  'handler-exit-after-return',
  'return-before-handler',
  'frame-freed-before-flush',
  'table-freed-before-flush',
  'table-freed-before-hand-over',
  'free-before-callback',
  'free-before-enqueue',
  'gp-started-before-enqueue',
  'callback-before-gp-end',
  'callbacks-reordered',
];
const DROPS = [
  'flush-dropped',
  'sync-dropped',
  'enqueue-dropped',
  'callback-dropped',
  'syscall-exit-dropped',
  'gather-end-dropped',
  'gather-begin-dropped',
];
const ADDS = [
  'sync-added',
  'enqueue-doubled',
  'callback-doubled',
  'table-freed-twice',
  'handed-over-twice',
  'rcu-reader-spliced',
  'irq-off-reader-spliced',
  'syscall-exit-doubled',
];
const CHANGES = [
  'enqueue-func-changed',
  'callback-func-changed',
  'clock-backwards',
  'events-lost',
  'variant-contradiction',
];

describe('every kind of damage', () => {
  it('is of one class here', () => {
    expect([...MOVES, ...DROPS, ...ADDS, ...CHANGES].sort()).toEqual(Object.keys(DAMAGES).sort());
  });

  it.each(Object.keys(DAMAGES))('%s: has a place, keeps header and clocks, repeats with its seed', (kind) => {
    const all = damagesOf(kind);
    expect(all.length).toBeGreaterThan(0);
    for (const { recording, damage } of all) {
      expect(damage.kind).toBe(kind);
      expect(damage.lines.slice(0, 12)).toEqual(recording.text.slice(0, 12));
      expect(backwards(damage.lines)).toBe(kind === 'clock-backwards' ? 1 : 0);
      expect(damage.lines).not.toEqual(recording.text);
      expect(damage.expected).toMatch(/^I\d\d$/);
    }
    const again = make(kind);
    expect(again.map((d) => d.damage)).toEqual(all.map((d) => d.damage));
  });

  it('different seeds find different places', () => {
    const { recording } = FIXTURES.find((f) => f.name.includes('lab-y/mt-munmap'))!;
    const places = new Set(
      [...Array(20).keys()].map((seed) => damageLines('clock-backwards', recording, seed)!.where),
    );
    expect(places.size).toBeGreaterThan(15);
  });

  it.each(MOVES)('%s only moves lines', (kind) => {
    for (const { recording, damage } of damagesOf(kind))
      expect(difference(recording.text, damage.lines)).toEqual([[], []]);
  });

  it.each(DROPS)('%s only removes lines', (kind) => {
    for (const { recording, damage } of damagesOf(kind)) {
      const kept = new Map<string, number>();
      for (const text of recording.text) kept.set(text, (kept.get(text) ?? 0) + 1);
      for (const text of damage.lines) kept.set(text, (kept.get(text) ?? 0) - 1);
      expect([...kept.values()].every((n) => n >= 0)).toBe(true);
      const gone = recording.text.length - damage.lines.length;
      expect(gone).toBeGreaterThan(0);
      expect(gone).toBeLessThan(80);
    }
  });

  it.each(ADDS)('%s only adds lines', (kind) => {
    for (const { recording, damage } of damagesOf(kind)) {
      const added = damage.lines.length - recording.text.length;
      expect(difference(recording.text, damage.lines)[0]).toEqual([]);
      expect(added).toBeGreaterThan(0);
      expect(added).toBeLessThan(10);
    }
  });
});

/** A single re-reading of the damaged text, for what each kind claims. */
const reread = (kind: string) =>
  damagesOf(kind).map(({ recording, damage }) => ({
    before: recording,
    after: readRecording(damage.lines),
    damage,
  }));

/** Table call_rcus without a returned flush of their gather between the last hand-over and them. */
function unflushed(r: Recording): number {
  return r.gathers.flatMap((g) =>
    g.enqueues.filter((e) => {
      if (e.tables.length === 0) return false;
      const last = Math.max(...e.tables.map((t) => t.lines[0]!));
      return !g.flushes.some((f) => f.request > last && f.done >= 0 && f.done < e.lines[0]!);
    }),
  ).length;
}

const late = (r: Recording): number =>
  r.gathers.flatMap((g) => g.flushes.flatMap((f) => f.targets.filter((t) => f.done >= 0 && t.exit > f.done)))
    .length;

const taskFrees = (r: Recording): number =>
  r.gathers.flatMap((g) => g.handOvers).filter((h) => h.free !== null && r.lines[h.free]!.task).length;

describe('what a damage claims is what the text says afterwards', () => {
  it.each(['enqueue-before-flush', 'enqueue-inside-flush'])('%s: one call_rcu is unflushed', (kind) => {
    for (const { before, after } of reread(kind)) expect(unflushed(after)).toBe(unflushed(before) + 1);
  });

  it('flush-dropped: no flush of the gather is left', () => {
    for (const { before, after } of reread('flush-dropped')) {
      const flushes = (r: Recording) => r.gathers.reduce((n, g) => n + g.flushes.length, 0);
      expect(flushes(after)).toBe(flushes(before) - 1);
      if (before.enqueues.length > 0) expect(unflushed(after)).toBeGreaterThan(unflushed(before));
    }
  });

  it('return-before-handler: a target is handled after the return', () => {
    for (const { before, after, damage } of reread('return-before-handler')) {
      expect(late(before)).toBe(0);
      const m = /line (\d+), line (\d+)/.exec(damage.where)!;
      expect(Number(m[2])).toBeLessThan(Number(m[1]));
      const moved = after.lines[Number(m[2]) - 1]!;
      expect(moved.symbol).toBe('flush_tlb_mm_range');
      expect(moved.kind).toBe('return');
    }
  });

  it('handler-exit-after-return: the end of the handler is behind the return', () => {
    for (const { after, damage } of reread('handler-exit-after-return')) {
      const m = /line (\d+), line (\d+)/.exec(damage.where)!;
      expect(after.lines[Number(m[2]) - 1]!.symbol).toBe('csd_function_exit');
      expect(after.lines[Number(m[2]) - 2]!.symbol).toBe('flush_tlb_mm_range');
    }
  });

  it('free-before-callback, free-before-enqueue: one table more is freed by a task', () => {
    for (const kind of ['free-before-callback', 'free-before-enqueue'])
      for (const { before, after } of reread(kind)) expect(taskFrees(after)).toBe(taskFrees(before) + 1);
  });

  it('enqueue-doubled: one head more; enqueue-dropped: one less', () => {
    for (const { before, after } of reread('enqueue-doubled'))
      expect(after.enqueues.length).toBe(before.enqueues.length + 1);
    for (const { before, after } of reread('enqueue-dropped'))
      expect(after.enqueues.length).toBe(before.enqueues.length - 1);
  });

  it('callback-doubled: one callback more; callback-dropped: one less, with its frees', () => {
    for (const { before, after } of reread('callback-doubled'))
      expect(after.callbacks.length).toBe(before.callbacks.length + 1);
    for (const { before, after } of reread('callback-dropped')) {
      expect(after.callbacks.length).toBe(before.callbacks.length - 1);
      const frees = (r: Recording) => r.text.filter((t) => t.includes(': mm_page_free:')).length;
      expect(frees(after)).toBeLessThan(frees(before));
    }
  });

  it('callbacks-reordered: on that CPU a later enqueue is called back first', () => {
    const inversions = (r: Recording) => {
      let found = 0;
      const last = new Map<number, number>();
      for (const c of r.callbacks) {
        if (c.enqueue === null) continue;
        if (c.enqueue.lines[0]! < (last.get(c.cpu) ?? -1)) found++;
        last.set(c.cpu, Math.max(last.get(c.cpu) ?? -1, c.enqueue.lines[0]!));
      }
      return found;
    };
    for (const { before, after } of reread('callbacks-reordered')) {
      expect(inversions(before)).toBe(0);
      expect(inversions(after)).toBeGreaterThan(0);
    }
  });

  it('gp-started-before-enqueue, callback-before-gp-end: no grace period between call_rcu and callback', () => {
    const early = (r: Recording) => {
      const said = (what: RegExp) =>
        r.lines.filter((l) => l?.symbol === 'rcu_grace_period' && what.test(l.rest));
      const starts = said(/ start$/);
      const ends = said(/ (cpu)?end$/);
      return r.enqueues.filter((e) => {
        if (e.callback === null) return false;
        const start = starts.find((l) => l!.index > e.lines[0]!);
        const end = ends.find((l) => start != null && l!.index > start.index && same(l!.rest, start.rest));
        return end == null || end.index > e.callback.marks[0]!;
      }).length;
    };
    const same = (a: string, b: string) => /-?\d+ /.exec(a)?.[0] === /-?\d+ /.exec(b)?.[0];
    for (const kind of ['gp-started-before-enqueue', 'callback-before-gp-end'])
      for (const { before, after } of reread(kind)) expect(early(after)).toBeGreaterThan(early(before));
  });

  it('events-lost: the hole is of one CPU and announced right before its next event', () => {
    for (const { recording, damage } of damagesOf('events-lost')) {
      const i = damage.lines.findIndex((l) => l.startsWith('CPU:'));
      const m = /^CPU:(\d+) \[LOST (\d+) EVENTS\]$/.exec(damage.lines[i]!)!;
      expect(recording.text.length - damage.lines.length).toBe(Number(m[2]) - 1);
      expect(parseLine(damage.lines[i + 1]!, 0)!.cpu).toBe(Number(m[1]));
      const others = (lines: readonly string[]) =>
        lines.filter((t) => parseLine(t, 0) !== null && parseLine(t, 0)!.cpu !== Number(m[1]));
      expect(others(damage.lines)).toEqual(others(recording.text));
      expect(damage.outcome).toBe('none');
    }
  });

  it('variant-contradiction: a gather has native_tlb_remove_table and no call_rcu', () => {
    for (const { before, after } of reread('variant-contradiction')) {
      const odd = (r: Recording) =>
        r.gathers.filter((g) => {
          const has = (symbol: string) =>
            g.handOvers.some((h) =>
              h.lines.some((i) => r.lines[i]!.symbol === symbol && r.lines[i]!.kind === 'probe'),
            );
          return has('native_tlb_remove_table') && !has('tlb_remove_table') && g.enqueues.length === 0;
        }).length;
      expect(odd(before)).toBe(0);
      expect(odd(after)).toBe(1);
    }
  });
});

describe('docs/co-firing.md', () => {
  const doc = readFileSync(new URL('../../../docs/co-firing.md', import.meta.url), 'utf8');

  it('has a row for every kind with its expected id, alternatives and co-firing ids', () => {
    expect(Object.keys(CO_FIRING).sort()).toEqual(Object.keys(DAMAGES).sort());
    for (const kind of Object.keys(DAMAGES)) {
      const from = doc.indexOf(`### ${kind}\n`);
      expect(from, kind).toBeGreaterThan(-1);
      const section = doc.slice(from, doc.indexOf('\n##', from + 4) >>> 0);
      const ids = [...damagesOf(kind).flatMap(({ damage }) => [damage.expected, ...damage.alternatives])];
      for (const id of [...ids, ...Object.keys(CO_FIRING[kind]!)])
        expect(section, `${kind} ${id}`).toContain(id);
    }
  });
});
