import type { Estimate } from '../latency/statistics/bootstrap-shifts.js';

const digits = (v: number, n: number): string => {
  const rounded = Number(v.toPrecision(n));
  return Math.abs(rounded) >= 1e6 ? rounded.toExponential() : String(rounded);
};

/** 8192 → `8.19 µs`, three significant digits. */
export function durationWords(ns: number): string {
  for (const [unit, size] of [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ] as const) {
    if (Math.abs(ns) >= size) return `${digits(ns / size, 3)} ${unit}`;
  }
  return `${digits(ns, 3)} ns`;
}

/** 210476 → `210k`. */
export function countWords(n: number): string {
  if (Math.abs(n) >= 1e6) return `${digits(n / 1e6, 3)}M`;
  if (Math.abs(n) >= 1e4) return `${digits(n / 1e3, 3)}k`;
  return Number.isInteger(n) ? String(n) : digits(n, 3);
}

/** 0.00289 → `0.289 %`. */
export const partWords = (p: number): string => `${digits(p * 100, 3)} %`;

/** 65536 → `64K`, as bpftrace labels its rows. */
export function edgeWords(ns: number): string {
  if (!Number.isFinite(ns)) return '…';
  for (const [suffix, size] of [
    ['G', 2 ** 30],
    ['M', 2 ** 20],
    ['K', 2 ** 10],
  ] as const) {
    if (ns !== 0 && ns % size === 0) return `${ns / size}${suffix}`;
  }
  return String(ns);
}

/** bpftrace writes at most `512K`, then `1M`; an edge with more is that of rows in another unit. */
const isLabel = (ns: number): boolean =>
  !Number.isFinite(ns) || Math.abs(ns) < 1000 || /^-?\d{1,3}[KMG]$/.test(edgeWords(ns));

/**
 * `4K..8K`, as bpftrace labels its rows of ns; of rows in another unit, or with other edges, both ends in the unit of
 * the upper one: `4.1..8.19 ms`.
 */
export function rowWords(low: number, high: number, between = '..'): string {
  const edge = (ns: number): string => (isLabel(ns) ? edgeWords(ns) : durationWords(ns));
  if (!Number.isFinite(high)) return `≥ ${edge(low)}`;
  if (!Number.isFinite(low)) return `< ${edge(high)}`;
  if (isLabel(low) && isLabel(high)) return `${edgeWords(low)}${between}${edgeWords(high)}`;
  const [top, unit] = durationWords(high).split(' ') as [string, string];
  const size = unit === 's' ? 1e9 : unit === 'ms' ? 1e6 : unit === 'µs' ? 1e3 : 1;
  return `${digits(low / size, 3)}${between}${top} ${unit}`;
}

/** A ratio as a change below a factor of two, as a factor above: `+4.2 %`, `−42 %`, `2.36x`. */
export function changeWords(ratio: number, wide = Math.max(ratio, 1 / ratio) >= 2): string {
  if (Number.isNaN(ratio)) return '-';
  if (!Number.isFinite(ratio)) return '∞';
  if (wide) return ratio >= 1000 ? '>999x' : ratio < 0.001 ? '<0.001x' : `${digits(ratio, 3)}x`;
  const percent = (ratio - 1) * 100;
  const rounded = Math.abs(percent) >= 10 ? Math.round(percent) : Number(percent.toFixed(1));
  return `${rounded < 0 ? '−' : rounded > 0 ? '+' : '±'}${Math.abs(rounded)} %`;
}

/** `[−3.1 %, +12 %]`, in the form of the estimate itself; empty where there is no interval. */
export function intervalWords(x: Estimate): string {
  if (Number.isNaN(x.low) || Number.isNaN(x.high)) return '';
  const wide = [x.value, x.low, x.high].some((v) => Math.max(v, 1 / v) >= 2);
  return `[${changeWords(x.low, wide)}, ${changeWords(x.high, wide)}]`;
}

/** The estimate and its interval in one form. */
export function estimateWords(x: Estimate): string {
  const interval = intervalWords(x);
  if (interval === '') return changeWords(x.value);
  const wide = interval.includes('x');
  return `${changeWords(x.value, wide)} ${interval}`;
}
