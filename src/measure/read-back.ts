import { type Binned, binned, type ReadHistogram, scaled, total } from '../latency/histogram/binned.js';
import type { PrintFamily } from '../latency/histogram/bpftrace-labels.js';
import { printBins } from '../latency/histogram/bpftrace-print.js';
import { nameWithUnit } from '../latency/histogram/unit-names.js';
import { readBackCounts } from '../latency/printed/read-back.js';
import { quantileInterval } from '../latency/statistics/intervals.js';
import type { InputReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import { VERSION } from '../version.js';
import {
  DEFAULT_QUANTILES,
  HIST_SCHEMA,
  type HistGroup,
  type HistOptions,
  type HistReport,
} from './hist-report.js';
import { histogramsNamed } from './histogram-input.js';
import { finite, printed } from './printed-map.js';

/** Printed histograms as a report. Throws UsageError for a title that names none. */
export function readBack(
  all: readonly ReadHistogram[],
  title: string | null,
  input: InputReport,
  options: HistOptions & { family: PrintFamily },
): HistReport {
  const meant = histogramsNamed(all, title);
  if (meant.length === 0) throw new UsageError(`${input.path} has no histogram called "${title}"`);
  const notes: string[] = [];
  if (options.hgrm) notes.push('no HDR export: single durations are not known from printed bins');
  if (options.unit === 'us') notes.push('printed bins keep their own unit');
  const units = new Set(meant.map((h) => h.unitNs));
  const mixed = units.size > 1 && !units.has(null);
  const unitNs = mixed ? 1 : units.size === 1 ? [...units][0]! : null;
  if (mixed) notes.push('the histograms have different units: as numbers they are all told in ns');
  const names = new Set(meant.map((h) => h.name)).size > 1;
  let text = '';
  for (const h of meant) {
    for (const n of h.notes) notes.push(`line ${h.line}: ${n}`);
    const counts = readBackCounts(h.bins, options.family);
    const name = nameWithUnit(h.name, h.unitNs);
    if (counts !== null) {
      text += printed(name, counts.shape, [{ key: h.key, counts: counts.counts }], options.family);
    } else {
      notes.push(`line ${h.line}: its bins are none of hist() or lhist(): printed with their own bounds`);
      text += printBins(name, h.key, h.bins, options.family);
    }
  }
  return {
    schema: HIST_SCHEMA,
    version: VERSION,
    inputs: [input],
    from: 'bins',
    measured: 'histograms printed in the input',
    by: [],
    unit: unitName(unitNs, meant),
    resolutionNs: null,
    windowNs: null,
    shape: null,
    mapName: nameWithUnit(meant[0]!.name, meant[0]!.unitNs),
    bpftraceVersion: options.family,
    filter: null,
    quantileMethod: 'bin of the nearest rank: a fact; the point is low*(high/low)^(rank/count): a convention',
    groups: meant.map((h) =>
      readGroup(
        mixed ? { ...h, bins: scaled(h.bins, h.unitNs!) } : h,
        options.quantiles ?? DEFAULT_QUANTILES,
        { names, units: units.size > 1 && !mixed },
      ),
    ),
    printed: text,
    notes,
    partial: false,
  };
}

function unitName(unitNs: number | null, meant: readonly ReadHistogram[]): HistReport['unit'] {
  if (unitNs === null) return meant.every((h) => h.noTime === 'ticks') ? 'ticks' : 'unknown';
  return UNIT_NAMES.get(unitNs) ?? 'unknown';
}

const UNIT_NAMES: ReadonlyMap<number, HistReport['unit']> = new Map([
  [1, 'ns'],
  [1e3, 'us'],
  [1e6, 'ms'],
  [1e9, 's'],
]);

function readGroup(
  h: ReadHistogram,
  quantiles: readonly number[],
  differ: { names: boolean; units: boolean },
): HistGroup {
  const b: Binned = binned(h.bins);
  return {
    key: h.key,
    keys: h.key === null ? [] : h.key.split(', '),
    title: h.title,
    line: h.line,
    ...(differ.names ? { mapName: nameWithUnit(h.name, h.unitNs) } : {}),
    ...(differ.units ? { unit: unitName(h.unitNs, [h]) } : {}),
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
