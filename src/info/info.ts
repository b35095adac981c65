import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BaseLearner } from '../kernel/base-learner.js';
import { Decoder } from '../kernel/decoder.js';
import { namesOf } from '../kernel/variants.js';
import { isStored } from '../parsers/input/chunks.js';
import { type ScannedInput, scanInput } from '../parsers/input/open-input.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { HistTable } from '../parsers/printed/hist-trigger.js';
import type { MapValue } from '../parsers/printed/map-values.js';
import { newPipeline, type Pipeline, type PipelineOptions } from '../read/pipeline.js';
import { type Decidable, decidable } from '../replay/decidable.js';
import { ReplayEngine } from '../replay/engine.js';
import { timelineReport } from '../replay/timeline-report.js';
import type { InputReport, TimelineReport } from '../result/types.js';
import type { RecordBatch } from '../timeline/batch.js';
import { LAST_RESERVED } from '../timeline/events.js';
import { HoldBack } from '../timeline/window.js';
import { type MissingProbe, missingProbes } from './missing-probes.js';
import { type FoundHistogram, findTables } from './printed-tables.js';

export type { MapValue } from '../parsers/printed/map-values.js';
export type { Decidable } from '../replay/decidable.js';
export type { MissingProbe } from './missing-probes.js';
export type { FoundHistogram } from './printed-tables.js';

export const INFO_SCHEMA = 'pttrace/info/1';

export interface EventCount {
  readonly kind: string;
  readonly event: string;
  readonly symbol: string;
  readonly count: number;
  /** Per second of the trace's span; null without ns. */
  readonly perSecond: number | null;
}

export interface InputInfo {
  readonly input: InputReport;
  readonly timeline: TimelineReport | null;
  readonly variants: readonly string[];
  readonly events: readonly EventCount[];
  readonly histograms: readonly FoundHistogram[];
  /** Maps of bpftrace that are no histograms. */
  readonly maps: readonly MapValue[];
  readonly triggers: readonly HistTable[];
  readonly decides: readonly Decidable[];
  readonly missingProbes: readonly MissingProbe[];
}

export interface Info {
  readonly schema: typeof INFO_SCHEMA;
  readonly files: readonly InputInfo[];
  /** Interrupted: the last file told was not read to its end, those behind it not at all. */
  readonly partial: boolean;
}

/**
 * What is in these files. Throws TraceError for one that cannot be read at all or holds nothing known.
 */
export async function info(options: PipelineOptions): Promise<Info> {
  const files: InputInfo[] = [];
  for (const path of options.paths) {
    if (files.length > 0 && options.signal?.aborted) break;
    files.push(await infoOf(path, options));
  }
  return { schema: INFO_SCHEMA, files, partial: options.signal?.aborted === true };
}

async function infoOf(path: string, options: PipelineOptions): Promise<InputInfo> {
  // Standard input can be read again from its copy only.
  const copy = options.spoolDir === undefined ? null : join(options.spoolDir, 'stdin-0');
  const file = isStored(path) ? path : copy;
  try {
    const found = await traceInfo(path, options);
    const more = found.input.notes.some((n) => n.code === 'histograms') && file !== null;
    const tables = more ? await findTables(file, path, options.signal) : null;
    return tables ? { ...found, histograms: tables.histograms, maps: tables.maps } : found;
  } catch (error) {
    // Not a trace: a mail or a tool's output may still hold tables.
    if (!(error instanceof TraceError) || !TABLES.includes(error.code)) throw error;
    if (options.format !== undefined || file === null || !existsSync(file)) throw error;
    const tables = await findTables(file, path, options.signal);
    if (!tables) throw error;
    return { timeline: null, variants: [], events: [], decides: [], missingProbes: [], ...tables };
  }
}

/** Refusals of `detect` that a file of printed tables may get. */
const TABLES: readonly string[] = ['unknown-format', 'unsupported-format'];

