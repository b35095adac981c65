import { setMaxListeners } from 'node:events';
import { BaseLearner } from '../kernel/base-learner.js';
import { type Bases, makeBases, unknownBases } from '../kernel/bases.js';
import { Decoder } from '../kernel/decoder.js';
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
import { HoldBack } from '../timeline/window.js';
import { type Plan, planMerge, type Survey } from './merge.js';

/** Bodies held back at most while the address bases are being learnt. */
const LEARN_BYTES = 16 << 20;

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

export interface Pipeline {
  readonly names: Interner;
  readonly events: EventTable;
  readonly time: TimeBase;
  readonly funcs: FuncTable;
}

/** What consumes the timeline once the bases are known. */
export interface Consumer {
  batch(batch: RecordBatch): void;
  /** A new capture begins. */
  boundary(): void;
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

/** What is known of the recorded kernel before its first event: from flags, else from the recording itself. */
interface Known {
  readonly vmemmap: number;
  readonly directMap: number;
  readonly complete: boolean;
  readonly how: string;
  readonly probes: ProbesFile | undefined;
}

function knownBefore(options: PipelineOptions, probes: ProbesFile | undefined, facts: RecordingFacts): Known {
  const vmemmap = options.vmemmap ?? facts.vmemmap;
  const directMap = options.directMap ?? facts.directMap;
  const v = vmemmap ? addr53(vmemmap) : Number.NaN;
  const d = directMap ? addr53(directMap) : Number.NaN;
  return {
    vmemmap: v,
    directMap: d,
    complete: isKnown(v) && isKnown(d),
    how: options.vmemmap || options.directMap ? 'given' : 'recorded',
    probes: probes ?? (facts.probes.length > 0 ? parseProbesFile(facts.probes.join('\n')) : undefined),
  };
}

const withProbes = (known: Known): { probes?: ProbesFile } => (known.probes ? { probes: known.probes } : {});

function basesOf(known: Known, learner: BaseLearner): Bases {
  if (known.complete) return makeBases(known.vmemmap, known.directMap, known.how);
  const learnt = learner.finish();
  const some = isKnown(known.vmemmap) || isKnown(known.directMap);
  return makeBases(
    isKnown(known.vmemmap) ? known.vmemmap : learnt.vmemmap,
    isKnown(known.directMap) ? known.directMap : learnt.directMap,
    some ? `partly ${known.how}; ${learnt.how}` : learnt.how,
  );
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
  const { events, funcs } = pipeline;
  const facts = options.facts ?? new RecordingFacts(options.known);
  const givenProbes =
    options.probesText === undefined ? undefined : readProbes(options.probesText, options.probesPath);
  let known: Known | null = null;
  let learner: BaseLearner | null = null;
  let bases: Bases = unknownBases();
  let consumer: Consumer | null = null;

  const hold = new HoldBack(
    LEARN_BYTES,
    (batch) => {
      // What the recording says of itself stands before its first event.
      known ??= knownBefore(options, givenProbes, facts);
      if (known.complete) return true;
      learner ??= new BaseLearner({ events, funcs, ...withProbes(known) });
      learner.observe(batch);
      return learner.done();
    },
    () => {
      known ??= knownBefore(options, givenProbes, facts);
      bases = basesOf(known, learner ?? new BaseLearner({ events, funcs }));
      consumer = consume(new Decoder({ events, funcs, bases, ...withProbes(known) }), bases);
    },
    (batch) => consumer!.batch(batch),
  );

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
  const sink = (batch: RecordBatch): void => hold.push(batch);
  for (const members of plan?.groups ?? [[0]]) {
    if (inputs.length > 0) {
      hold.release();
      consumer!.boundary();
    }
    const together = members.map((m) => paths[m]!);
    if (together.length === 1) inputs.push(await scan(together[0]!, inputs.length, sink));
    else {
      const surveys = members.map((m) => plan!.surveys[m]!);
      inputs.push(...(await scanMerged(together, surveys, inputs.length, sink, scan, options.signal)));
    }
    if (options.signal?.aborted) break;
  }
  hold.release();
  return { inputs, recent, joins: plan?.joins ?? [], bases, partial: options.signal?.aborted === true };
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
