import type { Field, Machine } from './model.js';

/** Where a variable lies in a packed state. */
export interface Place {
  /** Word of the state. */
  readonly word: number;
  readonly shift: number;
  /** Its bits, not shifted. */
  readonly mask: number;
}

/** A run of words that belongs to one CPU. */
export interface Block {
  readonly from: number;
  readonly words: number;
  /** What lies where in it, without the number of the CPU: equal for CPUs that may be exchanged. */
  readonly shape: string;
}

export interface Layout {
  readonly words: number;
  readonly places: ReadonlyMap<string, Place>;
  /** By CPU. */
  readonly blocks: readonly Block[];
}

const WORD_BITS = 32;
const bitsFor = (max: number): number => Math.max(1, WORD_BITS - Math.clz32(max));

/** Each variable in as many bits as its values need; the variables of a CPU in words of their own. */
export function layoutOf(machine: Machine): Layout {
  const places = new Map<string, Place>();
  const owned = new Map<number, Field[]>();
  for (const v of machine.variables) {
    const list = owned.get(v.cpu);
    if (list) list.push(v);
    else owned.set(v.cpu, [v]);
  }
  let word = 0;
  /** Puts the variables of one owner into whole words; returns what lies where. */
  const put = (owner: number): string => {
    const from = word;
    const shape: string[] = [];
    let shift = 0;
    for (const v of owned.get(owner) ?? []) {
      const bits = bitsFor(v.max);
      if (shift + bits > WORD_BITS) {
        word++;
        shift = 0;
      }
      places.set(v.name, { word, shift, mask: 2 ** bits - 1 });
      const stem = owner < 0 ? v.name : v.name.replace(new RegExp(`_${owner}$`), '');
      shape.push(`${stem} ${word - from} ${shift} ${bits}`);
      shift += bits;
    }
    if (shift > 0) word++;
    return shape.join(', ');
  };
  put(-1);
  const blocks = Array.from({ length: machine.cpus }, (_, cpu): Block => {
    const from = word;
    const shape = put(cpu);
    return { from, words: word - from, shape };
  });
  return { words: word, places, blocks };
}
