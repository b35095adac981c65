/** Counts of integer durations in ns by half-open bins `[edges[i], edges[i+1])`. Edges ascend. */
export interface Binned {
  /** One more than counts. The first may be -∞, the last +∞ (open bins of lhist and of negative values). */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** One bin as read from a printout. */
export interface Bin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** A histogram found in text. */
export interface ReadHistogram {
  /** Map name with its `@`; empty when the rows had no heading. */
  readonly name: string;
  /** What stood between the brackets of the heading (parts joined with `, `); null without key. */
  readonly key: string | null;
  /** Nearest prose line before it (`without patch:`), empty if none. */
  readonly title: string;
  /** 1-based line of the heading, or of the first row. */
  readonly line: number;
  readonly source: 'text' | 'json' | 'bcc' | 'perf-latency' | 'hist-trigger' | 'hgrm';
  /** Nanoseconds per printed unit where the table or its name says it (`usecs`, `@lat_ms`); null where neither does. */
  readonly unitNs: number | null;
  /** What is counted where the name says that it is no time: `ticks`, `kbytes`. */
  readonly noTime?: string;
  /** As printed, ascending. Open ends are infinite. */
  readonly bins: readonly Bin[];
  /** Stretches between rows that are missing: unknown, not 0. */
  readonly gaps: readonly { readonly low: number; readonly high: number }[];
  /** False when rows are known or likely to be missing (`[...]`, gaps). */
  readonly complete: boolean;
  readonly notes: readonly string[];
}

/** Bins printed in another unit as nanoseconds. */
export function scaled(bins: readonly Bin[], unitNs: number): Bin[] {
  return bins.map((b) => ({ low: b.low * unitNs, high: b.high * unitNs, count: b.count }));
}

/** Two samples on the same edges: `a` the baseline, `b` what is compared with it. */
export interface BinnedPair {
  readonly edges: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
}

export function total(counts: readonly number[]): number {
  let t = 0;
  for (const c of counts) t += c;
  return t;
}

/**
 * Bins in ascending order as edges and counts; holes between bins become empty bins.
 * Throws RangeError when bins overlap.
 */
export function binned(bins: readonly Bin[]): Binned {
  const edges: number[] = [];
  const counts: number[] = [];
  for (const bin of [...bins].sort((x, y) => x.low - y.low)) {
    const end = edges.at(-1);
    if (end === undefined) edges.push(bin.low);
    else if (bin.low < end) throw new RangeError(`bins overlap at ${bin.low} ns`);
    else if (bin.low > end) {
      edges.push(bin.low);
      counts.push(0);
    }
    edges.push(bin.high);
    counts.push(bin.count);
  }
  return { edges, counts };
}

/**
 * Both samples on the finest edges they share, so that counts can be compared bin by bin. Bins of one that the
 * other cuts differently are joined until edges coincide; outside its own range a sample counts 0.
 */
export function align(a: Binned, b: Binned): BinnedPair {
  if (a.counts.length === 0 && b.counts.length === 0) return { edges: [], a: [], b: [] };
  const [insideA, insideB] = [insideBins(a), insideBins(b)];
  const edges = allEdges(a.edges, b.edges).filter((edge) => {
    const [inA, inB] = [insideA(edge), insideB(edge)];
    return !inA && !inB;
  });
  return { edges, a: regrouped(a, edges), b: regrouped(b, edges) };
}

/** The pair with every bin at or above `fromNs` joined into one (for sparse tails). */
export function mergeTail(pair: BinnedPair, fromNs: number): BinnedPair {
  const at = pair.edges.indexOf(fromNs);
  if (at < 0) throw new RangeError(`${fromNs} ns is no edge`);
  if (at >= pair.a.length) return pair;
  const joined = (counts: readonly number[]): number[] => [...counts.slice(0, at), total(counts.slice(at))];
  return {
    edges: [...pair.edges.slice(0, at + 1), pair.edges.at(-1)!],
    a: joined(pair.a),
    b: joined(pair.b),
  };
}

/** The bins between two edges. */
export function between(pair: BinnedPair, fromNs: number, toNs: number): BinnedPair {
  const from = pair.edges.indexOf(fromNs);
  const to = pair.edges.indexOf(toNs);
  if (from < 0 || to < 0) throw new RangeError(`${fromNs} … ${toNs} ns are no edges`);
  return { edges: pair.edges.slice(from, to + 1), a: pair.a.slice(from, to), b: pair.b.slice(from, to) };
}

/** Cumulative fraction at every edge: 0 at the first, 1 at the last (NaN throughout for an empty sample). */
export function cdf(counts: readonly number[]): number[] {
  const n = total(counts);
  const out = [0 / n];
  let sum = 0;
  for (const c of counts) {
    sum += c;
    out.push(sum / n);
  }
  return out;
}

/** Counts of raw integer values by powers of two. */
export function binValues(values: ArrayLike<number>): Binned {
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    const k = v < 1 ? 0 : Math.floor(Math.log2(v)) + 1;
    const exact = v >= 1 && v < 2 ** (k - 1) ? k - 1 : v >= 2 ** k ? k + 1 : k;
    counts.set(exact, (counts.get(exact) ?? 0) + 1);
  }
  const bins: Bin[] = [];
  for (const [k, count] of counts) bins.push({ low: k === 0 ? 0 : 2 ** (k - 1), high: 2 ** k, count });
  return binned(bins);
}

/** The edges of both, ascending, each once. */
function allEdges(a: readonly number[], b: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = 0, k = 0; i < a.length || k < b.length; ) {
    const next = k === b.length || (i < a.length && a[i]! <= b[k]!) ? a[i++]! : b[k++]!;
    if (next !== out.at(-1)) out.push(next);
  }
  return out;
}

/** Whether an edge lies inside a bin that counts something; edges are asked for in ascending order. */
function insideBins(h: Binned): (edge: number) => boolean {
  let at = 0;
  return (edge) => {
    while (at < h.counts.length && h.edges[at + 1]! <= edge) at++;
    return at < h.counts.length && edge > h.edges[at]! && h.counts[at]! > 0;
  };
}

function regrouped(h: Binned, edges: readonly number[]): number[] {
  const counts = new Array<number>(Math.max(0, edges.length - 1)).fill(0);
  let to = 0;
  for (let i = 0; i < h.counts.length; i++) {
    if (h.counts[i] === 0) continue;
    while (to < counts.length - 1 && edges[to + 1]! <= h.edges[i]!) to++;
    counts[to] = counts[to]! + h.counts[i]!;
  }
  return counts;
}
