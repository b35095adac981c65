import { type Binned, binned, type ReadHistogram, total } from '../latency/binned.js';
import { NEWEST_FAMILY, type PrintFamily } from '../latency/bpftrace-labels.js';
import { type KeyedCounts, printHistMap, printLhistMap } from '../latency/bpftrace-print.js';
import { hgrmText } from '../latency/hgrm.js';
import { bucketBounds, bucketIndex, checkShape, type HistShape } from '../latency/hist-shape.js';
import { quantileInterval } from '../latency/intervals.js';
import type { SpanGroup } from '../latency/pair-collector.js';
import { readBackCounts } from '../latency/read-back.js';
import { describeSource, type SpanSource } from '../latency/span-source.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { InputReport } from '../result/types.js';
import { VERSION } from '../version.js';
import { type CollectOptions, collectSpans, type SpanRun } from './collect-spans.js';
import { histogramsNamed, openInput, splitTitle } from './histogram-input.js';

export const HIST_SCHEMA = 'pttrace/hist/1';
export const DEFAULT_QUANTILES = [0.5, 0.9, 0.99, 0.999] as const;

export interface HistOptions extends Omit<CollectOptions, 'source' | 'keepOrder'> {
  /** What to measure; omitted: munmap, or the histograms the input holds. Given: the input is a recording. */
  readonly source?: SpanSource | undefined;
  /** Default hist() without bits. */
  readonly shape?: HistShape | undefined;
  /** bpftrace release family whose print style is used; default the newest. */
  readonly family?: PrintFamily | undefined;
  /** `us`: durations are divided by 1000 (whole) before counting, as `(nsecs - @start[tid]) / 1000`. */
  readonly unit?: 'ns' | 'us' | undefined;
  /** Map name without `@`; default `ns` or `usecs`. */
  readonly mapName?: string | undefined;
  /** In 0 … 1. */
  readonly quantiles?: readonly number[] | undefined;
  /** Add each group's percentile distribution in HdrHistogram's text form. */
  readonly hgrm?: boolean | undefined;
}

export interface HistQuantile {
  q: number;
  /** In the report's unit: exact from events; of printed bins a point inside the bin, by convention. */
  value: number | null;
  /** The quantile lies in [low, high): equal to `value` where it is exact. Null: open. */
  low: number | null;
  high: number | null;
}

export interface HistBucket {
  /** Half open, [low, high); null: open. */
  low: number | null;
  high: number | null;
  count: number;
}

export interface HistGroup {
  /** Key as bpftrace prints it between the brackets; null without key. */
  key: string | null;
  keys: string[];
  /** Read back: prose line before the histogram, and its 1-based line. */
  title: string;
  line: number | null;
  count: number;
  /** Spans without a duration: begin or end outside the recording, lost events, too many open at once. */
  censored: { start: number; end: number; loss: number; evicted: number };
  buckets: HistBucket[];
  quantiles: HistQuantile[];
  /** Decimal strings of ns (ticks); null where only bins are known. */
  sum: string | null;
  min: number | null;
  max: number | null;
  mean: number | null;
  /** Percentile distribution (.hgrm), when asked for. */
  hgrm?: string;
}

export interface HistReport {
  schema: typeof HIST_SCHEMA;
  version: string;
  inputs: InputReport[];
  /** `events`: every duration was seen; `bins`: read back from printed histograms. */
  from: 'events' | 'bins';
  measured: string;
  by: string[];
  /** Unit of buckets, quantiles, min, max, mean. `unknown`: the printout does not say. */
  unit: 'ns' | 'us' | 'ticks' | 'unknown';
  resolutionNs: number | null;
  windowNs: number | null;
  shape: HistShape | null;
  mapName: string;
  bpftraceVersion: PrintFamily;
  filter: string | null;
  quantileMethod: string;
  groups: HistGroup[];
  /** The histograms byte for byte as bpftrace of that version prints them. */
  printed: string;
  notes: string[];
  partial: boolean;
}

/**
 * Histograms of durations from recordings, or printed histograms read back.
 *
 * Throws TraceError when an input cannot be read, RangeError for a shape bpftrace would refuse or a title that names
 * no histogram.
 */
