import { FUNC, OP, type Op } from '../kernel/ops.js';
import { Distribution } from '../latency/histogram/distribution.js';
import { CONTEXT } from '../timeline/flags.js';
import { isKnown } from '../timeline/is-known.js';

/** A target's answer: from the IPI being queued to the end of its handler (or, without csd events, to its invalidation). */
export interface Answer {
  readonly source: number;
  readonly target: number;
  readonly sentNs: number;
  /** Queued to handler entry. */
  readonly reachedNs: number;
  /** Queued to handler exit. */
  readonly answerNs: number;
  readonly input: number;
  /** Line of the handler's entry. */
  readonly line: number;
  /** Task that the handler interrupted, and what that CPU had last shown. */
  readonly comm: number;
  readonly pid: number;
  readonly lastEvent: number;
  readonly lastEventNs: number;
}

/** What a CPU showed before the row that is being stepped. */
export interface CpuView {
  readonly comm: number;
  readonly pid: number;
  readonly event: number;
  readonly tsNs: number;
}

interface Sent {
  readonly source: number;
  readonly tsNs: number;
  entry: { tsNs: number; input: number; line: number; view: CpuView } | null;
}

interface Flush {
  readonly beginNs: number;
  readonly cpu: number;
  readonly mm: number;
  pages: number;
  gen: number;
  lastSendNs: number;
  targets: number;
}

export interface PairTotals {
  readonly answers: Distribution;
  /** Stamps say that the answer came before the question: the clocks of the two CPUs disagree. */
  early: number;
}

/** Flushes by how many pages they were for. */
export const PAGE_CLASSES = ['1 page', '2 to 8', '9 to 33', 'more', 'all', 'not said'] as const;

const SLOWEST = 5;

/** Both sides of every TLB shootdown: the initiator's wait, and each target's answer. */
export class Shootdowns {
  readonly waits = PAGE_CLASSES.map(() => new Distribution());
  readonly targetsOf = PAGE_CLASSES.map(() => 0);
  readonly pairs = new Map<string, PairTotals>();
  readonly slowest: Answer[] = [];
  flushes = 0;
  local = 0;
  unanswered = 0;
  private readonly byThread = new Map<number, Flush>();
  private readonly byCsd = new Map<string, Sent>();
  private readonly byGen = new Map<string, Flush>();

  /** Nothing is carried over a loss or into a new capture. */
  cut(): void {
    this.unanswered += this.byCsd.size;
    this.byThread.clear();
    this.byCsd.clear();
    this.byGen.clear();
  }

  step(op: Op, row: { readonly input: number; readonly line: number }, view: CpuView): void {
    switch (op.kind) {
      case OP.FR:
        this.byThread.set(op.pid, begun(op));
        return;
      case OP.FMULTI: {
        const f = this.byThread.get(op.pid);
        if (f === undefined || inInterrupt(op)) return;
        f.gen = op.a4;
        f.lastSendNs = op.tsNs;
        if (isKnown(op.a4)) this.byGen.set(`${op.a1} ${op.a4}`, f);
        return;
      }
      case OP.TLBF: {
        const f = this.byThread.get(op.pid);
        if (f !== undefined && op.a1 === 4 && !inInterrupt(op))
          f.pages = op.a0 < 0 ? Number.POSITIVE_INFINITY : op.a0;
        return;
      }
      case OP.IS:
        this.sent(op);
        return;
      case OP.IE:
        this.reached(op, row, view);
        return;
      case OP.IX:
        this.answered(op);
        return;
      case OP.INV:
        this.invalidated(op, row, view);
        return;
      case OP.FD:
        this.done(op);
        return;
    }
  }

  private sent(op: Op): void {
    const f = this.byThread.get(op.pid);
    if (f === undefined || op.a1 !== FUNC.flush_tlb_func || inInterrupt(op)) return;
    f.lastSendNs = op.tsNs;
    f.targets++;
    const key = `${op.a0} ${op.a2}`;
    if (this.byCsd.has(key)) this.unanswered++;
    this.byCsd.set(key, { source: op.cpu, tsNs: op.tsNs, entry: null });
  }

