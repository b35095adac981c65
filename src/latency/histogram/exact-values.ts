/** Below this many single values nothing is joined. */
const FEW = 1024;
/** Room for the first values; many a distribution stays empty. */
const FIRST = 64;
const NONE = new Float64Array(0);

/**
 * A multiset of numbers, every one of them known: single values, and, where they repeat, distinct values with their
 * counts. Stamps of whole µs give few distinct durations however long a recording is, so that memory stays small; it is
 * never more than single values take.
 */
export class ExactValues {
  /** Number of values. */
  count = 0;
  private single = NONE;
  private singles = 0;
  private sorted = true;
  /** Distinct values, ascending, and how often each occurred. */
  private runs = new Float64Array(0);
  private times = new Float64Array(0);

  add(value: number): void {
    if (this.singles === this.single.length) this.makeRoom();
    this.single[this.singles++] = value;
    this.sorted = false;
    this.count++;
  }

  addAll(other: ExactValues): void {
    other.forEachRun((value, times) => {
      for (let i = 0; i < times; i++) this.add(value);
    });
  }

  /** The `rank`-th smallest, from 1 to `count`. */
  at(rank: number): number {
    if (this.runs.length === 0) {
      this.sort();
      return this.single[rank - 1]!;
    }
    let [before, found] = [0, Number.NaN];
    this.forEachRun((value, times) => {
      if (before < rank) found = value;
      before += times;
    });
    return found;
  }

  /** All of them in ascending order (a view: do not change). */
  ascending(): Float64Array {
    if (this.runs.length > 0) {
      const all = new Float64Array(this.count);
      let n = 0;
      this.forEachRun((value, times) => {
        all.fill(value, n, n + times);
        n += times;
      });
      this.single = all;
      this.singles = n;
      this.runs = new Float64Array(0);
      this.times = new Float64Array(0);
    }
    this.sort();
    return this.single.subarray(0, this.singles);
  }

  /** Distinct values in ascending order with how often each occurs. */
  forEachRun(visit: (value: number, times: number) => void): void {
    this.sort();
    const { single, singles, runs, times } = this;
    for (let i = 0, k = 0; i < runs.length || k < singles; ) {
      const value = k >= singles || (i < runs.length && runs[i]! <= single[k]!) ? runs[i]! : single[k]!;
      let n = 0;
      if (runs[i] === value) n += times[i++]!;
      for (; k < singles && single[k] === value; k++) n++;
      visit(value, n);
    }
  }

  /** Joins what repeats; where too little does, gives the single values more room. */
  private makeRoom(): void {
    if (this.singles >= FEW && this.join()) return;
    const bigger = new Float64Array(Math.max(FIRST, this.single.length * 2));
    bigger.set(this.single);
    this.single = bigger;
  }

  /** False: distinct values with their counts would take more than single values do. */
  private join(): boolean {
    let distinct = 0;
    this.forEachRun(() => {
      distinct++;
    });
    if (distinct * 3 > this.count) return false;
    const runs = new Float64Array(distinct);
    const times = new Float64Array(distinct);
    let i = 0;
    this.forEachRun((value, n) => {
      runs[i] = value;
      times[i++] = n;
    });
    this.runs = runs;
    this.times = times;
    // As many as there are runs, so that joining them costs each value little.
    this.single = new Float64Array(Math.max(FEW, distinct));
    this.singles = 0;
    return true;
  }

  private sort(): void {
    if (this.sorted) return;
    this.single.subarray(0, this.singles).sort();
    this.sorted = true;
  }
}
