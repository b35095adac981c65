import { BaseLearner } from './kernel/base-learner.js';
import { type Bases, makeBases } from './kernel/bases.js';
import { Decoder } from './kernel/decoder.js';
import { FuncTable } from './kernel/func-table.js';
import { type ProbesFile, parseProbesFile } from './kernel/probes-file.js';
import { type ScannedInput, scanInput } from './parsers/open-input.js';
import { TraceError } from './parsers/trace-error.js';
import type { RecordBatch } from './timeline/batch.js';
import { EventTable } from './timeline/events.js';
import { addr53 } from './timeline/filter.js';
import { Interner } from './timeline/interner.js';
import { TimeBase } from './timeline/time-base.js';
import { HoldBack } from './timeline/window.js';

/** Bodies held back at most while the address bases are being learnt. */
const LEARN_BYTES = 16 << 20;

export interface PipelineOptions {
  /** `-` is stdin. Read one after the other; each is a capture of its own. */
  readonly paths: readonly string[];
  readonly stdin?: NodeJS.ReadableStream | undefined;
  readonly spoolDir?: string | undefined;
  readonly format?: string | undefined;
  /** Content of a kprobe_events file, and where it came from (for messages). */
  readonly probesText?: string | undefined;
  readonly probesPath?: string | undefined;
  readonly vmemmap?: string | undefined;
  readonly directMap?: string | undefined;
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
  /** A new input begins. */
  boundary(): void;
}

export interface PipelineRun {
  readonly inputs: ScannedInput[];
  readonly bases: Bases;
  readonly partial: boolean;
}

function readProbes(text: string, path: string | undefined): ProbesFile {
  const probes = parseProbesFile(text);
  const error = probes.errors[0];
  if (error) throw new TraceError('probes-file', error.message, { path, line: error.line });
  return probes;
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
  const probes =
    options.probesText === undefined ? undefined : readProbes(options.probesText, options.probesPath);
  const vmemmap = options.vmemmap ? addr53(options.vmemmap) : Number.NaN;
  const directMap = options.directMap ? addr53(options.directMap) : Number.NaN;
  const given = vmemmap === vmemmap && directMap === directMap;
  const learner = new BaseLearner({ events, funcs, ...(probes ? { probes } : {}) });
  let bases: Bases = makeBases(vmemmap, directMap, 'given');
  let consumer: Consumer | null = null;

  const hold = new HoldBack(
    LEARN_BYTES,
    (batch) => {
      if (given) return true;
      learner.observe(batch);
      return learner.done();
    },
    () => {
      if (!given) {
        const learnt = learner.finish();
        const some = vmemmap === vmemmap || directMap === directMap;
        bases = makeBases(
          vmemmap === vmemmap ? vmemmap : learnt.vmemmap,
          directMap === directMap ? directMap : learnt.directMap,
          some ? `partly given; ${learnt.how}` : learnt.how,
        );
      }
      consumer = consume(new Decoder({ events, funcs, bases, ...(probes ? { probes } : {}) }), bases);
    },
    (batch) => consumer!.batch(batch),
  );

  const inputs: ScannedInput[] = [];
  for (let i = 0; i < options.paths.length; i++) {
    if (i > 0) {
      hold.release();
      consumer!.boundary();
    }
    inputs.push(
      await scanInput(options.paths[i]!, {
        input: i,
        context: pipeline,
        sink: (batch) => hold.push(batch),
        ...(options.format === undefined ? {} : { format: options.format }),
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.onProgress ? { onProgress: options.onProgress } : {}),
        ...(options.stdin ? { stdin: options.stdin } : {}),
        ...(options.spoolDir === undefined ? {} : { spoolDir: options.spoolDir }),
      }),
    );
    if (options.signal?.aborted) break;
  }
  hold.release();
  return { inputs, bases, partial: options.signal?.aborted === true };
}
