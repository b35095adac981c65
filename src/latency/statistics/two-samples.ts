import type { BinnedPair } from '../histogram/binned.js';

/** Distinct values up to which two samples are laid out value by value. */
const MAX_DISTINCT = 1 << 20;

/** P(b > a) + ½ P(b = a) of two samples in ascending order, by one walk through both. */
export function superioritySorted(a: Float64Array, b: Float64Array): number {
  let u = 0;
  let i = 0;
  let k = 0;
  while (k < b.length) {
    const v = b[k]!;
    while (i < a.length && a[i]! < v) i++;
    let tied = i;
    while (tied < a.length && a[tied] === v) tied++;
    let same = k + 1;
    while (same < b.length && b[same] === v) same++;
    u += (same - k) * (i + (tied - i) / 2);
    i = tied;
    k = same;
  }
  return u / (a.length * b.length);
}

/**
 * Two samples of whole ns, in ascending order, on cells of one ns around every value that occurs (and the empty
 * stretches between): nothing is rounded. Null with more than 2²⁰ distinct values.
 */
export function singleValues(a: Float64Array, b: Float64Array): BinnedPair | null {
  const edges: number[] = [];
  const ca: number[] = [];
  const cb: number[] = [];
  let i = 0;
  let k = 0;
  let distinct = 0;
  while (i < a.length || k < b.length) {
    const v = Math.min(
      i < a.length ? a[i]! : Number.POSITIVE_INFINITY,
      k < b.length ? b[k]! : Number.POSITIVE_INFINITY,
    );
    let na = 0;
    let nb = 0;
    while (i < a.length && a[i] === v) {
      na++;
      i++;
    }
    while (k < b.length && b[k] === v) {
      nb++;
      k++;
    }
    if (++distinct > MAX_DISTINCT) return null;
    const end = edges.at(-1);
    if (end === undefined) edges.push(v);
    else if (end < v) {
      edges.push(v);
      ca.push(0);
      cb.push(0);
    }
    edges.push(v + 1);
    ca.push(na);
    cb.push(nb);
  }
  return { edges, a: ca, b: cb };
}
