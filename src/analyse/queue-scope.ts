/**
 * Which hand-overs to RCU a filter lets through: those whose enqueue it shows, with their callbacks, wherever and under
 * whose name these run.
 */
export class QueueScope {
  private readonly filtered: boolean;
  private readonly hidden: () => boolean;
  /** Enqueues inside that have not been called back: how many, by stamp (ns). */
  private readonly waiting = new Map<number, number>();
  private left = 0;

  constructor(filtered: boolean, hidden: () => boolean) {
    this.filtered = filtered;
    this.hidden = hidden;
  }

  queued(tsNs: number): boolean {
    if (!this.filtered) return true;
    if (this.hidden()) return false;
    this.waiting.set(tsNs, (this.waiting.get(tsNs) ?? 0) + 1);
    this.left++;
    return true;
  }

  ran(crTsNs: number): boolean {
    if (!this.filtered) return true;
    const n = this.waiting.get(crTsNs) ?? 0;
    if (n === 0) return false;
    if (n === 1) this.waiting.delete(crTsNs);
    else this.waiting.set(crTsNs, n - 1);
    this.left--;
    return true;
  }

  censored(why: 'start' | 'end'): boolean {
    if (!this.filtered) return true;
    if (why === 'start') return !this.hidden();
    if (this.left === 0) return false;
    this.left--;
    return true;
  }
}
