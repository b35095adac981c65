import { DeferredTables } from '../latency/deferred.js';
import { CallbackDelays, delayKind } from '../latency/delays.js';
import type { RcuListener } from '../replay/rcu-listener.js';
import { QueueScope } from './queue-scope.js';
import { ReaderMargins } from './reader-margins.js';

/** What is measured of tables that go through RCU: how long callbacks wait, how much memory waits, who is still in them. */
export class QueueMeasures implements RcuListener {
  readonly delays = new CallbackDelays();
  readonly deferred = new DeferredTables();
  readonly walks = new ReaderMargins();
  /** Enqueues and callbacks of page tables. */
  count = 0;
  private readonly scope: QueueScope;

  /** `hidden`: the filter, if there is one, hides the event being read. */
  constructor(filtered: boolean, hidden: () => boolean) {
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
    this.delays.ran(crTsNs, cbTsNs, known ? tables : Number.NaN, kind);
    this.deferred.ran(cbTsNs, known ? tables : Number.NaN, kind === 'batch');
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
