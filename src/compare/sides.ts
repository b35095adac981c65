import { basename } from 'node:path';
import { type Binned, binned, type ReadHistogram, scaled } from '../latency/histogram/binned.js';
import type { Distribution } from '../latency/histogram/distribution.js';
import { type ResultHistogram, resultHistograms } from '../latency/printed/read-result.js';
import { RECORD_TIMES } from '../latency/record-times.js';
import { describeSource, type SpanSource } from '../latency/span-source.js';
import { collectAny } from '../measure/collect-spans.js';
import {
  alsoEvents,
  alsoPrinted,
  EVENTS,
  histogramName,
  histogramsNamed,
  type OpenedInput,
  oneHistogram,
  onlyTables,
  openInput,
  recordingNamed,
  splitTitle,
  titleOf,
} from '../measure/histogram-input.js';
import { machinesOf } from '../parsers/input/machines.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { PipelineOptions } from '../read/pipeline.js';
import type { InputReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { FilterSpec } from '../timeline/filter.js';

/** One run of one side, whatever it was read from. */
export interface RunSample {
  readonly argument: string;
  /** What it is called in the report. */
  readonly title: string;
  /** `events`: single durations are known; `bins`: only a histogram. */
  readonly from: 'events' | 'bins';
  readonly what: string;
  /** By bins, in ns. */
  readonly bins: Binned;
  readonly durations: Distribution | null;
  /** In the order the calls ended; null unless all are there. */
  readonly ordered: Float64Array | null;
  readonly windowNs: number | null;
  readonly windowHow: string;
  readonly censored: number;
  readonly notes: readonly string[];
  readonly inputs: readonly InputReport[];
  readonly partial: boolean;
}

export interface RunOptions extends Omit<PipelineOptions, 'paths'> {
  readonly source?: SpanSource | undefined;
  readonly filter?: FilterSpec | undefined;
  /** ns per unit of printed histograms that do not say their unit; default 1 (`nsecs`). */
  readonly printedUnitNs?: number | undefined;
  /** Window of this run; overrides what the input says. */
  readonly windowNs?: number | undefined;
}

/** Calls per run whose order is kept for the bootstrap. */
const KEEP_ORDER = 1_000_000;

/**
 * Reads one run. Throws TraceError for an unreadable input or a recording that gives no ns, UsageError where the title
 * names no or several histograms.
 */
export async function loadRun(argument: string, options: RunOptions): Promise<RunSample> {
  const { path, title } = splitTitle(argument);
  const opened = options.source === undefined || title !== null ? await openInput(path, options) : null;
  if (opened?.kind === 'histograms') return printedOrEvents(argument, path, title, opened, options);
  if (opened?.kind === 'result') return fromResult(argument, title, opened.value, opened.input, options);
  const recording = await recordingNamed(path, title);
  const machines = recording === path ? await machinesOf(path) : [];
  if (machines.length > 0) {
    const names = machines.map((m) => `${path}#${m}`).join(', ');
    throw new UsageError(`${path} holds several machines; say which: ${names}`);
  }
  if (opened?.stdin) options = { ...options, stdin: opened.stdin };
  if (opened?.cut) {
    return {
      ...(await fromRecording(argument, recording, { ...options, signal: undefined })),
      partial: true,
    };
  }
  try {
    return await fromRecording(argument, recording, options);
  } catch (error) {
    const tables =
      opened !== null && error instanceof TraceError && error.code === 'unknown-format'
        ? await onlyTables(path, options)
        : null;
    if (tables === null) throw error;
    const h = oneHistogram(tables.found.histograms, title, path);
    return fromPrinted(argument, h, tables.text, tables.input, options);
  }
}

/** A printed histogram, unless events stand beside it and nobody asked for one by its name. */
async function printedOrEvents(
  argument: string,
  path: string,
  title: string | null,
  opened: Extract<OpenedInput, { kind: 'histograms' }>,
  options: RunOptions,
): Promise<RunSample> {
  const { histograms } = opened.found;
  const events = title === EVENTS && histogramsNamed(histograms, title).length === 0;
  if (opened.events > 0 && (events || title === null)) {
    const stdin = opened.stdin ? { stdin: opened.stdin } : {};
    const run = await fromRecording(argument, path, { ...options, ...stdin });
    if (events || (run.durations?.count ?? 0) + run.censored > 0) {
      return { ...run, notes: [...run.notes, alsoPrinted(path, histograms)] };
    }
  }
  const run = fromPrinted(
    argument,
    oneHistogram(histograms, title, path),
    opened.text,
    opened.input,
    options,
  );
  const notes =
    opened.events > 0 && title === null ? [...run.notes, alsoEvents(path, opened.events)] : run.notes;
  return { ...run, notes, partial: opened.cut === true };
}

const fileTitle = (path: string): string => (path === '-' ? 'standard input' : basename(path));

async function fromRecording(argument: string, path: string, options: RunOptions): Promise<RunSample> {
  const { run, source } = await collectAny({ ...options, paths: [path], keepOrder: KEEP_ORDER });
  if (run.unit === 'ticks') {
    if (run.measurable.length > 0) throw new TraceError('no-times', run.notes[0]!, { path });
    throw new TraceError(
      'no-times',
      `its lines have no times in ns: durations cannot be compared. ${RECORD_TIMES}`,
      {
        path,
      },
    );
  }
  const group = run.groups[0];
  const censored = Object.values(group?.censored ?? {}).reduce((s, n) => s + n, 0);
  return {
    argument,
    title: fileTitle(path),
    from: 'events',
    what: describeSource(source),
    bins: binned(
      (group?.durations.powerOfTwoBuckets() ?? []).map((b) => ({
        low: b.lowNs,
        high: b.highNs,
        count: b.count,
      })),
    ),
    durations: group?.durations ?? null,
    ordered: run.orderedAll ? run.ordered : null,
    windowNs: options.windowNs ?? (run.windowNs > 0 ? run.windowNs : null),
    windowHow: options.windowNs === undefined ? 'first to last event of the recording' : 'given',
    censored,
    notes: run.notes,
    inputs: run.inputs,
    partial: run.partial,
  };
}

function fromPrinted(
  argument: string,
  h: ReadHistogram,
  text: string,
  input: InputReport,
  options: RunOptions,
): RunSample {
  if (h.noTime !== undefined) {
    throw new TraceError('no-times', `its histogram ${histogramName(h)} counts ${h.noTime}, not time`, {
      path: input.path,
      line: h.line,
    });
  }
  const unit = h.unitNs ?? options.printedUnitNs ?? 1;
  const found = options.windowNs === undefined ? (printedWindow(h.title) ?? printedWindow(text)) : null;
  const notes = [...h.notes];
  if (h.unitNs === null && options.printedUnitNs === undefined) {
    notes.push('the printout names no unit: taken as ns');
  }
  return {
    argument,
    title: titleOf(h) || fileTitle(input.path),
    from: 'bins',
    what: `histogram ${histogramName(h)} of ${input.path}`,
    bins: binned(scaled(h.bins, unit)),
    durations: null,
    ordered: null,
    windowNs: options.windowNs ?? found?.ns ?? null,
    windowHow: options.windowNs === undefined ? (found?.how ?? 'not known') : 'given',
    censored: 0,
    notes,
    inputs: [input],
    partial: false,
  };
}

/** `interval:s:1 { exit(); }` of the program quoted in the text, if all such say the same. */
function printedWindow(text: string): { ns: number; how: string } | null {
  const found = new Set<string>();
  for (const m of text.matchAll(/interval:(s|ms):(\d+)[\s>|]*\{[\s>|]*exit\s*\(/g))
    found.add(`${m[1]}:${m[2]}`);
  if (found.size !== 1) return null;
  const [unit, n] = [...found][0]!.split(':') as [string, string];
  return {
    ns: Number(n) * (unit === 's' ? 1e9 : 1e6),
    how: `the quoted program says interval:${unit}:${n} { exit() }`,
  };
}

function fromResult(
  argument: string,
  title: string | null,
  value: Record<string, unknown>,
  input: InputReport,
  options: RunOptions,
): RunSample {
  const all = resultHistograms(value, input.path);
  // The first of a replay is that of all calls; the others are parts of it.
  const first = title === null && value.schema === 'pttrace/result/1' ? all.slice(0, 1) : all;
  const h = oneHistogram(first, title, input.path) as ResultHistogram;
  const run = fromPrinted(argument, h, '', input, options);
  return {
    ...run,
    title: title ?? (titleOf(h) && value.schema !== 'pttrace/result/1' ? titleOf(h) : fileTitle(input.path)),
    what: `${histogramName(h)} of ${String(value.schema)}`,
    windowNs: options.windowNs ?? h.windowNs,
    windowHow:
      options.windowNs !== undefined
        ? 'given'
        : h.windowNs === null
          ? 'not known'
          : 'span of the recording the result is of',
    censored: h.censored,
  };
}
