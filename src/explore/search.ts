import type { Compiled } from '../machine/compile.js';
import type { Place } from '../machine/layout.js';
import { Stubborn } from './stubborn.js';
import { sorter } from './symmetry.js';

export interface SearchOptions {
  /** States kept at most. */
  readonly maxStates: number;
  /** Bytes of states, set and edges at most. */
  readonly maxBytes: number;
  /** CPUs of one kind are exchangeable. */
  readonly symmetry: boolean;
  /** Keep the edges, to count interleavings. */
  readonly edges: boolean;
  /** Take only a stubborn set of the steps of each state. */
  readonly reduce: boolean;
}

/** Called between two slices of a search; true: stop. */
export type Pause = (states: number, expanded: number, depth: number) => boolean;

/** Why a search ended: everything seen, or a bound. */
export type Ended = 'complete' | 'max-states' | 'memory' | 'interrupted';

/** The states that can be reached, breadth first, so that the first unsafe one is as near as any. */
export interface Reached {
  readonly ended: Ended;
  readonly states: number;
  /** Steps taken: edges of the graph, several between the same states counted each. */
  readonly steps: number;
  /** States whose steps have all been taken. */
  readonly expanded: number;
  readonly depth: number;
  readonly words: number;
  /** States one after the other. */
  readonly arena: Int32Array;
  readonly parents: Int32Array;
  /** Unsafe states in the order found: the first of each kind. */
  readonly unsafe: readonly { readonly state: number; readonly bad: number }[];
  /** Unsafe states, all. */
  readonly unsafeStates: number;
  /** Nothing goes on, all threads at their end. */
  readonly finals: readonly number[];
  /** Nothing goes on, and some thread is not at its end. */
  readonly stuck: readonly number[];
  /** Edges of state i: `targets[starts[i] … starts[i+1])`; null unless asked for. */
  readonly starts: Int32Array | null;
  readonly targets: Int32Array | null;
  readonly bytes: number;
}

/** States expanded between two looks at the event loop. */
const SLICE = 8192;

/** A growing array of words. */
class Words {
  array: Int32Array;
  length = 0;

  constructor(size: number) {
    this.array = new Int32Array(size);
  }

  room(more: number): void {
    if (this.length + more <= this.array.length) return;
    const next = new Int32Array(Math.max(this.length + more, Math.ceil(this.array.length * 1.5)));
    next.set(this.array.subarray(0, this.length));
    this.array = next;
  }

  push(value: number): void {
    if (this.length === this.array.length) this.room(1);
    this.array[this.length++] = value;
  }

  get bytes(): number {
    return this.array.byteLength;
  }
}

/** Explicit-state search over packed states in one arena, with an open-addressing set of their places. */
export function search(compiled: Compiled, options: SearchOptions): Reached {
  const run = new Search(compiled, options);
  while (!run.slice(SLICE));
  return run.result();
}

/** The same, heard by the event loop in between: Ctrl-C and progress. */
export async function searchSlowly(
  compiled: Compiled,
  options: SearchOptions,
  pause: Pause,
): Promise<Reached> {
  const run = new Search(compiled, options);
  while (!run.slice(SLICE)) {
    await new Promise((resolve) => setImmediate(resolve));
    if (pause(run.states, run.expanded, run.depth)) run.interrupt();
  }
  return run.result();
}

const valueIn = (state: Int32Array, { word, shift, mask }: Place): number => (state[word]! >>> shift) & mask;

class Search {
  private readonly c: Compiled;
  private readonly options: SearchOptions;
  private readonly arena: Words;
  private readonly parents = new Words(1 << 10);
  private readonly starts = new Words(1 << 10);
  private readonly targets = new Words(1 << 12);
  private table = new Int32Array(1 << 12).fill(-1);
  private mask = (1 << 12) - 1;
  states = 0;
  /** States whose steps have been taken. */
  expanded = 0;
  depth = 0;
  private levelEnd = 1;
  private steps = 0;
  private readonly unsafe: { state: number; bad: number }[] = [];
  private readonly kinds = new Set<number>();
  private readonly finals: number[] = [];
  private readonly stuck: number[] = [];
  private unsafeStates = 0;
  private ended: Ended = 'complete';
  private readonly bad: Place;
  private readonly ends: readonly (readonly [Place, number])[];
  private readonly canonical: ((state: Int32Array) => void) | null;
  private readonly found: (command: number) => void;
  private readonly stubborn: Stubborn | null;
  private readonly enabled: number[] = [];
  private readonly enable: (command: number) => void;
  /** Commands taken from the state at hand; null: all. */
  private taken: readonly number[] | null = null;