  private reached(op: Op, { input, line }: { input: number; line: number }, view: CpuView): void {
    const sent = this.byCsd.get(`${op.cpu} ${op.a2}`);
    if (sent !== undefined && op.a1 === FUNC.flush_tlb_func)
      sent.entry = { tsNs: op.tsNs, input, line, view };
  }

  private answered(op: Op): void {
    const key = `${op.cpu} ${op.a2}`;
    const sent = this.byCsd.get(key);
    if (sent?.entry == null) return;
    this.byCsd.delete(key);
    this.take(sent.source, op.cpu, sent.tsNs, sent.entry.tsNs, op.tsNs, sent.entry, sent.entry.view);
  }

  /** Kernels without csd events: the invalidation itself is the answer, known by its mm and generation. */
  private invalidated(op: Op, row: { input: number; line: number }, view: CpuView): void {
    const f = this.byGen.get(`${op.a1} ${op.a4}`);
    if (f === undefined || f.targets > 0 || f.cpu === op.cpu) return;
    this.take(f.cpu, op.cpu, f.lastSendNs, op.tsNs, op.tsNs, row, view);
  }

  private take(
    source: number,
    target: number,
    sentNs: number,
    entryNs: number,
    exitNs: number,
    at: { readonly input: number; readonly line: number },
    view: CpuView,
  ): void {
    const key = `${source} ${target}`;
    let pair = this.pairs.get(key);
    if (pair === undefined) this.pairs.set(key, (pair = { answers: new Distribution(), early: 0 }));
    if (exitNs < sentNs || entryNs < sentNs) {
      pair.early++;
      return;
    }
    const answerNs = exitNs - sentNs;
    pair.answers.add(answerNs);
    const least = this.slowest.at(-1);
    if (this.slowest.length >= SLOWEST && least !== undefined && answerNs <= least.answerNs) return;
    this.slowest.push({
      source,
      target,
      sentNs,
      reachedNs: entryNs - sentNs,
      answerNs,
      input: at.input,
      line: at.line,
      comm: view.comm,
      pid: view.pid,
      lastEvent: view.event,
      lastEventNs: view.tsNs,
    });
    this.slowest.sort((x, y) => y.answerNs - x.answerNs || x.sentNs - y.sentNs);
    if (this.slowest.length > SLOWEST) this.slowest.pop();
  }

  private done(op: Op): void {
    const f = this.byThread.get(op.pid);
    if (f === undefined || inInterrupt(op)) return;
    this.byThread.delete(op.pid);
    this.byGen.delete(`${f.mm} ${f.gen}`);
    this.flushes++;
    const remote = f.targets > 0 || isKnown(f.gen);
    if (!remote) {
      this.local++;
      return;
    }
    const k = pageClass(f.pages);
    this.targetsOf[k]! += f.targets;
    const wait = op.tsNs - f.lastSendNs;
    if (wait >= 0) this.waits[k]!.add(wait);
  }
}

const inInterrupt = (op: Op): boolean => op.context !== CONTEXT.task && op.context !== CONTEXT.unknown;

function begun(op: Op): Flush {
  // All of 64 bits are one less than a multiple of the page size, cut to 53 bits too.
  const all = op.a1 === 0 && op.a2 >= 2 ** 52;
  const pages = all ? Number.POSITIVE_INFINITY : Math.ceil((op.a2 - op.a1) / 4096);
  return {
    beginNs: op.tsNs,
    cpu: op.cpu,
    mm: op.a0,
    pages,
    gen: Number.NaN,
    lastSendNs: op.tsNs,
    targets: 0,
  };
}

function pageClass(pages: number): number {
  if (!(pages > 0)) return 5;
  if (pages === Number.POSITIVE_INFINITY) return 4;
  return pages <= 1 ? 0 : pages <= 8 ? 1 : pages <= 33 ? 2 : 3;
}
