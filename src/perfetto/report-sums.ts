import { Distribution, MAX_DURATION_NS } from '../latency/histogram/distribution.js';
import type { Monitor } from '../replay/monitor.js';
import type { Target } from '../replay/state/table-life.js';
import { callSpans } from './call-spans.js';
import { HeatGrid } from './heat-grid.js';

/** Values kept one by one for each picture; bins from then on. */
const EXACT = 100_000;
/** Names of system calls, and pairs of CPUs, that get a picture of their own. */
const MOST_CALLS = 64;
const MOST_PAIRS = 4096;

/** Answers of one CPU to IPIs of another. */
export interface PairAnswers {
  readonly from: number;
  readonly to: number;
  /** IPI queued to the end of its handler, ns. */
  readonly answers: Distribution;
}

/** What the pictures of a report are made of, summed up while the machine runs: memory does not grow with the input. */
export class ReportSums {
  /** Durations over time of each system call, by its name. */
  readonly calls = new Map<string, HeatGrid>();
  private readonly byPair = new Map<string, PairAnswers>();
  /** Page tables: from the hand-over to the gather to the release, ns. */
  readonly lifetimes = new Distribution(EXACT);

  /** Pairs of CPUs, by sender and target. */
  pairs(): PairAnswers[] {
    return [...this.byPair.values()].sort((a, b) => a.from - b.from || a.to - b.to);
  }

  /** Listens to one capture. `funcName`: name of a system call by its id. */
  monitor(funcName: (id: number) => string): Monitor {
    return {
      ...callSpans((_task, name, fromNs, toNs) => this.called(funcName(name), fromNs, toNs)),
      flushDone: (flush) => this.answered(flush.targets),
      synced: (sync) => this.answered(sync.targets),
      tableFreed: (table, _task, _cpu, op) => {
        if (table.trSeq > 0) addTo(this.lifetimes, op.tsNs - table.trTs);
      },
    };
  }

  private called(name: string, fromNs: number, toNs: number): void {
    let grid = this.calls.get(name);
    if (!grid) {
      if (this.calls.size >= MOST_CALLS) return;
      this.calls.set(name, (grid = new HeatGrid()));
    }
    grid.add(fromNs, toNs - fromNs);
  }

  private answered(targets: readonly Target[]): void {
    for (const { from, cpu, isTs, ieTs, ixTs } of targets) {
      if (!(isTs <= ixTs && ieTs <= ixTs)) continue;
      const key = `${from} ${cpu}`;
      let pair = this.byPair.get(key);
      if (!pair) {
        if (this.byPair.size >= MOST_PAIRS) continue;
        this.byPair.set(key, (pair = { from, to: cpu, answers: new Distribution(EXACT) }));
      }
      addTo(pair.answers, ixTs - isTs);
    }
  }
}

/** A clock that jumped gives no duration. */
function addTo(distribution: Distribution, ns: number): void {
  if (ns >= 0 && ns <= MAX_DURATION_NS) distribution.add(ns);
}
