import { DeferredTables } from '../latency/deferred.js';
import { type Random, seededRandom } from '../latency/statistics/resampling.js';
import type { DeferredReport } from '../result/types.js';
import { firstIndex } from '../timeline/first-index.js';
import { isKnown } from '../timeline/is-known.js';
import type { TimeBase } from '../timeline/time-base.js';
import type { CallbackClock } from './callback-clock.js';
import { type CostModel, drawSum } from './costs.js';
import { type GatherRec, PHASE, type Recorded, type SpanRec } from './recorded.js';
import { type Change, type Term, valuesOf } from './transform.js';

/** One duration under the other variant: what stays, and what is drawn. */
export interface Job {
  readonly oldNs: number;
  /** Of it: before the first table and in flushes, where kernels run the same code. */
  readonly sharedNs: number;
  readonly keepNs: number;
  readonly terms: readonly Term[];
}

export interface Series {
  readonly name: string;
  readonly what: string;
  readonly jobs: readonly Job[];
}

/** A hand-over of tables to RCU: when, where, how many, in a batch page or alone. */
export interface HandOver {
  readonly gather: number;
  /** Indices into the gather's tables. */
  readonly members: readonly number[];
  readonly cpu: number;
  readonly queuedNs: number;
  readonly ranNs: number;
  readonly tables: number;
  readonly batch: boolean;
}

export function handOvers(
  gathers: readonly GatherRec[],
  changes: readonly (Change | null)[],
  which: 'from' | 'to',
  clock: CallbackClock,
): HandOver[] {
  const out: HandOver[] = [];
  gathers.forEach((g, i) => {
    const plan = changes[i]?.[which];
    if (!plan) return;
    const batches: number[][] = Array.from({ length: plan.batchCalls }, () => []);
    let calls = 0;
    const add = (members: readonly number[], batch: boolean): void => {
      const queuedNs = g.callNs[calls++] ?? g.handNs;
      const ranNs = clock.startOf(g.cpu, queuedNs);
      out.push({ gather: i, members, cpu: g.cpu, queuedNs, ranNs, tables: members.length, batch });
    };
    plan.fates.forEach((fate, k) => {
      if (fate === 'single') add([k], false);
      else if (typeof fate === 'number') batches[fate]!.push(k);
    });
    for (const members of batches) add(members, true);
  });
  return out;
}

export function deferredOf(hands: readonly HandOver[], time: TimeBase): DeferredReport {
  const moves = hands.flatMap((h) => [
    { ns: h.queuedNs, h, queued: true },
    { ns: h.ranNs, h, queued: false },
  ]);
  moves.sort((a, b) => a.ns - b.ns || Number(b.queued) - Number(a.queued));
  const deferred = new DeferredTables();
  for (const { ns, h, queued } of moves) {
    if (queued) deferred.queued(ns, h.tables, h.batch);
    else deferred.ran(ns, h.tables, h.batch);
  }
  return deferred.report(time);
}

/** Callbacks that the variant adds: they run on whatever their CPU was doing. */
function landed(spans: readonly SpanRec[], added: readonly HandOver[]): Map<number, number> {
  const byCpu = new Map<number, number[]>();
  spans.forEach((s, i) => {
    const list = byCpu.get(s.cpu);
    if (list) list.push(i);
    else byCpu.set(s.cpu, [i]);
  });
  for (const list of byCpu.values()) list.sort((a, b) => spans[a]!.startNs - spans[b]!.startNs);
  const tables = new Map<number, number>();
  for (const h of added) {
    const list = byCpu.get(h.cpu);
    if (!list) continue;
    const i = list[firstIndex(list.length, (k) => spans[list[k]!]!.startNs <= h.ranNs) - 1] ?? -1;
    const span = spans[i];
    if (!span || span.endNs <= h.ranNs || waits(span, h.ranNs)) continue;
    tables.set(i, (tables.get(i) ?? 0) + h.tables);
  }
  return tables;
}

function waits(span: SpanRec, ns: number): boolean {
  for (let i = 0; i < span.waits.length; i += 2) {
    if (ns >= span.waits[i]! && ns < span.waits[i + 1]!) return true;
  }
  return false;
}

