import { CALLBACK } from '../../kernel/operands.js';
import { isTableFunc, OP, type Op } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { absent, type Evidence, LOSS, lostSince, w, witnesses } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Cpu } from '../state/contexts.js';
import { mayBeUnnamed } from '../state/queued-funcs.js';
import { type Head, LIFE } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const cbExactlyOnce = rule({
  number: 38,
  name: 'cb-exactly-once',
  severity: 'S1',
  statement: 'every CB has exactly one earlier unmatched CR; every CR has a CB or is open at the end',
  why: 'a lost callback leaks tables, a repeated one frees them twice',
  source: 'kernel/rcu/tree.c rcu_do_batch()',
  needs: [PROBES.CR],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'RCU: the head is pending on the list of the CPU that queued it',
  missing: 'exactly one callback for each call_rcu()',
  words:
    'One call, one callback. A callback that never comes leaks its tables; one that comes twice frees them twice.',
  bugs: ['L32'],
  monitor: (evidence, verdicts) => new CbExactlyOnce(evidence, verdicts),
});

const UNNAMED =
  'callbacks were queued whose function is not known by name (an address, or nothing, is printed): this may be one of them';

class CbExactlyOnce implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  /** A callback ran away from its enqueuing CPU: callbacks are offloaded, so per-CPU order says less. */
  private offloaded = false;
  /** By CPU: step at which the head that has run there last was queued. */
  private readonly ranOf: number[] = [];

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  callbackRan(head: Head, cpu: Cpu | null, op: Op): void {
    if (cpu && head.crSeq > 0) this.ranOf[cpu.id] = head.crSeq;
    if (isTableFunc(head.func)) this.verdicts.pass(head.ran === 1 ? KNOWN.observed : KNOWN.inferred);
    if (head.crCpu >= 0 && op.cpu >= 0 && head.crCpu !== op.cpu) this.offloaded = true;
  }

  /** A callback without an unmatched enqueue. */
  callbackUnmatched(previous: Head | null, cpu: Cpu | null, op: Op): void {
    const { evidence, verdicts } = this;
    if (!isTableFunc(CALLBACK.func(op))) return;
    if (!previous && mayBeUnnamed(evidence.state, CALLBACK.func(op))) {
      verdicts.unknown(UNNAMED, op.ref);
      return;
    }
    if (!previous) {
      // Heads queued before the capture run first (per-CPU order); after a head whose enqueue is in the trace has
      // run on this CPU, an unmatched one cannot be of that kind.
      if (!cpu || cpu.matchedSeq === 0 || this.offloaded || evidence.state.lossSeq > 0) {
        verdicts.censored();
        return;
      }
    }
    absent(
      evidence,
      verdicts,
      {
        kinds: [OP.CR],
        cpu: op.cpu,
        since: previous ? previous.cbSeq : (cpu?.matchedSeq ?? 0),
        probe: 'the call_rcu probe',
      },
      {
        message: previous ? 'a callback ran twice for one call_rcu' : 'a callback ran that was never queued',
        severity: 'S1',
        // They run in the order in which they were queued: this one was, if at all, behind the last.
        rests: { since: previous ? previous.cbSeq : (cpu && this.ranOf[cpu.id]) || 0 },
        events: witnesses(
          w(previous?.crRef ?? -1, 'call_rcu'),
          w(previous?.cbRef ?? -1, 'callback'),
          w(op.ref, previous ? 'callback again' : 'callback'),
        ),
      },
    );
  }

  /** The memory of a pending head is in use again: its callback must have run, or its tables leak. */
  headReused(head: Head, op: Op): void {
    const { coverage } = this.evidence;
    if (!isTableFunc(head.func)) return;
    if (lostSince(this.evidence, head.crSeq)) this.verdicts.unknown(LOSS, op.ref);
    else if (coverage.shown(OP.CB) + coverage.shown(OP.RI) === 0) {
      this.verdicts.unknown('callbacks have no probe in this trace', op.ref);
    } else if (coverage.shown(OP.FREE) > 0) {
      this.verdicts.violated({
        message:
          'a page of a queued callback is in use again, but the callback was not seen nor its tables released',
        known: KNOWN.absence,
        assumesAllCpus: true,
        severity: 'S3',
        events: witnesses(w(head.crRef, 'call_rcu'), w(op.ref, 'its page is in use again')),
      });
    }
  }

  queuedTwice(head: Head): void {
    if (isTableFunc(head.func) && head.overtakenBy) this.neverRan(head, head.overtakenBy);
  }

  end(): void {
    for (const cpu of this.evidence.state.cpus) {
      for (const head of cpu.fifo) {
        if (!isTableFunc(head.func)) continue;
        if (head.overtakenBy === null) this.verdicts.censored();
        else this.neverRan(head, head.overtakenBy);
      }
    }
  }

  /** An enqueue whose turn came and went: younger heads of the same CPU have run. */
  private neverRan(head: Head, younger: Head): void {
    const { evidence, verdicts } = this;
    const tablesHeld =
      head.tablesKnown &&
      head.tables.length > 0 &&
      head.tables.every((t) => t.life !== LIFE.freed && t.key >= 0);
    if (lostSince(evidence, head.crSeq)) verdicts.unknown(LOSS, head.crRef);
    else if (tablesHeld && evidence.coverage.firedOn(OP.FREE, head.crCpu) && !this.offloaded) {
      verdicts.violated({
        message: `the callback of this call_rcu never ran although younger ones of CPU ${head.crCpu} did`,
        known: KNOWN.absence,
        assumesAllCpus: true,
        severity: 'S3',
        events: witnesses(
          w(head.crRef, 'call_rcu'),
          w(younger.crRef, 'younger call_rcu'),
          w(younger.cbRef, 'younger callback'),
        ),
      });
    } else verdicts.unknown('its callback is not shown (probe missing or skipped)', head.crRef);
  }
}
