import type { Recording } from './recording.js';
import type { Line } from './recording-lines.js';

export type Random = () => number;

/** Deterministic numbers in [0, 1) from a 32-bit seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(list: readonly T[], random: Random): T | null {
  return list.length === 0 ? null : list[Math.floor(random() * list.length)]!;
}

/** A random element for which `accept` gives something: from a random start, in order, the first accepted. */
export function pickWhere<T, R>(list: readonly T[], random: Random, accept: (item: T) => R | null): R | null {
  const start = Math.floor(random() * list.length);
  for (let i = 0; i < list.length; i++) {
    const accepted = accept(list[(start + i) % list.length]!);
    if (accepted !== null) return accepted;
  }
  return null;
}

/** Removals and insertions against the original line numbers; nothing moves until `apply`. */
export class Edit {
  readonly #recording: Recording;
  readonly #removed = new Set<number>();
  readonly #before = new Map<number, string[]>();

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  line(index: number): Line {
    return this.#recording.lines[index]!;
  }

  remove(...indexes: number[]): this {
    for (const index of indexes) this.#removed.add(index);
    return this;
  }

  /** Insert whole lines before the original line `index` (after what was inserted there earlier). */
  insert(index: number, ...texts: string[]): this {
    this.#before.set(index, [...(this.#before.get(index) ?? []), ...texts]);
    return this;
  }

  replace(index: number, text: string): this {
    return this.remove(index).insert(index, text);
  }

  /** Move lines, in their order, to just before `target`; they take the stamp of the event there. */
  moveBefore(target: number, indexes: readonly number[]): this {
    const stamp = this.line(target).stamp;
    for (const index of indexes) {
      const line = this.line(index);
      this.remove(index).insert(target, `${line.prefix}${stamp}: ${line.rest}`);
    }
    return this;
  }

  /** Move lines, in their order, to just after `target`, with its stamp. */
  moveAfter(target: number, indexes: readonly number[]): this {
    const stamp = this.line(target).stamp;
    for (const index of indexes) {
      const line = this.line(index);
      this.remove(index).insert(target + 1, `${line.prefix}${stamp}: ${line.rest}`);
    }
    return this;
  }

  /** `rest` as an event of the task, CPU and context of line `like`, with its stamp. */
  as(like: number, rest: string): string {
    const line = this.line(like);
    return `${line.prefix}${line.stamp}: ${rest}`;
  }

  apply(): string[] {
    const out: string[] = [];
    const text = this.#recording.text;
    for (let i = 0; i <= text.length; i++) {
      const before = this.#before.get(i);
      if (before !== undefined) out.push(...before);
      if (i < text.length && !this.#removed.has(i)) out.push(text[i]!);
    }
    return out;
  }
}

/** What a damage did. Line numbers in `where` are 1-based, of the undamaged text. */
export interface Damage {
  readonly kind: string;
  readonly lines: string[];
  /** The id that must be among the findings … */
  readonly expected: string;
  /** … or one of these, where the specification lets a checker name the same fault by another id. */
  readonly alternatives: readonly string[];
  /** `none`: nothing may be violated (a hole in the recording), `expected` must not read pass by absence. */
  readonly outcome: 'violated' | 'none';
  readonly where: string;
  readonly description: string;
}

/**
 * Whether the same event was seen on the CPU of line `index` before it and is seen after it: absence proves something
 * only between two firings of a probe.
 */
export function amongItsLike(recording: Recording, index: number, like = index): boolean {
  const { cpu } = recording.lines[index]!;
  const { symbol, kind } = recording.lines[like]!;
  const same = (line: Line | null): boolean =>
    line !== null && line.cpu === cpu && line.symbol === symbol && line.kind === kind;
  for (let i = index - 1; ; i--) {
    if (i < 0) return false;
    if (same(recording.lines[i]!)) break;
  }
  for (let i = index + 1; i < recording.lines.length; i++) if (same(recording.lines[i]!)) return true;
  return false;
}

/** Damages one random place, or null when the recording has no place of that kind. */
export type Damager = (recording: Recording, random: Random) => Damage | null;

export const at = (...indexes: number[]): string => indexes.map((i) => `line ${i + 1}`).join(', ');

export function damage(
  kind: string,
  expected: string,
  edit: Edit,
  where: string,
  description: string,
  alternatives: readonly string[] = [],
  outcome: 'violated' | 'none' = 'violated',
): Damage {
  return { kind, lines: edit.apply(), expected, alternatives, outcome, where, description };
}

/** What stands before the stamp, with other flags. */
export const withFlags = (line: Line, change: (flags: string) => string): string =>
  line.prefix.replace(/(\]\s+)(\S{4,7})(\s+)$/, (_, a, flags, b) => `${a}${change(flags)}${b}`);

/** The same event with something of its arguments changed. */
export const reworded = (edit: Edit, index: number, from: RegExp, to: string): Edit => {
  const line = edit.line(index);
  return edit.replace(index, `${line.prefix}${line.stamp}: ${line.rest.replace(from, to)}`);
};
