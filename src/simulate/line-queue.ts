/**
 * Lines of the future, smallest time first; equal times in the order of pushing. A binary heap over parallel
 * arrays: what is pending is bounded by the calls under way, not by the length of the log.
 */
export class LineQueue<T> {
  private readonly times: number[] = [];
  private readonly orders: number[] = [];
  private readonly items: T[] = [];
  private pushed = 0;

  get size(): number {
    return this.items.length;
  }

  /** Time of the first item, Infinity if there is none. */
  get nextNs(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY;
  }

  push(tsNs: number, item: T): void {
    let i = this.items.length;
    this.put(i, tsNs, this.pushed++, item);
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!this.before(i, up)) return;
      this.swap(i, up);
      i = up;
    }
  }

  /** Takes the first item out. Throws RangeError if there is none. */
  pop(): T {
    const first = this.items[0];
    if (first === undefined) throw new RangeError('empty queue');
    const last = this.items.length - 1;
    this.swap(0, last);
    this.times.pop();
    this.orders.pop();
    this.items.pop();
    let i = 0;
    for (;;) {
      let least = i;
      for (let child = 2 * i + 1; child <= 2 * i + 2; child++) {
        if (child < last && this.before(child, least)) least = child;
      }
      if (least === i) return first;
      this.swap(i, least);
      i = least;
    }
  }

  private before(i: number, j: number): boolean {
    const d = this.times[i]! - this.times[j]!;
    return d < 0 || (d === 0 && this.orders[i]! < this.orders[j]!);
  }

  private put(i: number, tsNs: number, order: number, item: T): void {
    this.times[i] = tsNs;
    this.orders[i] = order;
    this.items[i] = item;
  }

  private swap(i: number, j: number): void {
    const [t, o, item] = [this.times[i]!, this.orders[i]!, this.items[i]!];
    this.put(i, this.times[j]!, this.orders[j]!, this.items[j]!);
    this.put(j, t, o, item);
  }
}