/** Durations of the syscall, and of the gathers of processes that end, as jobs. */
export function seriesOf(
  recorded: Recorded,
  syscall: string,
  changes: readonly (Change | null)[],
  before: readonly HandOver[],
  after: readonly HandOver[],
): Series[] {
  const gone = before.length > 0 && after.length === 0;
  const tables = before.length === 0 ? landed(recorded.spans, after) : new Map<number, number>();
  const jobs = recorded.spans.map((s, i): Job => {
    const mine = s.gathers.map((g) => changes[g]).filter((c): c is Change => c != null);
    const terms = mine.flatMap((c) => c.terms);
    const extra = tables.get(i);
    const removed = mine.reduce((sum, c) => sum + c.removedNs, 0) + (gone ? s.callbackNs : 0);
    const oldNs = s.endNs - s.startNs;
    return {
      oldNs,
      sharedNs: s.gathers.reduce((sum, g) => sum + sharedOf(recorded.gathers[g]!, s.startNs), 0),
      keepNs: oldNs - removed,
      terms: extra ? [...terms, { cost: 'callbackTable', n: extra, targets: 0 }] : terms,
    };
  });
  const exits: Job[] = [];
  recorded.gathers.forEach((g, i) => {
    const c = changes[i];
    if (!g.fullmm || g.span >= 0 || !c || !isKnown(g.endNs)) return;
    const oldNs = g.endNs - g.beginNs;
    exits.push({ oldNs, sharedNs: sharedOf(g, g.beginNs), keepNs: oldNs - c.removedNs, terms: c.terms });
  });
  const out: Series[] = [{ name: syscall, what: `${syscall}() from entry to exit`, jobs }];
  if (exits.length > 0) {
    out.push({
      name: 'exit_mmap',
      what: 'tlb_gather_mmu_fullmm() to the return of tlb_finish_mmu(), of address spaces that end',
      jobs: exits,
    });
  }
  return out;
}

function sharedOf(g: GatherRec, startNs: number): number {
  if (g.levels.length === 0) return 0;
  const flushes = g.flushes.filter((f) => f.phase !== PHASE.zap).reduce((sum, f) => sum + f.ns, 0);
  return g.firstNs - startNs + flushes;
}

/** One possible run: each job's terms drawn once. */
export function realise(
  jobs: readonly Job[],
  model: CostModel,
  random: Random,
  pick: Pick = valuesOf,
): Float64Array {
  const out = new Float64Array(jobs.length);
  for (let i = 0; i < jobs.length; i++) {
    const job = jobs[i]!;
    let ns = job.keepNs;
    for (const term of job.terms) {
      const { values, prior } = pick(term, model);
      const sum = drawSum(Math.abs(term.n), values, prior, random);
      ns += term.n < 0 ? -sum : sum;
    }
    out[i] = Math.max(0, ns);
  }
  return out;
}

type Pick = typeof valuesOf;

/** Costs as another recording of the same machine might have given them: their samples drawn again. */
export function resampled(random: Random): Pick {
  const again = new Map<readonly number[], readonly number[]>();
  return (term, model) => {
    const { values, prior } = valuesOf(term, model);
    if (prior) {
      // One value of the range for the whole run: that it is unknown is the larger error.
      let one = again.get(values);
      if (!one) {
        const v = values[0]! + (values[1]! - values[0]!) * random();
        again.set(values, (one = [v, v]));
      }
      return { values: one, prior };
    }
    let drawn = again.get(values);
    if (!drawn) {
      drawn = values.map(() => values[Math.floor(random() * values.length)]!);
      again.set(values, drawn);
    }
    return { values: drawn, prior };
  };
}

export const SEED = 0x7072;
const MOST_VALUES = 200_000;

/** Several possible runs in one sample; exactly the recorded durations, once, when nothing is drawn. */
export function pool(jobs: readonly Job[], model: CostModel): Float64Array {
  const drawn = jobs.some((j) => j.terms.length > 0);
  const runs = drawn ? Math.max(1, Math.min(20, Math.floor(MOST_VALUES / Math.max(1, jobs.length)))) : 1;
  const random = seededRandom(SEED);
  const all = new Float64Array(runs * jobs.length);
  for (let r = 0; r < runs; r++) all.set(realise(jobs, model, random), r * jobs.length);
  return all;
}
