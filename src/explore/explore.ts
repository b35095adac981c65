import { type Compiled, compile, reader } from '../machine/compile.js';
import type { Machine } from '../machine/model.js';
import { causesOf } from './causes.js';
import { interleavings } from './interleavings.js';
import { holds, pathTo, type Step } from './path.js';
import { type Ended, type Pause, type Reached, type SearchOptions, search, searchSlowly } from './search.js';

/** One step of a counterexample, for people. */
export interface ToldStep {
  /** CPU on which it happens; -1: of the machine (grace periods). */
  readonly cpu: number;
  readonly actor: string;
  readonly text: string;
  /** What that CPU holds after it; empty: nothing. */
  readonly holds: string;
  /** Steps before it that it answers (`causes.ts`), by their place from 0. */
  readonly causes: readonly number[];
}

/** A way to an unsafe state, as short as any. */
export interface Counterexample {
  /** `walk`, `reader 0`, `lock` … */
  readonly kind: string;
  readonly text: string;
  readonly steps: readonly ToldStep[];
}

/** What was found out about one machine. */
export interface Exploration {
  readonly title: string;
  /** What each CPU is for. */
  readonly roles: readonly string[];
  /** `bounded`: nothing unsafe was found, but not everything was seen. */
  readonly verdict: 'safe' | 'unsafe' | 'stuck' | 'bounded';
  readonly ended: Ended;
  readonly states: number;
  readonly steps: number;
  /** Steps from the start to the farthest state. */
  readonly depth: number;
  /** Executions, exact; null: not known (a bound was reached). */
  readonly interleavings: string | null;
  readonly unsafeStates: number;
  /** The first is the shortest; the others have other root causes. */
  readonly counterexamples: readonly Counterexample[];
  readonly bytes: number;
  readonly symmetry: boolean;
  /** Orders that differ only in steps that commute were left out: the ways found need not be the shortest. */
  readonly reduction: boolean;
}

export interface ExploreOptions {
  readonly maxStates: number;
  readonly maxBytes: number;
  readonly symmetry: boolean;
  /** Count interleavings; not with `reduce`. */
  readonly count: boolean;
  /** Leave out orders that differ only in steps that commute (`stubborn.ts`). */
  readonly reduce: boolean;
}

export const EXPLORE_DEFAULTS: ExploreOptions = {
  maxStates: 20_000_000,
  maxBytes: 1 << 30,
  symmetry: true,
  count: true,
  reduce: false,
};

/** A machine searched, and the paths found in it. */
export interface Explored {
  readonly exploration: Exploration;
  /** Steps of each counterexample, in the same order. */
  readonly paths: readonly (readonly Step[])[];
  readonly compiled: Compiled;
}

export function explore(machine: Machine, options: ExploreOptions = EXPLORE_DEFAULTS): Explored {
  const compiled = compile(machine);
  return told(compiled, search(compiled, asSearch(options)), options);
}

/** As `explore`, for a terminal: `pause` is asked now and then whether to stop. */
export async function exploreSlowly(
  machine: Machine,
  options: ExploreOptions,
  pause: Pause,
): Promise<Explored> {
  const compiled = compile(machine);
  return told(compiled, await searchSlowly(compiled, asSearch(options), pause), options);
}

const asSearch = (o: ExploreOptions): SearchOptions => ({
  maxStates: o.maxStates,
  maxBytes: o.maxBytes,
  symmetry: o.symmetry,
  edges: o.count && !o.reduce,
  reduce: o.reduce,
});

function told(compiled: Compiled, reached: Reached, options: ExploreOptions): Explored {
  const { machine } = compiled;
  const paths: Step[][] = [];
  const counterexamples: Counterexample[] = [];
  for (const { state, bad } of reached.unsafe) {
    const { kind, text } = machine.unsafe[bad - 1]!;
    tell(kind, text, state);
  }
  const [stuck] = reached.stuck;
  if (stuck !== undefined && reached.unsafe.length === 0)
    tell('stuck', whoIsStuck(compiled, reached, stuck), stuck);
  const count = options.count && !options.reduce ? interleavings(reached) : null;
  return {
    exploration: {
      title: machine.title,
      roles: machine.roles,
      verdict: verdictOf(reached),
      ended: reached.ended,
      states: reached.states,
      steps: reached.steps,
      depth: reached.depth,
      interleavings: count === null ? null : String(count),
      unsafeStates: reached.unsafeStates,
      counterexamples,
      bytes: reached.bytes,
      symmetry: options.symmetry,
      reduction: options.reduce,
    },
    paths,
    compiled,
  };

  function tell(kind: string, text: string, state: number): void {
    const path = pathTo(compiled, reached, state, options.symmetry);
    paths.push(path);
    const causes = causesOf(compiled, path);
    counterexamples.push({
      kind,
      text,
      steps: path.map((step, i) => ({ ...toldStep(compiled, step), causes: causes[i]! })),
    });
  }
}

function toldStep(compiled: Compiled, step: Step): Omit<ToldStep, 'causes'> {
  const { cpu, actor, text } = step.command;
  return { cpu, actor, text, holds: cpu < 0 ? '' : holds(compiled, step.after, cpu) };
}

function verdictOf(reached: Reached): Exploration['verdict'] {
  if (reached.unsafe.length > 0) return 'unsafe';
  if (reached.stuck.length > 0) return 'stuck';
  return reached.ended === 'complete' ? 'safe' : 'bounded';
}

function whoIsStuck(compiled: Compiled, reached: Reached, state: number): string {
  const { machine, words } = compiled;
  const read = reader(compiled, reached.arena.subarray(state * words, (state + 1) * words));
  const waiting = [...machine.ends].flatMap(([pc, end]) =>
    read(pc) === end ? [] : [pc.replace('pc_', 'CPU ')],
  );
  return `${waiting.join(' and ')} wait${waiting.length === 1 ? 's' : ''} forever`;
}
