import { type Command, namesIn, written } from '../machine/command.js';
import type { Compiled } from '../machine/compile.js';
import { assigned, conjuncts } from '../machine/expression.js';

/**
 * Chooses, of the enabled commands of a state, some that suffice: a stubborn set (Valmari, "Stubborn sets for reduced
 * state space generation", 1990). Whatever the others do before one of them, it could as well have been done after, so
 * every final state and every kind of unsafe state is still reached. States are reached by fewer orders: neither the
 * number of interleavings nor the shortest way can be read off such a search.
 *
 * No circles: a command put off forever would have to be put off along one (docs/explore.md).
 */
export class Stubborn {
  private readonly falsePart: (state: Int32Array, command: number) => number;
  /** Commands that do not commute with one. */
  private readonly conflicts: readonly Int32Array[];
  /** Commands that may make a part of a guard true. */
  private readonly enablers: readonly Int32Array[];
  private readonly endsIt: Uint8Array;
  private readonly marks: Int32Array;
  private readonly stack: number[] = [];
  private mark = 0;

  constructor(compiled: Compiled) {
    const { commands } = compiled.machine;
    const uses = commands.map(usesOf);
    this.conflicts = commands.map((a, i) =>
      Int32Array.from(commands.flatMap((b, j) => (i !== j && conflict(a, uses[i]!, b, uses[j]!) ? [j] : []))),
    );
    this.endsIt = Uint8Array.from(commands, (c) => (c.set.some((s) => written(s) === 'bad') ? 1 : 0));
    this.marks = new Int32Array(commands.length);
    const parts: string[] = [];
    const enablers: Int32Array[] = [];
    // The part that fewest commands can make true first: it keeps the set small.
    const guards = commands.map((c) =>
      conjuncts(c.guard)
        .map((part) => ({ part, by: enabling(part, commands) }))
        .sort((a, b) => a.by.length - b.by.length)
        .map(({ part, by }) => {
          parts.push(part);
          return enablers.push(by) - 1;
        }),
    );
    this.enablers = enablers;
    this.falsePart = compiled.firstFalse(guards, parts);
  }

  /** Marks the commands to take; `true` from `takes` for those. Returns false where all must be taken. */
  choose(state: Int32Array, enabled: readonly number[]): boolean {
    if (enabled.length < 2) return false;
    for (const command of enabled) if (this.endsIt[command] === 1) return false;
    let best = enabled.length;
    let chosen = -1;
    for (const key of enabled) {
      if (chosen >= 0 && this.marks[key] === chosen) continue;
      const size = this.close(state, key, best);
      if (size < best) {
        best = size;
        chosen = this.mark;
        this.chosen = enabled.filter((command) => this.marks[command] === chosen);
        if (best === 1) break;
      }
    }
    return chosen >= 0;
  }

  /** What `choose` has marked. */
  chosen: readonly number[] = [];

  /** Closes the set over `key`; number of enabled commands in it, or `limit` as soon as it has that many. */
  private close(state: Int32Array, key: number, limit: number): number {
    const { marks, stack } = this;
    const mark = ++this.mark;
    let size = 0;
    marks[key] = mark;
    stack.length = 0;
    stack.push(key);
    for (let command = stack.pop(); command !== undefined; command = stack.pop()) {
      const part = this.falsePart(state, command);
      if (part < 0 && ++size >= limit) return limit;
      const more = part < 0 ? this.conflicts[command]! : this.enablers[part]!;
      for (const next of more) {
        if (marks[next] === mark) continue;
        marks[next] = mark;
        stack.push(next);
      }
    }
    return size;
  }
}

interface Uses {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

function usesOf(c: Command): Uses {
  const writes = new Set(c.set.map(written));
  writes.delete('bad');
  return { reads: new Set([...namesIn(c.guard), ...c.set.flatMap((a) => namesIn(assigned(a)))]), writes };
}

function conflict(a: Command, ua: Uses, b: Command, ub: Uses): boolean {
  // Another place of the same thread: not before one of those at this place has been taken.
  if (a.actor === b.actor && a.at >= 0 && a.at !== b.at) return false;
  for (const name of ua.writes) if (ub.reads.has(name) || ub.writes.has(name)) return true;
  for (const name of ub.writes) if (ua.reads.has(name)) return true;
  return false;
}

const TEST = /^(\w+) (==|!=) (\d+)$/;

/** Commands after which the part may hold though it did not before. */
function enabling(part: string, commands: readonly Command[]): Int32Array {
  const names = new Set(namesIn(part));
  const test = TEST.exec(part);
  const can = (assignment: string): boolean => {
    if (!names.has(written(assignment))) return false;
    const to = assigned(assignment);
    if (!test || !/^\d+$/.test(to)) return true;
    return test[2] === '==' ? to === test[3] : to !== test[3];
  };
  return Int32Array.from(commands.flatMap((c, i) => (c.set.some(can) ? [i] : [])));
}
