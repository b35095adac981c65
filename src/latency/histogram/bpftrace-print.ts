import type { HistogramBucket } from '../../result/types.js';
import type { Bin } from './binned.js';
import {
  histBounds,
  histIndex,
  histLabel,
  type LhistShape,
  lhistIndex,
  lhistLabel,
  NEWEST_FAMILY,
  PRINT_RULES,
  type PrintFamily,
} from './bpftrace-labels.js';

/**
 * Prints histograms byte for byte as bpftrace does (src/output.cpp `hist_to_str`, `lhist_to_str`,
 * `hist_prepare`, `lhist_prepare`, `map_hist_to_str`).
 */
export interface PrintOptions {
  /** Release family; default the newest. */
  readonly family?: PrintFamily;
  /** Second argument of hist(), 0 … 5; families before 0.20 have none. */
  readonly bits?: number;
  /** Third argument of print(): counts are divided by it. lhist ignores it. */
  readonly div?: number;
}

/** One block of a map: `key` is what stands between the brackets, null for a map without key. */
export interface KeyedCounts {
  readonly key: string | null;
  /** Counts by bucket index. */
  readonly counts: ArrayLike<number>;
}

const LABEL_WIDTH = 16;
const COUNT_WIDTH = 8;
const BAR_WIDTH = 52;
/**
 * Counts of 2^31 and more overflow bpftrace's int maximum, which makes bars longer than their field; where it
 * would ask for more than this it could not be drawn at all.
 */
const MAX_BAR = 1 << 16;

/** A hist() map: every key's block, in bpftrace's order, each followed by its blank line. */
export function printHistMap(
  name: string,
  blocks: readonly KeyedCounts[],
  options: PrintOptions = {},
): string {
  const family = options.family ?? NEWEST_FAMILY;
  return inMapOrder(blocks)
    .map((b) => `${heading(name, b.key, family)}${printHistRows(b.counts, options)}\n`)
    .join('');
}

/** An lhist() map, as `printHistMap`. */
export function printLhistMap(
  name: string,
  shape: LhistShape,
  blocks: readonly KeyedCounts[],
  options: PrintOptions = {},
): string {
  const family = options.family ?? NEWEST_FAMILY;
  return inMapOrder(blocks)
    .map((b) => `${heading(name, b.key, family)}${printLhistRows(b.counts, shape, family)}\n`)
    .join('');
}

/**
 * Rows of one hist(), from the first to the last bucket whose count is above 0 *as a signed 32-bit int*: the
 * printer looks at it through an int, in every release so far.
 */
export function printHistRows(counts: ArrayLike<number>, options: PrintOptions = {}): string {
  const family = options.family ?? NEWEST_FAMILY;
  const rules = PRINT_RULES[family];
  const div = options.div ?? 1;
  const bits = rules.bits ? (options.bits ?? 0) : 0;
  // From 0.24 on the printer divides first and draws what is left.
  const drawn = div > 1 && family === '0.24' ? Float64Array.from(counts, (c) => Math.floor(c / div)) : counts;
  let first = -1;
  let last = -1;
  let max = 0;
  for (let i = 0; i < drawn.length; i++) {
    const v = toInt32(drawn[i]!);
    if (v > 0) {
      if (first < 0) first = i;
      last = i;
    }
    if (v > max) max = v;
  }
  let text = '';
  if (first < 0) return text;
  for (let i = first; i <= last; i++) {
    text += row(histLabel(i, bits, rules), Math.floor(counts[i]! / div), drawn[i]!, max);
  }
  return text;
}

/** Rows of one lhist(), from the first to the last bucket that is not empty. */
export function printLhistRows(
  counts: ArrayLike<number>,
  shape: LhistShape,
  family: PrintFamily = NEWEST_FAMILY,
): string {
  const rules = PRINT_RULES[family];
  let first = -1;
  let last = -1;
  let max = 0;
  let any = false;
  for (let i = 0; i < counts.length; i++) {
    const v = toInt32(counts[i]!);
    if (v !== 0) any = true;
    if (v > max) max = v;
    if (counts[i]! > 0) {
      if (first < 0) first = i;
      last = i;
    }
  }
  let text = '';
  if (!any) return text;
  for (let i = first; i <= last; i++) text += row(lhistLabel(i, shape, rules), counts[i]!, counts[i]!, max);
  return text;
}

/** Bins that are buckets of neither hist() nor lhist(), as rows of the same form with their own bounds. */
export function printBins(
  name: string,
  key: string | null,
  bins: readonly Bin[],
  family: PrintFamily = NEWEST_FAMILY,
): string {
  const full = bins.map((b) => b.count > 0);
  const shown = bins.slice(Math.max(0, full.indexOf(true)), full.lastIndexOf(true) + 1);
  const max = shown.reduce((m, b) => Math.max(m, b.count), 0);
  const label = ({ low, high }: Bin): string =>
    low === Number.NEGATIVE_INFINITY
      ? `(..., ${high})`
      : high === Number.POSITIVE_INFINITY
        ? `[${low}, ...)`
        : `[${low}, ${high})`;
  return `${heading(name, key, family)}${shown.map((b) => row(label(b), b.count, b.count, max)).join('')}\n`;
}

