/** Page frames of the made-up machine: freed ones are used again, oldest first, never before their release. */
export class PagePool {
  private pfns: number[] = [];
  private freedNs: number[] = [];
  private head = 0;
  private fresh: number;

  constructor(firstPfn: number) {
    this.fresh = firstPfn;
  }

  take(tsNs: number): number {
    if (this.head < this.pfns.length && this.freedNs[this.head]! < tsNs) {
      const pfn = this.pfns[this.head++]!;
      if (this.head > 65_536) {
        this.pfns = this.pfns.slice(this.head);
        this.freedNs = this.freedNs.slice(this.head);
        this.head = 0;
      }
      return pfn;
    }
    return this.fresh++;
  }

  give(pfn: number, tsNs: number): void {
    this.pfns.push(pfn);
    this.freedNs.push(tsNs);
  }
}
