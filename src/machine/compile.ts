import { written } from './command.js';
import { type Layout, layoutOf, type Place } from './layout.js';
import type { Machine } from './model.js';

/** A machine as code: a state is a run of 32-bit words (`layout.ts`). */
export interface Compiled extends Layout {
  readonly machine: Machine;
  readonly initial: Int32Array;
  /**
   * Runs every enabled command of the state in `from`: the new state is left in `to`, then `found(command)` is
   * called. A state that is unsafe has no next.
   */
  readonly successors: (found: (command: number) => void) => void;
  /**
   * For stubborn sets: a function that says which part of a command's guard does not hold in a state, -1 where all do.
   * `guards`: numbers of the parts of each command's guard, in the order in which they are looked at.
   */
  readonly firstFalse: (
    guards: readonly (readonly number[])[],
    parts: readonly string[],
  ) => (state: Int32Array, command: number) => number;
  /** The state to start from; write into it before each call. */
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/**
 * Compiles guards and assignments to one function per actor. Names and numbers are those of the model: of what a user
 * writes only names that the model has checked get into the text (`Model.build`).
 */
export function compile(machine: Machine): Compiled {
  const layout = layoutOf(machine);
  const { words, places } = layout;
  const from = new Int32Array(words);
  const to = new Int32Array(words);
  const initial = new Int32Array(words);
  for (const v of machine.variables) {
    const { word, shift } = places.get(v.name)!;
    initial[word]! |= v.init << shift;
  }
  const actors = new Map<string, number[]>();
  machine.commands.forEach((c, i) => {
    actors.set(c.actor, [...(actors.get(c.actor) ?? []), i]);
  });
  const load = Array.from({ length: words }, (_, i) => `const f${i} = F[${i}];`).join(' ');
  const bodies = [...actors.values()].map((list) => {
    const run = (i: number): string => commandText(machine.commands[i]!, i, layout);
    const at = [...new Set(list.map((i) => machine.commands[i]!.at))];
    if (at.length === 1 && at[0] === -1) return list.map(run).join('\n');
    const pc = bitsOf('f', places.get(`pc_${machine.commands[list[0]!]!.cpu}`)!);
    const cases = at.map(
      (place) =>
        `case ${place}: ${list
          .filter((i) => machine.commands[i]!.at === place)
          .map(run)
          .join('\n')} break;`,
    );
    return `switch (${pc}) {\n${cases.join('\n')}\n}`;
  });
  const text = `${bodies.map((b, i) => `function actor${i}(found) {\n${load}\n${b}\n}`).join('\n')}
return (found) => { if (${guardText('bad != 0', places).replace(/\bf(\d+)/, 'F[$1]')}) return; ${bodies.map((_, i) => `actor${i}(found);`).join(' ')} };`;
  const make = new Function('F', 'T', text) as (F: Int32Array, T: Int32Array) => Compiled['successors'];
  const firstFalse: Compiled['firstFalse'] = (guards, parts) => {
    const test = (part: number): string => `if (!(${guardText(parts[part]!, places)})) return ${part};`;
    const cases = guards.map((guard, i) => `case ${i}: ${guard.map(test).join(' ')} return -1;`);
    const whole = `${load} switch (command) { ${cases.join('\n')} } return -1;`;
    return new Function('F', 'command', whole) as ReturnType<Compiled['firstFalse']>;
  };
  return { ...layout, machine, initial, successors: make(from, to), firstFalse, from, to };
}

const NAME_OR_TEST = /\b([A-Za-z_]\w*)(?: (==|!=) (\d+)\b)?/g;
const bitsOf = (array: 'f' | 't', { word, shift, mask }: Place): string =>
  `(${array}${word} >>> ${shift} & ${mask})`;

/** An expression over the state in `f…` or `t…`. A comparison with a number looks at the bits where they are. */
export function expression(text: string, array: 'f' | 't', places: Layout['places']): string {
  return text.replace(NAME_OR_TEST, (_, name: string, op: string | undefined, number: string) => {
    const place = places.get(name)!;
    if (op === undefined) return bitsOf(array, place);
    const { word, shift, mask } = place;
    if (Number(number) > mask) return op === '!=' ? '1' : '0';
    return `(${array}${word} & ${mask << shift}) ${op}= ${Number(number) << shift}`;
  });
}

const guardText = (guard: string, places: Layout['places']): string => expression(guard, 'f', places);

function commandText(c: Machine['commands'][number], index: number, { words, places }: Layout): string {
  const touched = new Set(c.set.map((a) => places.get(written(a))!.word));
  const read = c.set.map((a) => {
    const name = written(a);
    const { word, shift, mask } = places.get(name)!;
    const text = a.slice(name.length + 3);
    const bits = /^\d+$/.test(text)
      ? String(Number(text) << shift)
      : `((${expressionOfTo(text, touched, places)}) & ${mask}) << ${shift}`;
    return `t${word} = t${word} & ${~(mask << shift)} | ${bits};`;
  });
  const start = [...touched].map((w) => `let t${w} = f${w};`).join(' ');
  const store = Array.from({ length: words }, (_, w) => `T[${w}] = ${touched.has(w) ? 't' : 'f'}${w};`).join(
    ' ',
  );
  return `if (${guardText(c.guard, places)}) { ${start} ${read.join(' ')} ${store} found(${index}); }`;
}

/** Reads what the assignments before it have written. */
const expressionOfTo = (text: string, touched: ReadonlySet<number>, places: Layout['places']): string =>
  expression(text, 't', places).replace(/\bt(\d+)\b/g, (whole, w: string) =>
    touched.has(Number(w)) ? whole : `f${w}`,
  );

/** Value of a variable in a state; what never changes has the value it starts with. */
export function reader(compiled: Compiled, state: Int32Array): (name: string) => number {
  const { places } = compiled;
  return (name) => {
    const place = places.get(name);
    if (!place) return compiled.machine.constants.get(name) ?? 0;
    return (state[place.word]! >>> place.shift) & place.mask;
  };
}
