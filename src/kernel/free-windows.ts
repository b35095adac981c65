import { baseFrom, Poll } from './base-poll.js';
import { PAGE, STRUCT_PAGE } from './bases.js';

const MAX_BATCHES = 4096;
const MAX_WINDOW = 640;

/** Tables that a CPU's callbacks or a task's gather is about to free, by struct page and by address, and the frees seen since. */
interface Window {
  pages: number[];
  vas: number[];
  frees: number[];
}
const emptyWindow = (): Window => ({ pages: [], vas: [], frees: [] });

/** Tables of gathers against the frees that follow: wrong bases do not repeat from window to window. */
export class FreeWindows {
  readonly pagePoll = new Poll('tables of gathers with the frees that follow', 12);
  readonly vaPoll = new Poll('directly mapped tables of gathers with the frees that follow', 12);
  /** By thread. */
  private readonly tasks = new Map<number, Window>();
  /** By CPU: tables handed to RCU, until a softirq frees them. */
  private readonly deferred = new Map<number, Window>();
  /** Tables of a batch in the order they were appended, by head, for callbacks that print no tables. */
  private readonly batches = new Map<number, number[]>();

  gatherBegins(tid: number): void {
    this.tasks.set(tid, emptyWindow());
  }

  gatherEnds(tid: number): void {
    const w = this.tasks.get(tid);
    if (w) this.settle(w);
    this.tasks.delete(tid);
  }

  /** A window of the task is open from now on, even where its gather's begin was not seen. */
  open(tid: number): void {
    this.window(tid);
  }

  removedPage(tid: number, page: number): void {
    push(this.window(tid).pages, page);
  }

  removedVa(tid: number, va: number): void {
    push(this.window(tid).vas, va);
  }

  appended(tid: number, page: number): void {
    const w = this.window(tid);
    if (w.pages.at(-1) !== page) push(w.pages, page);
  }

  /** The batch with this head leaves the gather: from now on its tables are freed by a callback on this CPU. */
  queued(tid: number, cpu: number, head: number): void {
    const w = this.window(tid);
    let d = this.deferred.get(cpu);
    if (!d) this.deferred.set(cpu, (d = emptyWindow()));
    for (const p of w.pages) push(d.pages, p);
    push(d.vas, head);
    if (this.batches.size < MAX_BATCHES) this.batches.set(head, w.pages);
    w.pages = [];
    w.vas = [];
  }

  /** Tables appended to the batch with this head, whose callback runs; undefined: it was not seen being queued. */
  takeBatch(head: number): number[] | undefined {
    const tables = this.batches.get(head);
    this.batches.delete(head);
    return tables;
  }

  freedInSoftirq(cpu: number, pfn: number): void {
    const d = this.deferred.get(cpu);
    if (!d) return;
    push(d.frees, pfn);
    if (d.frees.length >= d.pages.length + d.vas.length) this.callbackEnds(cpu);
  }

  freedByTask(tid: number, pfn: number): void {
    const w = this.tasks.get(tid);
    if (w) push(w.frees, pfn);
  }

  /** By the task if it gathers, else by what runs on the CPU. */
  freedSomewhere(tid: number, cpu: number, pfn: number): void {
    const w = this.tasks.get(tid) ?? this.deferred.get(cpu);
    if (w) push(w.frees, pfn);
  }

  callbackEnds(cpu: number): void {
    const d = this.deferred.get(cpu);
    if (!d || d.frees.length === 0) return;
    this.settle(d);
    this.deferred.delete(cpu);
  }

  forget(): void {
    this.tasks.clear();
    this.deferred.clear();
    this.batches.clear();
  }

  private window(tid: number): Window {
    let w = this.tasks.get(tid);
    if (!w) this.tasks.set(tid, (w = emptyWindow()));
    return w;
  }

  /** Every table against every free of its window. */
  private settle(w: Window): void {
    for (const page of w.pages) {
      for (const pfn of w.frees) this.pagePoll.vote(baseFrom(page, STRUCT_PAGE, pfn), page);
    }
    for (const va of w.vas) {
      for (const pfn of w.frees) this.vaPoll.vote(baseFrom(va, PAGE, pfn), va);
    }
  }
}

function push(list: number[], value: number): void {
  if (list.length < MAX_WINDOW) list.push(value);
}
