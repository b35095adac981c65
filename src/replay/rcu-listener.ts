import { isTableFunc } from '../kernel/ops.js';
import type { Evidence } from './evidence.js';
import type { Monitor } from './monitor.js';
import type { WalkListener } from './walks/walk-monitors.js';

/** Told of every callback and enqueue of page tables: latency and deferred memory are measured from this. */
export interface RcuListener {
  queued(tsNs: number, func: number, tables: number, tablesKnown: boolean): void;
  ran(crTsNs: number, cbTsNs: number, func: number, tables: number, tablesKnown: boolean): void;
  /** `start`: a callback whose enqueue lies before the trace; `end`: an enqueue whose callback lies after it. */
  censored(func: number, why: 'start' | 'end'): void;
  /** A new capture starts: nothing pending can be followed into it. */
  segment(tsNs: number): void;
  /** Who was in which page table. */
  readonly walks?: WalkListener;
}

export const listening = (evidence: Evidence, listener: RcuListener): Monitor => ({
  queued({ crTs, func, tables, tablesKnown }) {
    if (isTableFunc(func)) listener.queued(crTs, func, tables.length, tablesKnown);
  },
  callbackRan({ crTs, cbTs, func, tables, tablesKnown }) {
    if (isTableFunc(func)) listener.ran(crTs, cbTs, func, tables.length, tablesKnown);
  },
  callbackUnmatched(previous, _cpu, op) {
    if (!previous && isTableFunc(op.a1)) listener.censored(op.a1, 'start');
  },
  end() {
    for (const cpu of evidence.state.cpus) {
      for (const head of cpu.fifo) if (isTableFunc(head.func)) listener.censored(head.func, 'end');
    }
  },
});
