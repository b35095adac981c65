/**
 * What cause→effect pairs across CPUs say about the clocks. An effect cannot come before its cause, so with
 * latencies seen both ways between CPUs a and b the offset of b's clock against a's lies in
 * [−min(b→a), min(a→b)]. A negative latency is a proven inversion of at least that size.
 */
export class SkewBounds {
  private cpus = 0;
  /** Smallest latency seen, by from * cpus + to; +∞ none. */
  private least = new Float64Array(0);
  /** How many were seen, by the same. */
  private seen = new Float64Array(0);
  private smallest = Number.POSITIVE_INFINITY;
  pairs = 0;
  inversions = 0;
  worstInversionNs = 0;

  add(from: number, to: number, latencyNs: number): void {
    if (!this.bound(from, to, latencyNs)) return;
    this.pairs++;
    if (latencyNs < 0) {
      this.inversions++;
      if (-latencyNs > this.worstInversionNs) this.worstInversionNs = -latencyNs;
    }
  }

  /** A latency that only bounds the offset; whether the two CPUs are such that it can. */
  bound(from: number, to: number, latencyNs: number): boolean {
    if (from < 0 || to < 0 || from === to || from > 4095 || to > 4095) return false;
    const size = Math.max(from, to) + 1;
    if (size > this.cpus) this.grow(size);
    const at = from * this.cpus + to;
    this.seen[at]!++;
    if (latencyNs < this.least[at]!) this.least[at] = latencyNs;
    if (latencyNs < this.smallest) this.smallest = latencyNs;
    return true;
  }

  /** By how much the clock of `to` may be ahead of that of `from` at most, ns; +∞ if nothing says. */
  aheadNs(from: number, to: number): number {
    return from >= 0 && to >= 0 && Math.max(from, to) < this.cpus
      ? this.least[from * this.cpus + to]!
      : Number.POSITIVE_INFINITY;
  }

  /** The same by way of a third CPU: the bounds add up; +∞ if there is none. */
  aheadByWayNs(from: number, to: number): number {
    let least = this.aheadNs(from, to);
    for (let by = 0; by < this.cpus; by++) {
      if (by !== from && by !== to) least = Math.min(least, this.aheadNs(from, by) + this.aheadNs(by, to));
    }
    return least;
  }

  /** How many latencies were seen from one CPU to the other. */
  seenFrom(from: number, to: number): number {
    return from >= 0 && to >= 0 && Math.max(from, to) < this.cpus ? this.seen[from * this.cpus + to]! : 0;
  }

  /**
   * Widest interval the clock offset of two CPUs can lie in, ns, over the pairs with latencies both ways; null
   * when there is none. Offsets beyond it are ruled out, offsets within it are not.
   */
  widestNs(): number | null {
    let widest: number | null = null;
    for (let a = 0; a < this.cpus; a++) {
      for (let b = a + 1; b < this.cpus; b++) {
        const width = this.least[a * this.cpus + b]! + this.least[b * this.cpus + a]!;
        if (Number.isFinite(width) && (widest === null || width > widest)) widest = width;
      }
    }
    return widest;
  }

  /** The smallest latency of all pairs, ns; +∞ without any. Kept as they come in. */
  leastNs(): number {
    return this.smallest;
  }

  private grow(cpus: number): void {
    const bigger = new Float64Array(cpus * cpus).fill(Number.POSITIVE_INFINITY);
    const seen = new Float64Array(cpus * cpus);
    for (let a = 0; a < this.cpus; a++) {
      for (let b = 0; b < this.cpus; b++) {
        bigger[a * cpus + b] = this.least[a * this.cpus + b]!;
        seen[a * cpus + b] = this.seen[a * this.cpus + b]!;
      }
    }
    this.least = bigger;
    this.seen = seen;
    this.cpus = cpus;
  }
}
