import { DeferredTables } from '../latency/deferred.js';
import { CallbackDelays, delayKind } from '../latency/delays.js';
import type { RcuListener } from '../replay/rcu-listener.js';
import type { Measured } from './measured.js';
import { QueueScope } from './queue-scope.js';
import { ReaderMargins } from './reader-margins.js';

/** What is measured of tables that go through RCU: how long callbacks wait, how much memory waits, who is still in them. */
export class QueueMeasures implements RcuListener {
  readonly delays = new CallbackDelays();
  readonly deferred = new DeferredTables();
  readonly walks: ReaderMargins;
  /** Enqueues and callbacks of page tables. */
  count = 0;
  private readonly scope: QueueScope;
  private readonly measured: Measured | undefined;

  /** `hidden`: the filter, if there is one, hides the event being read. */
  constructor(filtered: boolean, hidden: () => boolean, measured?: Measured) {
    this.measured = measured;
    this.walks = new ReaderMargins(measured);
    this.scope = new QueueScope(filtered, hidden);
  }

  queued(tsNs: number, func: number, tables: number, known: boolean): void {
    if (!this.scope.queued(tsNs)) return;
    this.count++;
    this.deferred.queued(tsNs, known ? tables : Number.NaN, delayKind(func) === 'batch');
  }

  ran(crTsNs: number, cbTsNs: number, func: number, tables: number, known: boolean): void {
    const kind = delayKind(func);
    if (!kind || !this.scope.ran(crTsNs)) return;
    this.count++;
    const freed = known ? tables : Number.NaN;
    if (this.delays.ran(crTsNs, cbTsNs, freed, kind))
      this.measured?.delay({ queuedNs: crTsNs, durationNs: cbTsNs - crTsNs, kind, tables: freed });
    this.deferred.ran(cbTsNs, freed, kind === 'batch');
  }

  censored(func: number, why: 'start' | 'end'): void {
    const kind = delayKind(func);
    if (!kind || !this.scope.censored(why)) return;
    this.count++;
    this.delays.censored(kind, why);
  }

  segment(tsNs: number): void {
    this.deferred.segment(tsNs);
  }
}