async function traceInfo(path: string, options: PipelineOptions): Promise<InputInfo> {
  const pipeline = newPipeline();
  const replayed = new CountedReplay(pipeline);
  const scanned: ScannedInput = await scanInput(path, {
    input: 0,
    context: pipeline,
    sink: (batch) => replayed.batch(batch),
    format: options.format,
    signal: options.signal,
    onProgress: options.onProgress,
    stdin: options.stdin,
    spoolDir: options.spoolDir,
  });
  const engine = replayed.finish();
  const { time } = pipeline;
  const timeline = timelineReport(engine, [scanned.header], time, null);
  const spanS = time.unit === 'ns' ? Number(timeline.spanNs) / 1e9 : 0;
  const decides = decidable(engine.coverage);
  return {
    input: scanned.report,
    timeline,
    variants: namesOf(engine.detectors.at(-1)!.mask),
    events: mergeCallers(replayed.events(spanS)),
    histograms: [],
    maps: [],
    triggers: [],
    decides,
    missingProbes: missingProbes(decides),
  };
}

/** Bytes held back until the bases of kernel memory are learnt. */
const HELD_BYTES = 4 << 20;

/** A replay without findings, and how often each event occurs. */
class CountedReplay {
  private readonly pipeline: Pipeline;
  private readonly hold: HoldBack;
  private counts = new Float64Array(256);
  private engine: ReplayEngine | null = null;

  constructor(pipeline: Pipeline) {
    this.pipeline = pipeline;
    const { events, funcs, names, time } = pipeline;
    const learner = new BaseLearner({ events, funcs });
    this.hold = new HoldBack(
      HELD_BYTES,
      (batch) => {
        learner.observe(batch);
        return learner.done();
      },
      () => {
        this.engine = new ReplayEngine({
          names,
          time,
          funcs,
          decoder: new Decoder({ events, funcs, bases: learner.finish() }),
          variants: null,
          filter: null,
          listener: null,
          maxFindings: 1,
        });
      },
      (batch) => this.replay(batch),
    );
  }

  batch(batch: RecordBatch): void {
    this.hold.push(batch);
  }

  private replay(batch: RecordBatch): void {
    this.engine!.batch(batch);
    const { size } = this.pipeline.events;
    if (size > this.counts.length) {
      const bigger = new Float64Array(Math.max(size, this.counts.length * 2));
      bigger.set(this.counts);
      this.counts = bigger;
    }
    const { counts } = this;
    for (let row = 0; row < batch.length; row++) counts[batch.event[row]!]!++;
  }

  finish(): ReplayEngine {
    this.hold.release();
    const engine = this.engine!;
    engine.finish();
    return engine;
  }

  /** Heads that occurred; `spanS`: seconds recorded, 0 not known. */
  events(spanS: number): EventCount[] {
    const { events } = this.pipeline;
    const listed: EventCount[] = [];
    for (let id = LAST_RESERVED + 1; id < events.size; id++) {
      const head = events.head(id);
      const count = this.counts[id] ?? 0;
      if (count === 0) continue;
      listed.push({
        kind: head.kind,
        event: head.name,
        symbol: head.symbol,
        count,
        perSecond: spanS > 0 ? count / spanS : null,
      });
    }
    return listed;
  }
}

/** Return probes have a head per return address: one row per event is what people count. */
function mergeCallers(rows: readonly EventCount[]): EventCount[] {
  const merged = new Map<string, EventCount>();
  for (const row of rows) {
    const key = `${row.kind}\0${row.event}\0${row.symbol}`;
    const old = merged.get(key);
    if (!old) merged.set(key, row);
    else {
      merged.set(key, {
        ...row,
        count: old.count + row.count,
        perSecond: row.perSecond === null || old.perSecond === null ? null : old.perSecond + row.perSecond,
      });
    }
  }
  return [...merged.values()].sort(
    (a, b) =>
      b.count - a.count ||
      compare(a.kind, b.kind) ||
      compare(a.event, b.event) ||
      compare(a.symbol, b.symbol),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
