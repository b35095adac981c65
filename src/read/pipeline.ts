import { setMaxListeners } from 'node:events';
import { topOf } from '../kernel/base-tops.js';
import { ALL_ONES, type Bases } from '../kernel/bases.js';
import type { Decoder } from '../kernel/decoder.js';
import { FuncTable } from '../kernel/func-table.js';
import { type ProbesFile, parseProbesFile } from '../kernel/probes-file.js';
import { machinesApart } from '../parsers/input/machines.js';
import { type ScannedInput, scanInput } from '../parsers/input/open-input.js';
import { RecentLines } from '../parsers/input/recent-lines.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { InputJoin } from '../result/types.js';
import type { BatchSink, EvidenceRef, RecordBatch } from '../timeline/batch.js';
import { EventTable } from '../timeline/events.js';
import { addr53 } from '../timeline/filter.js';
import { Interner } from '../timeline/interner.js';
import { isKnown } from '../timeline/is-known.js';
import { BatchMerge } from '../timeline/merge.js';
import { TimeBase } from '../timeline/time-base.js';
import { Captures, type Consumer, type Known, type Pipeline } from './captures.js';
import { type Plan, planMerge, type Survey } from './merge.js';

export type { Consumer, Pipeline };

export interface PipelineOptions {
  /** `-` is stdin. Merged by time where `planMerge` finds they can be, else read one after the other. */
  readonly paths: readonly string[];
  /** The paths have been through `machinesApart`. */
  readonly apart?: boolean | undefined;
  readonly stdin?: NodeJS.ReadableStream | undefined;
  readonly spoolDir?: string | undefined;
  readonly format?: string | undefined;
  /** Content of a kprobe_events file, and where it came from (for messages). */
  readonly probesText?: string | undefined;
  readonly probesPath?: string | undefined;
  readonly vmemmap?: string | undefined;
  readonly directMap?: string | undefined;
  /** Facts of the recorded kernel that count before what the recording says of it: `kernel Linux 7.3`, `config CONFIG_X=y`, `feature NAME no`. */
  readonly known?: readonly string[] | undefined;
  /** Takes what the recordings say of themselves. */
  readonly facts?: RecordingFacts | undefined;
  /** What would be quoted if the recording ended now: of packed files its lines are kept while they pass. */
  readonly wanted?: (() => Iterable<EvidenceRef>) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((p: { bytes: number; totalBytes: number | null; events: number }) => void)
    | undefined;
}

export interface PipelineRun {
  /** In the order of reading, which numbers them. */
  readonly inputs: ScannedInput[];
  /** Lines kept of packed files, if it was said what is wanted. */
  readonly recent: RecentLines | null;
  /** Empty for one input. */
  readonly joins: readonly InputJoin[];
  readonly bases: Bases;
  readonly partial: boolean;
}

function readProbes(text: string, path: string | undefined): ProbesFile {
  const probes = parseProbesFile(text);
  const error = probes.errors[0];
  if (error) throw new TraceError('probes-file', error.message, { path, line: error.line });
  return probes;
}

function knownBefore(options: PipelineOptions, probes: ProbesFile | undefined, facts: RecordingFacts): Known {
  const said = facts.takeBases();
  const vmemmap = options.vmemmap ?? said?.vmemmap;
  const directMap = options.directMap ?? said?.directMap;
  const v = vmemmap ? addr53(vmemmap) : Number.NaN;
  const d = directMap ? addr53(directMap) : Number.NaN;
  return {
    vmemmap: v,
    directMap: d,
    tops: {
      vmemmap: vmemmap ? topOf(vmemmap) : ALL_ONES,
      directMap: directMap ? topOf(directMap) : ALL_ONES,
    },
    complete: isKnown(v) && isKnown(d),
    how: options.vmemmap || options.directMap ? 'given' : 'recorded',
    probes: probes ?? (facts.probes.length > 0 ? parseProbesFile(facts.probes.join('\n')) : undefined),
  };
}