  constructor(compiled: Compiled, options: SearchOptions) {
    this.c = compiled;
    this.options = options;
    this.arena = new Words(compiled.words * (1 << 10));
    this.bad = compiled.places.get('bad')!;
    this.ends = [...compiled.machine.ends].map(([pc, at]) => [compiled.places.get(pc)!, at]);
    this.canonical = options.symmetry ? sorter(compiled) : null;
    const { canonical } = this;
    const { to } = compiled;
    this.stubborn = options.reduce ? new Stubborn(compiled) : null;
    this.enable = (command) => {
      this.enabled.push(command);
    };
    this.found = (command) => {
      if (this.taken?.includes(command) === false) return;
      if (canonical !== null) canonical(to);
      this.steps++;
      const state = this.add(this.expanded);
      if (options.edges && state >= 0) this.targets.push(state);
    };
    to.set(compiled.initial);
    canonical?.(to);
    this.add(-1);
  }

  interrupt(): void {
    this.ended = 'interrupted';
  }

  /** Takes the steps of up to `count` states. True: the search is over. */
  slice(count: number): boolean {
    const { c, bad, ends, options } = this;
    const { words, from } = c;
    for (let left = count; left > 0; left--) {
      if (this.ended !== 'complete' || this.expanded === this.states) return true;
      if (this.expanded === this.levelEnd) {
        this.depth++;
        this.levelEnd = this.states;
      }
      const at = this.expanded * words;
      for (let i = 0; i < words; i++) from[i] = this.arena.array[at + i]!;
      if (options.edges) this.starts.push(this.targets.length);
      const before = this.steps;
      if (this.stubborn) this.reduced(this.stubborn);
      c.successors(this.found);
      if (this.ended !== 'complete') return true;
      if (this.steps === before && valueIn(from, bad) === 0) {
        if (ends.every(([pc, end]) => valueIn(from, pc) === end)) this.finals.push(this.expanded);
        else this.stuck.push(this.expanded);
      }
      this.expanded++;
    }
    return false;
  }

  private reduced(stubborn: Stubborn): void {
    this.enabled.length = 0;
    this.c.successors(this.enable);
    this.taken = stubborn.choose(this.c.from, this.enabled) ? stubborn.chosen : null;
  }

  result(): Reached {
    const { options } = this;
    if (options.edges) this.starts.push(this.targets.length);
    return {
      ended: this.ended,
      states: this.states,
      steps: this.steps,
      expanded: this.expanded,
      depth: this.depth,
      words: this.c.words,
      arena: this.arena.array,
      parents: this.parents.array,
      unsafe: this.unsafe,
      unsafeStates: this.unsafeStates,
      finals: this.finals,
      stuck: this.stuck,
      starts: options.edges ? this.starts.array : null,
      targets: options.edges ? this.targets.array : null,
      bytes: this.bytes,
    };
  }

  private get bytes(): number {
    const { arena, parents, starts, targets, table } = this;
    return arena.bytes + parents.bytes + table.byteLength + starts.bytes + targets.bytes;
  }

  /** Number of the state in `to`, new or known; -1 where a bound is reached. */
  private add(parent: number): number {
    const { c, mask } = this;
    const { words, to } = c;
    const { array } = this.arena;
    let h = 0x9e3779b9 | 0;
    for (let i = 0; i < words; i++) h = Math.imul(h ^ to[i]!, 0x85ebca6b) ^ (h >>> 15);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    let slot = (h ^ (h >>> 16)) & mask;
    for (;;) {
      const known = this.table[slot]!;
      if (known < 0) break;
      const at = known * words;
      let i = 0;
      while (i < words && array[at + i] === to[i]) i++;
      if (i === words) return known;
      slot = (slot + 1) & mask;
    }
    const { maxStates, maxBytes } = this.options;
    if (this.states >= maxStates) this.ended = 'max-states';
    else if ((this.states & 1023) === 0 && this.bytes > maxBytes) this.ended = 'memory';
    if (this.ended !== 'complete') return -1;
    const state = this.states++;
    this.table[slot] = state;
    this.arena.room(words);
    const at = this.arena.length;
    for (let i = 0; i < words; i++) this.arena.array[at + i] = to[i]!;
    this.arena.length += words;
    this.parents.push(parent);
    const code = valueIn(to, this.bad);
    if (code !== 0) {
      this.unsafeStates++;
      if (!this.kinds.has(code)) {
        this.kinds.add(code);
        this.unsafe.push({ state, bad: code });
      }
    }
    if (this.states * 5 > (mask + 1) * 3) this.grow();
    return state;
  }

  private grow(): void {
    const { words } = this.c;
    const { array } = this.arena;
    const size = (this.mask + 1) * 2;
    const table = new Int32Array(size).fill(-1);
    const mask = size - 1;
    for (let state = 0; state < this.states; state++) {
      const at = state * words;
      let h = 0x9e3779b9 | 0;
      for (let i = 0; i < words; i++) h = Math.imul(h ^ array[at + i]!, 0x85ebca6b) ^ (h >>> 15);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      let slot = (h ^ (h >>> 16)) & mask;
      while (table[slot]! >= 0) slot = (slot + 1) & mask;
      table[slot] = state;
    }
    this.table = table;
    this.mask = mask;
  }
}
