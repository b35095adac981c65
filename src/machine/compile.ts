import { rewrite, written } from './command.js';
import type { Machine } from './model.js';

/** A machine as code: states are runs of 32-bit words, one byte per variable. */
export interface Compiled {
  readonly machine: Machine;
  /** Words of a state. */
  readonly words: number;
  readonly initial: Uint8Array;
  /** Place of a variable in the state. */
  readonly offsets: ReadonlyMap<string, number>;
  /**
   * Runs every enabled command of the state in `from`: the new state is left in `to`, then `found(command)` is
   * called. A state that is unsafe has no next.
   */
  readonly successors: (found: (command: number) => void) => void;
  /** The state to start from; write into it before each call. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly fromBytes: Uint8Array;
  readonly toBytes: Uint8Array;
}

/**
 * Compiles guards and assignments to one function per actor. The text comes from `src/machine` alone: names a user
 * gives never get into it.
 */
export function compile(machine: Machine): Compiled {
  const offsets = new Map(machine.variables.map((v, i) => [v.name, i]));
  const words = Math.max(1, Math.ceil(machine.variables.length / 4));
  const from = new Int32Array(words);
  const to = new Int32Array(words);
  const fromBytes = new Uint8Array(from.buffer);
  const toBytes = new Uint8Array(to.buffer);
  const initial = new Uint8Array(words * 4);
  machine.variables.forEach((v, i) => {
    initial[i] = v.init;
  });
  const place = (array: string) => (name: string) => `${array}[${offsets.get(name)}]`;
  const copy = Array.from({ length: words }, (_, i) => `T[${i}] = F[${i}];`).join(' ');
  const actors = new Map<string, number[]>();
  machine.commands.forEach((c, i) => {
    actors.set(c.actor, [...(actors.get(c.actor) ?? []), i]);
  });
  const bodies = [...actors.values()].map((list) => {
    const run = (i: number): string => {
      const c = machine.commands[i]!;
      const set = c.set.map(
        (a) => `${place('t')(written(a))} = ${rewrite(a.slice(written(a).length + 3), wordIn(place('t')))};`,
      );
      return `if (${rewrite(c.guard, wordIn(place('f')))}) { ${copy} ${set.join(' ')} found(${i}); }`;
    };
    const places = [...new Set(list.map((i) => machine.commands[i]!.at))];
    if (places.length === 1 && places[0] === -1) return list.map(run).join('\n');
    const pc = `f[${offsets.get(`pc_${machine.commands[list[0]!]!.cpu}`)}]`;
    const cases = places.map(
      (at) =>
        `case ${at}: ${list
          .filter((i) => machine.commands[i]!.at === at)
          .map(run)
          .join('\n')} break;`,
    );
    return `switch (${pc}) {\n${cases.join('\n')}\n}`;
  });
  const bad = place('f')('bad');
  const text = `${bodies.map((b, i) => `function actor${i}(found) {\n${b}\n}`).join('\n')}
return (found) => { if (${bad} !== 0) return; ${bodies.map((_, i) => `actor${i}(found);`).join(' ')} };`;
  const make = new Function('F', 'T', 'f', 't', text) as (
    F: Int32Array,
    T: Int32Array,
    f: Uint8Array,
    t: Uint8Array,
  ) => Compiled['successors'];
  const successors = make(from, to, fromBytes, toBytes);
  return { machine, words, initial, offsets, successors, from, to, fromBytes, toBytes };
}

const wordIn = (place: (name: string) => string) => (word: string) => (/^\d/.test(word) ? word : place(word));

/** Value of a variable in a state; what never changes has the value it starts with. */
export function reader(compiled: Compiled, state: Uint8Array): (name: string) => number {
  const { offsets } = compiled;
  return (name) => {
    const at = offsets.get(name);
    if (at === undefined) return compiled.machine.constants.get(name) ?? 0;
    return state[at]!;
  };
}