export async function hist(options: HistOptions): Promise<HistReport> {
  const family = options.family ?? NEWEST_FAMILY;
  const shape = checkShape(options.shape ?? { kind: 'hist', bits: 0 }, family);
  const { path, title } = splitTitle(options.paths[0] ?? '-');
  if (options.source === undefined && options.format === undefined && options.paths.length === 1) {
    const opened = await openInput(path, options);
    if (opened.kind === 'histograms') {
      const report = readBack(opened.found.histograms, title, opened.input, { ...options, family });
      return opened.cut ? { ...report, partial: true } : report;
    }
    if (opened.kind === 'result') {
      throw new TraceError('unsupported-format', 'is a result of pttrace already; compare reads it', {
        path,
      });
    }
    if (opened.stdin) options = { ...options, stdin: opened.stdin };
    if (opened.cut) {
      const report = await hist({
        ...options,
        signal: undefined,
        source: { kind: 'syscall', name: 'munmap' },
      });
      return { ...report, partial: true };
    }
  }
  const source = options.source ?? { kind: 'syscall', name: 'munmap' };
  const run = await collectSpans({ ...options, source });
  return fromEvents(run, source, shape, family, options);
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
      `stamps have a resolution of ${run.resolutionNs} ns${source.kind === 'span' ? ', durations are printed more finely' : ': so have durations'}`,
    );
  }
  const scale = unit === 'us' ? 1000 : 1;
  const mapName = `@${options.mapName ?? (unit === 'us' ? 'usecs' : unit)}`;
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
    by: (options.by ?? []).map((p) => (typeof p === 'object' ? `arg:${p.arg}` : p)),
    unit,
    resolutionNs: ticks ? null : run.resolutionNs,
    windowNs: ticks ? null : run.windowNs,
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

function readBack(
  all: readonly ReadHistogram[],
  title: string | null,
  input: InputReport,
  options: HistOptions & { family: PrintFamily },
): HistReport {
  const meant = histogramsNamed(all, title);
  if (meant.length === 0) throw new RangeError(`${input.path} has no histogram called "${title}"`);
  const notes: string[] = [];
  if (options.hgrm) notes.push('no HDR export: single durations are not known from printed bins');
  if (options.unit === 'us') notes.push('printed bins keep their own unit');
  const units = new Set(meant.map((h) => h.unitNs));
  const unitNs = units.size === 1 ? [...units][0] : null;
  let text = '';
  for (const h of meant) {
    for (const n of h.notes) notes.push(`line ${h.line}: ${n}`);
    const counts = readBackCounts(h.bins, options.family);
    const name = h.name.startsWith('@') ? h.name : `@${h.name}`;
    const block = { key: h.key, counts: counts?.counts ?? [] };
    if (counts === null) notes.push(`line ${h.line}: its bins are none of hist() or lhist(): not printed`);
    else text += printed(name, counts.shape, [block], options.family);
  }
  return {
    schema: HIST_SCHEMA,
    version: VERSION,
    inputs: [input],
    from: 'bins',
    measured: 'histograms printed in the input',
    by: [],
    unit: unitNs === 1 ? 'ns' : unitNs === 1000 ? 'us' : 'unknown',
    resolutionNs: null,
    windowNs: null,
    shape: null,
    mapName: meant[0]!.name,
    bpftraceVersion: options.family,
    filter: null,
    quantileMethod: 'bin of the nearest rank: a fact; the point is low*(high/low)^(rank/count): a convention',
    groups: meant.map((h) => readGroup(h, options.quantiles ?? DEFAULT_QUANTILES)),
    printed: text,
    notes,
    partial: false,
  };
}

function readGroup(h: ReadHistogram, quantiles: readonly number[]): HistGroup {
  const b: Binned = binned(h.bins);
  return {
    key: h.key,
    keys: h.key === null ? [] : h.key.split(', '),
    title: h.title,
    line: h.line,
    count: total(b.counts),
    censored: { start: 0, end: 0, loss: 0, evicted: 0 },
    buckets: h.bins.map((x) => ({ low: finite(x.low), high: finite(x.high), count: x.count })),
    quantiles: quantiles.map((q) => {
      const x = quantileInterval(b, q);
      return x === null
        ? { q, value: null, low: null, high: null }
        : { q, value: finite(x.pointNs), low: finite(x.lowNs), high: finite(x.highNs) };
    }),
    sum: null,
    min: null,
    max: null,
    mean: null,
  };
}

const printed = (
  name: string,
  shape: HistShape,
  blocks: readonly KeyedCounts[],
  family: PrintFamily,
): string =>
  shape.kind === 'lhist'
    ? printLhistMap(name, shape, blocks, { family })
    : printHistMap(name, blocks, { family, bits: shape.bits });

const keyText = (keys: readonly string[]): string | null => (keys.length === 0 ? null : keys.join(', '));
const finite = (n: number): number | null => (Number.isFinite(n) ? n : null);
