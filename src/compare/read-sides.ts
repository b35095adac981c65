import type { Margins } from '../latency/statistics/equivalence.js';
import { TraceError } from '../parsers/input/trace-error.js';
import { UsageError } from '../result/usage-error.js';
import { Filter } from '../timeline/filter.js';
import { phaseSentence, runPhases } from './phases.js';
import { loadRun, type RunOptions, type RunSample } from './sides.js';
import { type RunTables, runTables, type TablesOut, tablesOut } from './tables-out.js';

/** Who reads the runs: this thread, unless others are there to do it. */
export interface RunReader {
  run(argument: string, options: RunOptions): Promise<RunSample>;
  /** As `runPhases`. */
  phases(path: string, options: RunOptions): Promise<readonly number[] | null>;
  /** As `runTables`. */
  tables(path: string, options: RunOptions): Promise<RunTables | null>;
  /** Runs may be asked for all at once: others read them side by side. */
  readonly parallel: boolean;
}

const HERE: RunReader = { run: loadRun, phases: runPhases, tables: runTables, parallel: false };

export interface CompareInputs extends Omit<RunOptions, 'windowNs'> {
  /** Runs of each side: recording, printed histogram, pttrace result; `file#title` names a block. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly names?: readonly [before: string | undefined, after: string | undefined] | undefined;
  readonly margins?: Margins | undefined;
  /** Level of every single test and 1 − confidence of every interval; default 0.05. */
  readonly alpha?: number | undefined;
  /** Measuring window of every run of a side, where the input does not say it or says it wrong. */
  readonly windowNs?: readonly [before: number | undefined, after: number | undefined] | undefined;
  /** The runs belong together in pairs, in the order given: first before with first after, and so on. */
  readonly paired?: boolean | undefined;
  /** Standard deviation of the logarithm between runs of one kernel, where there is one run a side: assumed. */
  readonly spread?: number | undefined;
  /** See `fail-if.ts`. */
  readonly failIf?: readonly string[] | undefined;
  /** Seed of the bootstrap; default 1. */
  readonly seed?: number | undefined;
  readonly reader?: RunReader | undefined;
}

/** What a run is read with: nothing of the comparison itself, so that it can be handed to another thread. */
function runOptionsOf(options: Omit<CompareInputs, 'after'>, windowNs: number | undefined): RunOptions {
  const { before: _b, names: _n, margins: _m, alpha: _a, paired: _p, spread: _s, ...rest } = options;
  const { failIf: _f, seed: _e, reader: _r, after: _t, ...read } = rest as Omit<CompareInputs, 'before'>;
  return { ...read, windowNs };
}

/** One answer or failure an item, in their order. */
async function inTurn<T>(
  reader: RunReader,
  items: readonly string[],
  ask: (item: string) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  if (reader.parallel) return Promise.allSettled(items.map(ask));
  const out: PromiseSettledResult<T>[] = [];
  for (const item of items) out.push(...(await Promise.allSettled([ask(item)])));
  return out;
}

function orThrow<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

/** As many runs as are named. Throws what the first that cannot be read throws. */
export async function readRuns(
  options: Omit<CompareInputs, 'after'>,
  list: readonly string[],
  windowNs: number | undefined,
): Promise<RunSample[]> {
  const reader = options.reader ?? HERE;
  const runOptions = runOptionsOf(options, windowNs);
  return (await inTurn(reader, list, (argument) => reader.run(argument, runOptions))).map(orThrow);
}

/** The runs of one side that can be read, and those that cannot where others are left to speak for it. */
export async function readSide(
  list: readonly string[],
  side: number,
  options: CompareInputs,
): Promise<ReadSide> {
  if (list.length === 0) throw new UsageError('each side needs at least one run');
  const reader = options.reader ?? HERE;
  const runOptions = runOptionsOf(options, options.windowNs?.[side]);
  const read = await inTurn(reader, list, (argument) => reader.run(argument, runOptions));
  const runs: RunSample[] = [];
  const names: string[] = [];
  const leftOut: { argument: string; error: TraceError }[] = [];
  read.forEach((settled, i) => {
    const bad = settled.status === 'rejected' && settled.reason instanceof TraceError ? settled.reason : null;
    // A pair without one of its runs is none; of an interrupted reading nothing is said.
    if (bad === null || options.paired || options.signal?.aborted) {
      runs.push(orThrow(settled));
      names.push(list[i]!);
    } else leftOut.push({ argument: list[i]!, error: bad });
  });
  if (runs.length === 0) throw leftOut[0]!.error;
  return { runs, arguments: names, leftOut };
}

export interface ReadSide {
  readonly runs: readonly RunSample[];
  /** Of the runs, as given. */
  readonly arguments: readonly string[];
  readonly leftOut: readonly { readonly argument: string; readonly error: TraceError }[];
}

/** Which phase of munmap changed: for recordings of munmap, read a second time. */
export async function phasesOf(sides: readonly ReadSide[], options: CompareInputs): Promise<string> {
  const other =
    options.source !== undefined && !(options.source.kind === 'syscall' && options.source.name === 'munmap');
  const runs = sides.flatMap((s) => s.runs);
  if (other || !Filter.isEmpty(options.filter) || runs.some((r) => r.from !== 'events' || r.partial))
    return '';
  const reader = options.reader ?? HERE;
  const quiet = { ...runOptionsOf(options, undefined), onProgress: undefined };
  const means: (readonly (readonly number[])[])[] = [];
  for (const side of sides) {
    const read = await inTurn(reader, side.arguments, (path) => reader.phases(path, quiet));
    const found = read.map(orThrow).filter((m) => m !== null);
    if (found.length < read.length) return '';
    means.push(found);
  }
  return phaseSentence(means[0]!, means[1]!, options.alpha ?? 0.05, options.paired ?? false);
}

/** Recordings are replayed once more for it. Of part of a recording, or of a side that is not all recordings, nothing is said. */
export async function tablesOfSides(
  sides: readonly [ReadSide, ReadSide],
  options: CompareInputs,
): Promise<{ a: TablesOut; b: TablesOut } | null> {
  const runs = sides.flatMap((s) => s.runs);
  if (!Filter.isEmpty(options.filter) || runs.some((r) => r.from !== 'events' || r.partial)) return null;
  const reader = options.reader ?? HERE;
  const quiet = { ...runOptionsOf(options, undefined), onProgress: undefined };
  const out: TablesOut[] = [];
  for (const side of sides) {
    const read = await inTurn(reader, side.arguments, (path) => reader.tables(path, quiet));
    const found = read.map(orThrow).filter((t) => t !== null);
    if (found.length < read.length) return null;
    out.push(tablesOut(found));
  }
  return { a: out[0]!, b: out[1]! };
}
