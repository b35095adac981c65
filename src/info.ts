import { BaseLearner } from './kernel/base-learner.js';
import { Decoder } from './kernel/decoder.js';
import { namesOf } from './kernel/variants.js';
import type { Bin, ReadHistogram } from './latency/binned.js';
import { readHistograms } from './latency/read-hist.js';
import { type HistTable, isHistTrigger, parseHistTriggers } from './parsers/hist-trigger.js';
import { type ScannedInput, scanInput } from './parsers/open-input.js';
import { compressionOf, readHead, readSource } from './parsers/source.js';
import { TraceError } from './parsers/trace-error.js';
import { newPipeline, type PipelineOptions } from './pipeline.js';
import { type Decidable, decidable } from './replay/decidable.js';
import { ReplayEngine } from './replay/engine.js';
import { timelineReport } from './replay/timeline-report.js';
import type { InputReport, TimelineReport } from './result/types.js';
import { LAST_RESERVED } from './timeline/events.js';
import { HoldBack } from './timeline/window.js';

export type { Decidable } from './replay/decidable.js';

export const INFO_SCHEMA = 'pttrace/info/1';

export interface EventCount {
  readonly kind: string;
  readonly event: string;
  readonly symbol: string;
  readonly count: number;
  /** Per second of the trace's span; null without ns. */
  readonly perSecond: number | null;
}

/** A histogram that somebody printed, found in the file. */
export interface FoundHistogram {
  readonly title: string;
  readonly name: string;
  readonly key: string | null;
  /** 1-based line of its heading. */
  readonly line: number;
  readonly count: number;
  readonly buckets: readonly {
    readonly lowNs: number | null;
    readonly highNs: number | null;
    readonly count: number;
  }[];
}

export interface InputInfo {
  readonly input: InputReport;
  readonly timeline: TimelineReport | null;
  readonly variants: readonly string[];
  readonly events: readonly EventCount[];
  readonly histograms: readonly FoundHistogram[];
  readonly triggers: readonly HistTable[];
  readonly decides: readonly Decidable[];
}

export interface Info {
  readonly schema: typeof INFO_SCHEMA;
  readonly files: readonly InputInfo[];
}

/** Text without trace lines is read whole, up to this size, to look for printed histograms. */
const MAX_TEXT = 64 << 20;

/**
 * What is in these files. Throws TraceError for one that cannot be read at all or holds nothing known.
 */
export async function info(options: PipelineOptions): Promise<Info> {
  const files: InputInfo[] = [];
  for (const path of options.paths) files.push(await infoOf(path, options));
  return { schema: INFO_SCHEMA, files };
}

async function infoOf(path: string, options: PipelineOptions): Promise<InputInfo> {
  try {
    return await traceInfo(path, options);
  } catch (error) {
    // Not a trace: a mail or a tool's output may still hold histograms. Stdin has been used up by then.
    if (!(error instanceof TraceError) || error.code !== 'unknown-format' || path === '-') throw error;
    const found = await histogramInfo(path, options);
    if (!found) throw error;
    return found;
  }
}

async function traceInfo(path: string, options: PipelineOptions): Promise<InputInfo> {
  const pipeline = newPipeline();
  const { events, funcs, names, time } = pipeline;
  let counts = new Float64Array(256);
  const learner = new BaseLearner({ events, funcs });
  let engine: ReplayEngine | null = null;
  const hold = new HoldBack(
    4 << 20,
    (batch) => {
      learner.observe(batch);
      return learner.done();
    },
    () => {
      engine = new ReplayEngine({
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
    (batch) => {
      engine!.batch(batch);
      if (events.size > counts.length) {
        const bigger = new Float64Array(Math.max(events.size, counts.length * 2));
        bigger.set(counts);
        counts = bigger;
      }
      for (let row = 0; row < batch.length; row++) counts[batch.event[row]!]!++;
    },
  );
  const scanned: ScannedInput = await scanInput(path, {
    input: 0,
    context: pipeline,
    sink: (batch) => hold.push(batch),
    format: options.format,
    signal: options.signal,
    onProgress: options.onProgress,
    stdin: options.stdin,
  });
  hold.release();
  const replay = engine!;
  replay.finish();
  const timeline = timelineReport(replay, [scanned.header], time, null);
  const spanS = time.unit === 'ns' ? Number(timeline.spanNs) / 1e9 : 0;
  const listed: EventCount[] = [];
  for (let id = LAST_RESERVED + 1; id < events.size; id++) {
    const head = events.head(id);
    const count = counts[id] ?? 0;
    if (count === 0) continue;
    listed.push({
      kind: head.kind,
      event: head.name,
      symbol: head.symbol,
      count,
      perSecond: spanS > 0 ? count / spanS : null,
    });
  }
  return {
    input: scanned.report,
    timeline,
    variants: namesOf(replay.detector.mask),
    events: mergeCallers(listed),
    histograms: [],
    triggers: [],
    decides: decidable(replay.coverage),
  };
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

async function histogramInfo(path: string, options: PipelineOptions): Promise<InputInfo | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  await readSource({ path, signal: options.signal }, (chunk) => {
    size += chunk.length;
    if (size <= MAX_TEXT) parts.push(chunk.slice());
  });
  if (size > MAX_TEXT) return null;
  const bytes = Buffer.concat(parts);
  const text = bytes.toString('utf8');
  const compression = compressionOf(readHead(path, 8));
  if (isHistTrigger(bytes.subarray(0, 4096))) {
    const triggers = parseHistTriggers(text);
    const total = lineCount(text);
    const unread = triggers.reduce((n, t) => n + t.unread.length, 0);
    return {
      ...EMPTY,
      input: textInput(path, 'tracefs-hist', 'it is the hist file of a trigger', compression, size, {
        header: total - unread,
        foreign: unread,
        blank: 0,
        total,
      }),
      triggers,
    };
  }
  const found = readHistograms(text);
  if (found.histograms.length === 0) return null;
  const l = found.lines;
  return {
    ...EMPTY,
    input: textInput(
      path,
      'histograms',
      'it holds printed histograms and no trace lines',
      compression,
      size,
      {
        header: l.heading + l.row + l.continuation + l.json,
        foreign: l.other,
        blank: l.blank,
        total: l.total,
      },
    ),
    histograms: found.histograms.map(foundHistogram),
  };
}

const EMPTY = {
  timeline: null,
  variants: [],
  events: [],
  histograms: [],
  triggers: [],
  decides: [],
} as const;

function textInput(
  path: string,
  format: string,
  formatWhy: string,
  compression: InputReport['compression'],
  bytes: number,
  lines: { header: number; foreign: number; blank: number; total: number },
): InputReport {
  const none = { event: 0, lost: 0, stack: 0, continuation: 0, skipped: 0 };
  return { path, format, formatWhy, compression, bytes, lines: { ...none, ...lines }, skips: [], notes: [] };
}

function foundHistogram(h: ReadHistogram): FoundHistogram {
  const finite = (n: number): number | null => (Number.isFinite(n) ? n : null);
  return {
    title: h.title,
    name: h.name,
    key: h.key,
    line: h.line,
    count: h.bins.reduce((n: number, b: Bin) => n + b.count, 0),
    buckets: h.bins.map((b: Bin) => ({ lowNs: finite(b.low), highNs: finite(b.high), count: b.count })),
  };
}

function lineCount(text: string): number {
  const lines = text.split('\n').length;
  return text.endsWith('\n') ? lines - 1 : lines;
}
