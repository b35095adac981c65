import { RCU_BATCH } from '../../kernel/operands.js';
import { isTableFunc, OP, type Op } from '../../kernel/ops.js';
import type { Evidence } from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import { notReleased, showsItsFrees } from '../rules/callback-frees.js';
import { noDoubleCallRcu } from '../rules/no-double-call-rcu.js';
import { removeOnce } from '../rules/remove-once.js';
import type { Cpu } from '../state/contexts.js';
import type { Head, Table } from '../state/table-life.js';
import type { Moment, Window } from './doubtful.js';
import { doubtful } from './probe-firings.js';

/** Tables that a callback left, at most remembered. */
const MOST = 4096;

const NOT_RELEASED =
  'the callback did not release a table here that is allocated again later: the line of its release is missing';
const NOT_INVOKED =
  'rcu_batch_end counts more callbacks here than are shown to be invoked: a line of rcu_invoke_callback is missing';

/** One batch of RCU callbacks of a CPU. */
interface Batch {
  readonly from: Moment;
  shown: number;
}

/** Callbacks, and what they release, of which other lines show that they were left out, without a loss that is told. */
export class UnseenReleases implements Monitor {
  private readonly evidence: Evidence;
  /** By page: the callback that was to release it. */
  private readonly left = new Map<number, Window>();
  private readonly releases: Window[] = [];
  private readonly batches: (Batch | undefined)[] = [];
  private readonly invocations: Window[] = [];

  /** kernel/rcu/tree.c rcu_do_batch(): rcu_invoke_callback for each, rcu_batch_end with their number. */
  readonly on: OpListeners = {
    [OP.BATCH]: (op) => {
      if (op.cpu >= 0) this.batches[op.cpu] = { from: this.momentOf(op), shown: 0 };
    },
    [OP.RI]: (op) => {
      const batch = this.batches[op.cpu];
      if (batch) batch.shown++;
    },
    [OP.BATCHE]: (op) => {
      const batch = this.batches[op.cpu];
      this.batches[op.cpu] = undefined;
      if (batch && RCU_BATCH.invoked(op) > batch.shown)
        doubtful(this.invocations, { from: batch.from, to: this.momentOf(op) });
    },
  };

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  callbackOver(head: Head, _cpu: Cpu, op: Op): void {
    if (!isTableFunc(head.func) || !showsItsFrees(head)) return;
    const { tables } = this.evidence.state;
    for (const key of notReleased(this.evidence, head)) {
      // Released before its hand-over: that is what allows its page to be allocated.
      if (tables.get(key)?.freedBeforeTr) continue;
      const to = this.momentOf(op);
      if (this.left.size < MOST)
        this.left.set(key, { from: { event: to.event - 1, seq: head.cbSeq, ref: head.cbRef }, to });
    }
  }

  /** What nobody released the allocator cannot give away. */
  tableReused(table: Table): void {
    const window = this.left.get(table.key);
    if (!window) return;
    this.left.delete(table.key);
    doubtful(this.releases, window);
  }

  end(): void {
    const { ledger, exactClock } = this.evidence;
    // What a model writes is all that happens in it.
    if (exactClock) return;
    if (this.releases.length > 0)
      ledger.missed(removeOnce.number, NOT_RELEASED, new Set([OP.FREE]), this.releases);
    if (this.invocations.length > 0)
      ledger.missed(noDoubleCallRcu.number, NOT_INVOKED, new Set([OP.RI]), this.invocations);
  }

  private momentOf(op: Op): Moment {
    const { ledger, state } = this.evidence;
    return { event: ledger.now, seq: state.seq, ref: op.ref };
  }
}
