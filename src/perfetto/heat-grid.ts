/** Columns of time at most; there are at least half as many, once there are as many values. */
const COLUMNS = 120;

export interface HeatCell {
  readonly column: number;
  /** Exponent of the power of two that the values begin at. */
  readonly octave: number;
  readonly count: number;
}

/**
 * How often which durations occurred when: time in columns of equal width, durations in powers of two. Bounded: where
 * time outgrows the columns they are joined in pairs. Stamps and durations in one unit; they may come in any order.
 */
export class HeatGrid {
  /** The first column begins here: a multiple of its width. */
  private start = Number.NaN;
  private width = 1;
  /** By octave: counts of each column. */
  private readonly rows = new Map<number, Float64Array>();
  count = 0;

  add(at: number, duration: number): void {
    if (!(duration >= 0) || at !== at) return;
    this.count++;
    if (this.start !== this.start) this.start = at;
    while (at < this.start || at >= this.start + COLUMNS * this.width) this.widen(at);
    const octave = Math.floor(Math.log2(Math.max(1, duration)));
    let row = this.rows.get(octave);
    if (!row) this.rows.set(octave, (row = new Float64Array(COLUMNS)));
    row[Math.floor((at - this.start) / this.width)]!++;
  }

  /** Time of the first column's beginning, the width of a column, and how many columns there are. */
  get axis(): { readonly start: number; readonly width: number; readonly columns: number } {
    let columns = 0;
    for (const { column } of this.cells()) columns = Math.max(columns, column + 1);
    return { start: this.start, width: this.width, columns };
  }

  /** By octave, then by time. */
  cells(): HeatCell[] {
    return [...this.rows]
      .sort(([a], [b]) => a - b)
      .flatMap(([octave, row]) =>
        [...row].flatMap((count, column) => (count > 0 ? [{ column, octave, count }] : [])),
      );
  }

  /** Columns twice as wide; what was there stays in the half away from `at`. */
  private widen(at: number): void {
    const half = COLUMNS / 2;
    const offset = at < this.start ? half : 0;
    for (const row of this.rows.values()) {
      const old = row.slice();
      row.fill(0);
      old.forEach((count, i) => {
        const to = offset + (i >> 1);
        row[to] = row[to]! + count;
      });
    }
    if (offset > 0) this.start -= COLUMNS * this.width;
    this.width *= 2;
  }
}
