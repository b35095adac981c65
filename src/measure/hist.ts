import type { KeyPart } from '../latency/group-keys.js';
import { NEWEST_FAMILY, type PrintFamily } from '../latency/histogram/bpftrace-labels.js';
import type { KeyedCounts } from '../latency/histogram/bpftrace-print.js';
import { hgrmText } from '../latency/histogram/hgrm.js';
import { bucketBounds, bucketIndex, checkShape, type HistShape } from '../latency/histogram/hist-shape.js';
import { nameWithUnit, unitOfName } from '../latency/histogram/unit-names.js';
import type { SpanGroup } from '../latency/pair-collector.js';
import { resultHistograms } from '../latency/printed/read-result.js';
import { describeSource, type SpanSource } from '../latency/span-source.js';
import { TraceError } from '../parsers/input/trace-error.js';
import { UsageError } from '../result/usage-error.js';
import { VERSION } from '../version.js';
import { collectAny, type SpanRun } from './collect-spans.js';
import {
  DEFAULT_QUANTILES,
  HIST_SCHEMA,
  type HistGroup,
  type HistOptions,
  type HistReport,
} from './hist-report.js';
import {
  alsoEvents,
  alsoPrinted,
  EVENTS,
  histogramsNamed,
  type OpenedInput,
  onlyTables,
  openInput,
  recordingNamed,
  splitTitle,
} from './histogram-input.js';
import { finite, printed } from './printed-map.js';
import { readBack } from './read-back.js';

export * from './hist-report.js';

/**
 * Histograms of durations from recordings, or printed histograms read back.
 *
 * Throws TraceError when an input cannot be read, UsageError for a shape bpftrace would refuse or a title that names
 * no histogram.
 */
export async function hist(options: HistOptions): Promise<HistReport> {
  const family = options.family ?? NEWEST_FAMILY;
  const shape = checkShape(options.shape ?? { kind: 'hist', bits: 0 }, family);
  const { path, title } = splitTitle(options.paths[0] ?? '-');
  const plain = options.source === undefined && options.format === undefined && options.paths.length === 1;
  if (plain) {
    const opened = await openInput(path, options);
    if (opened.kind === 'histograms') return fromPrinted(opened, title, { ...options, family });
    if (opened.kind === 'result') {
      const read = readBack(resultHistograms(opened.value, path), title, opened.input, {
        ...options,
        family,
      });
      return opened.cut ? { ...read, partial: true } : read;
    }
    options = { ...options, paths: [await recordingNamed(path, title)] };
    if (opened.stdin) options = { ...options, stdin: opened.stdin };
    if (opened.cut) {
      const report = await hist({ ...options, signal: undefined, source: MUNMAP });
      return { ...report, partial: true };
    }
  }
  let run: SpanRun;
  let source: SpanSource;
  try {
    ({ run, source } = await collectAny(options));
  } catch (error) {
    const tables =
      plain && error instanceof TraceError && error.code === 'unknown-format'
        ? await onlyTables(path, options)
        : null;
    if (tables === null) throw error;
    return readBack(tables.found.histograms, title, tables.input, { ...options, family });
  }
  return fromEvents(run, source, shape, family, options);
}

/** What is measured where nothing says it. */
const MUNMAP: SpanSource = { kind: 'syscall', name: 'munmap' };

/** Printed histograms, unless events stand beside them and nobody asked for a histogram by its name. */
async function fromPrinted(
  opened: Extract<OpenedInput, { kind: 'histograms' }>,
  title: string | null,
  options: HistOptions & { family: PrintFamily },
): Promise<HistReport> {
  const { histograms } = opened.found;
  const { path } = opened.input;
  const events = title === EVENTS && histogramsNamed(histograms, title).length === 0;
  if (opened.events > 0 && (events || title === null)) {
    const stdin = opened.stdin ? { stdin: opened.stdin } : {};
    const report = await hist({ ...options, ...stdin, paths: [path], source: MUNMAP });
    const measured = report.groups.some((g) => g.count > 0 || Object.values(g.censored).some((n) => n > 0));
    if (events || measured) return { ...report, notes: [...report.notes, alsoPrinted(path, histograms)] };
  }
  const read = readBack(histograms, title, opened.input, options);
  const notes =
    opened.events > 0 && title === null ? [...read.notes, alsoEvents(path, opened.events)] : read.notes;
  return { ...read, notes, partial: opened.cut === true };
}