/** Bucket counts of integer values, as hist(x, bits) would have counted them. */
export function histCounts(
  values: Iterable<number | bigint>,
  bits = 0,
  family: PrintFamily = NEWEST_FAMILY,
): number[] {
  const rules = PRINT_RULES[family];
  const counts: number[] = [];
  for (const v of values) countAt(counts, histIndex(v, rules.bits ? bits : 0, rules));
  return counts;
}

/**
 * Counts by bucket index of bins read back from a printout. Throws RangeError for a bin that is no hist() bucket of
 * this family and `bits`.
 */
export function binCounts(bins: readonly Bin[], bits = 0, family: PrintFamily = NEWEST_FAMILY): number[] {
  const rules = PRINT_RULES[family];
  const b = rules.bits ? bits : 0;
  const counts: number[] = [];
  for (const bin of bins) {
    const index = bin.low === Number.NEGATIVE_INFINITY ? 0 : histIndex(bin.low, b, rules);
    const bounds = histBounds(index, b, rules);
    const saturated = rules.log2Bits === 32 && bin.low === 2 ** 31;
    if (bounds.low !== bin.low || (bounds.high !== bin.high && !saturated)) {
      throw new RangeError(`[${bin.low}, ${bin.high}) is no bucket of hist() with ${b} bits`);
    }
    while (counts.length <= index) counts.push(0);
    counts[index] = bin.count;
  }
  return counts;
}

/** Counts by bucket index of power-of-two buckets (`LatencyReport.histogram`), for `hist()` without bits. */
export function bucketCounts(
  buckets: readonly HistogramBucket[],
  family: PrintFamily = NEWEST_FAMILY,
): number[] {
  const rules = PRINT_RULES[family];
  const counts: number[] = [];
  for (const { lowNs, count } of buckets) {
    const index = histIndex(lowNs, 0, rules);
    while (counts.length <= index) counts.push(0);
    counts[index] = counts[index]! + count;
  }
  return counts;
}

/** Bucket counts of integer values, as lhist(x, min, max, step) would have counted them. */
export function lhistCounts(values: Iterable<number>, shape: LhistShape): number[] {
  const counts: number[] = [];
  for (const v of values) countAt(counts, lhistIndex(v, shape));
  return counts;
}

/**
 * Ascending total; equal totals by the bytes of the key in the kernel's map, because the printer sorts a std::map
 * of raw keys (for fewer than 17 blocks its sort keeps the order of equals).
 */
function inMapOrder(blocks: readonly KeyedCounts[]): KeyedCounts[] {
  const total = (b: KeyedCounts): number => {
    let t = 0;
    for (let i = 0; i < b.counts.length; i++) t += b.counts[i]!;
    return t;
  };
  return blocks
    .map((b) => ({ b, total: total(b) }))
    .sort((x, y) => x.total - y.total || compareKeys(x.b.key ?? '', y.b.key ?? ''))
    .map(({ b }) => b);
}

/** Keys part by part: integers as their little-endian bytes, everything else by its UTF-8 bytes. */
function compareKeys(a: string, b: string): number {
  const as = a.split(', ');
  const bs = b.split(', ');
  for (let i = 0; i < Math.min(as.length, bs.length); i++) {
    const x = as[i]!;
    const y = bs[i]!;
    if (x === y) continue;
    const integers = /^-?\d+$/.test(x) && /^-?\d+$/.test(y);
    return integers ? byLittleEndian(BigInt(x), BigInt(y)) : byBytes(x, y);
  }
  return as.length - bs.length;
}

function byLittleEndian(a: bigint, b: bigint): number {
  let x = BigInt.asUintN(64, a);
  let y = BigInt.asUintN(64, b);
  for (let i = 0; i < 8; i++) {
    const d = Number((x & 255n) - (y & 255n));
    if (d !== 0) return d;
    x >>= 8n;
    y >>= 8n;
  }
  return 0;
}

function byBytes(a: string, b: string): number {
  const encoder = new TextEncoder();
  const x = encoder.encode(a);
  const y = encoder.encode(b);
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
  return x.length - y.length;
}

function heading(name: string, key: string | null, family: PrintFamily): string {
  return `${name}${key === null ? '' : `[${key}]`}:${PRINT_RULES[family].blankAfterColon ? ' ' : ''}\n`;
}

function row(label: string, count: number, drawn: number, max: number): string {
  return `${label.padEnd(LABEL_WIDTH)}${String(count).padStart(COUNT_WIDTH)} |${bar(drawn, max).padEnd(BAR_WIDTH)}|\n`;
}

/** Single precision, truncated, as `values.at(i)/(float)max_value*max_width`. */
export function bar(count: number, max: number): string {
  if (max <= 0) return '';
  const width = Math.trunc(Math.fround(Math.fround(Math.fround(count) / Math.fround(max)) * BAR_WIDTH));
  return '@'.repeat(Math.min(width, MAX_BAR));
}

/** A 64-bit count seen through a C int. */
function toInt32(count: number): number {
  return (count % 4294967296) | 0;
}

function countAt(counts: number[], index: number): void {
  while (counts.length <= index) counts.push(0);
  counts[index]!++;
}