export function newPipeline(): Pipeline {
  return { names: new Interner(), events: new EventTable(), time: new TimeBase(), funcs: new FuncTable() };
}

/**
 * Inputs → batches → consumer. The consumer is made by `consume` when the address bases are known; until then
 * batches are held back (bounded).
 *
 * Throws TraceError when an input cannot be read at all; an input that breaks in the middle is reported in its
 * `ScannedInput` and what came before it counts.
 */
export async function runPipeline(
  pipeline: Pipeline,
  options: PipelineOptions,
  consume: (decoder: Decoder, bases: Bases) => Consumer,
): Promise<PipelineRun> {
  const facts = options.facts ?? new RecordingFacts(options.known);
  const givenProbes =
    options.probesText === undefined ? undefined : readProbes(options.probesText, options.probesPath);
  const captures = new Captures(pipeline, () => knownBefore(options, givenProbes, facts), consume);
  const paths = options.apart ? options.paths : await machinesApart(options.paths);
  const plan: Plan | null =
    paths.length > 1 ? await planMerge(paths, { format: options.format, signal: options.signal }) : null;
  const inputs: ScannedInput[] = [];
  const recent = options.wanted ? new RecentLines(options.wanted) : null;
  const scan = (path: string, input: number, sink: BatchSink, gate?: () => Promise<void> | null) =>
    scanInput(path, {
      input,
      context: pipeline,
      sink,
      gate,
      facts,
      // Inputs that are read side by side would each need a room of their own.
      ...(recent && !gate ? { recent } : {}),
      ...(options.format === undefined ? {} : { format: options.format }),
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      ...(options.stdin ? { stdin: options.stdin } : {}),
      ...(options.spoolDir === undefined ? {} : { spoolDir: options.spoolDir }),
    });
  const sink = (batch: RecordBatch): void => captures.push(batch);
  for (const members of plan?.groups ?? [[0]]) {
    if (inputs.length > 0) captures.boundary();
    const together = members.map((m) => paths[m]!);
    if (together.length === 1) inputs.push(await scan(together[0]!, inputs.length, sink));
    else {
      const surveys = members.map((m) => plan!.surveys[m]!);
      inputs.push(...(await scanMerged(together, surveys, inputs.length, sink, scan, options.signal)));
    }
    if (options.signal?.aborted) break;
  }
  captures.release();
  return {
    inputs,
    recent,
    joins: plan?.joins ?? [],
    bases: captures.bases,
    partial: options.signal?.aborted === true,
  };
}

type Scan = (
  path: string,
  input: number,
  sink: BatchSink,
  gate?: () => Promise<void> | null,
) => Promise<ScannedInput>;

/** Reads inputs of one capture side by side, no further ahead of each other than must be. */
async function scanMerged(
  paths: readonly string[],
  surveys: readonly Survey[],
  firstInput: number,
  sink: BatchSink,
  scan: Scan,
  signal: AbortSignal | undefined,
): Promise<ScannedInput[]> {
  const merge = new BatchMerge(paths.length, sink);
  // Every input listens to it a few times over.
  if (signal) setMaxListeners(0, signal);
  const start = Math.min(...surveys.map((s) => s.first));
  const end = Math.max(...surveys.map((s) => s.last));
  const done = await Promise.allSettled(
    paths.map(async (path, i) => {
      const { cpus, lostBefore, lostBehind, first, last } = surveys[i]!;
      try {
        // Others show what happened meanwhile: that these CPUs show nothing then proves nothing.
        if (lostBefore && first > start) merge.lost(i, firstInput + i, [...cpus.keys()]);
        const scanned = await scan(
          path,
          firstInput + i,
          (batch) => merge.push(i, batch),
          () => merge.gate(i),
        );
        if (lostBehind && last < end) merge.lost(i, firstInput + i, [...cpus.keys()]);
        return scanned;
      } finally {
        merge.end(i);
      }
    }),
  );
  return done.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