function fromEvents(
  run: SpanRun,
  source: SpanSource,
  shape: HistShape,
  family: PrintFamily,
  options: HistOptions,
): HistReport {
  const ticks = run.unit === 'ticks';
  const unit = ticks ? 'ticks' : (options.unit ?? 'ns');
  const notes = [...run.notes];
  if (ticks) notes.push('the clock counts ticks, not ns: all numbers are ticks');
  else if (run.resolutionNs > 1) {
    notes.push(
      `stamps have a resolution of ${run.resolutionNs} ns${run.measured ? ', durations are printed more finely' : ': so have durations'}`,
    );
  }
  const scale = unit === 'us' ? 1000 : 1;
  const mapName = mapNameOf(options.mapName, unit);
  const quantiles = options.quantiles ?? DEFAULT_QUANTILES;
  const counted = run.groups.map((g) => ({ g, counts: countsOf(g, scale, shape, family) }));
  const blocks: KeyedCounts[] = counted
    .filter(({ g }) => g.durations.count > 0)
    .map(({ g, counts }) => ({ key: keyText(g.keys), counts }));
  if (run.groups.some((g) => !g.durations.exact)) {
    notes.push('more durations than are kept one by one: quantiles are up to 0.05 % too high');
  }
  return {
    schema: HIST_SCHEMA,
    version: VERSION,
    inputs: [...run.inputs],
    from: 'events',
    measured: describeSource(source),
    by: [...(run.byMachine ? ['machine'] : []), ...(options.by ?? []).map(keyName)],
    unit,
    resolutionNs: ticks ? null : run.resolutionNs,
    windowNs: ticks || (run.measured && run.windowNs === 0) ? null : run.windowNs,
    shape,
    mapName,
    bpftraceVersion: family,
    filter: run.filter,
    quantileMethod: 'nearest rank of the single durations (Hyndman & Fan 1996, definition 1)',
    groups: counted
      .map(({ g, counts }) => eventGroup(g, counts, scale, shape, family, quantiles, options.hgrm === true))
      .sort((a, b) => b.count - a.count || (a.key ?? '').localeCompare(b.key ?? '', 'en')),
    printed: printed(mapName, shape, blocks, family),
    notes,
    partial: run.partial,
  };
}

/** A name that does not say the unit is taken for ns when it is read back, and one that says another is wrong. */
function mapNameOf(name: string | undefined, unit: 'ns' | 'us' | 'ticks'): string {
  if (name === undefined) return unit === 'us' ? '@usecs' : `@${unit}`;
  const said = unitOfName(name);
  if (unit === 'ticks') return said !== null && 'noTime' in said ? `@${name}` : `@${name}_ticks`;
  const unitNs = unit === 'us' ? 1000 : 1;
  if (said !== null && 'ns' in said && said.ns !== unitNs) {
    throw new UsageError(`the name @${name} says another unit than ${unit}`);
  }
  return unit === 'us' ? nameWithUnit(name, unitNs) : `@${name}`;
}

function countsOf(g: SpanGroup, scale: number, shape: HistShape, family: PrintFamily): number[] {
  const counts: number[] = [];
  g.durations.forEachRun((value, times) => {
    const index = bucketIndex(Math.floor(value / scale), shape, family);
    while (counts.length <= index) counts.push(0);
    counts[index] = counts[index]! + times;
  });
  return counts;
}

function eventGroup(
  g: SpanGroup,
  counts: readonly number[],
  scale: number,
  shape: HistShape,
  family: PrintFamily,
  quantiles: readonly number[],
  hgrm: boolean,
): HistGroup {
  const d = g.durations;
  const at = (v: number): number | null => (d.count === 0 ? null : v / scale);
  return {
    key: keyText(g.keys),
    keys: g.keys,
    title: '',
    line: null,
    count: d.count,
    censored: { ...g.censored },
    buckets: counts.flatMap((count, i) => {
      if (count === 0 && (i === 0 || counts.slice(0, i).every((c) => c === 0))) return [];
      const { low, high } = bucketBounds(i, shape, family);
      return [{ low: finite(low), high: finite(high), count }];
    }),
    quantiles: quantiles.map((q) => {
      const value = at(d.quantile(q));
      return { q, value, low: value, high: value };
    }),
    sum: d.sumNs.toString(),
    min: at(d.minNs),
    max: at(d.maxNs),
    mean: at(d.meanNs),
    ...(hgrm ? { hgrm: hgrmText(d, scale) } : {}),
  };
}

const keyName = (p: KeyPart): string => (typeof p === 'string' ? p : 'arg' in p ? `arg:${p.arg}` : 'machine');
const keyText = (keys: readonly string[]): string | null => (keys.length === 0 ? null : keys.join(', '));
