import { isTableFunc, OP, type Op, READER } from '../../kernel/ops.js';
import { BATCHES } from '../../kernel/variant-sets.js';
import { bothOrders, CLOCK, type Evidence, flips, margin, surelyBefore, w, witnesses } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Cpu, Reader } from '../state/contexts.js';
import type { Head } from '../state/table-life.js';
import type { Verdicts } from '../verdicts.js';
import { READER_NAMES } from './names.js';
import { remember, SPANS_TOO_MUCH } from './overlaps.js';
import { PROBES } from './probes.js';
import { ReaderWatch } from './reader-watch.js';
import { rule } from './rule.js';

export const cbNotInsideReader = rule({
  number: 37,
  name: 'cb-not-inside-reader',
  severity: 'S1',
  statement: 'no reader R with RB(R) ≤ CR(h) and CB(h) < RE(R)',
  why: 'this is the guarantee of RCU itself',
  source: 'Documentation/RCU/Design/Requirements; LKMM rcu-order',
  needs: [PROBES.CR, PROBES.CB, PROBES.RB],
  idle: 'no page table was queued to RCU',
  afterQueue: true,
  variants: BATCHES,
  held: 'the reader section',
  missing: 'its end, then the end of the grace period',
  words:
    'The promise seen from the reader: a section that was open at call_rcu() is over when the callback runs.',
  bugs: ['L33'],
  monitor: (evidence, verdicts) => new CbNotInsideReader(evidence, verdicts),
});

const NO_READERS =
  'no reader sections are shown: needs probes on __rcu_read_lock/__rcu_read_unlock or gup_fast_fallback';

class CbNotInsideReader implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly watch: ReaderWatch;
  /** Queued while a reader was open. */
  private readonly openAtQueue = new WeakSet<Head>();

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
    this.watch = evidence.shared(ReaderWatch);
    this.watch.join(verdicts);
  }

  queued(head: Head): void {
    if (!isTableFunc(head.func)) return;
    for (const reader of this.evidence.state.readers.values()) {
      if (reader.kind > READER.preemptoff) continue;
      this.openAtQueue.add(head);
      return;
    }
  }

  callbackRan(head: Head, _cpu: Cpu | null, op: Op): void {
    if (!isTableFunc(head.func)) return;
    const { state, coverage } = this.evidence;
    let spanned = false;
    for (const reader of state.readers.values()) {
      if (reader.seq > head.crSeq || reader.kind > READER.preemptoff) continue;
      spanned = true;
      const overlap = { what: 'callback', table: null, head, ref: op.ref, ts: op.tsNs, cpu: op.cpu } as const;
      if (!remember(reader, overlap)) this.verdicts.unknown(SPANS_TOO_MUCH, op.ref);
    }
    if (spanned) return;
    if (this.openAtQueue.has(head) && state.lossSeq <= head.crSeq) {
      this.watch.crossed(this.verdicts);
      return;
    }
    for (const seq of state.gups.values()) {
      if (seq < head.crSeq && coverage.shown(OP.RB) === 0) {
        this.verdicts.unknown('a GUP bracket spans it, which is not the IRQ-off section itself', op.ref);
        return;
      }
    }
    if (coverage.shown(OP.RB) + coverage.shown(OP.GUP) === 0)
      this.watch.unproven(this.verdicts, NO_READERS, op.ref, 1, true);
    else {
      const queued = { seq: head.crSeq, tsNs: head.crTs, cpu: head.crCpu };
      this.watch.quiet(this.verdicts, queued, { seq: state.seq, tsNs: op.tsNs, cpu: op.cpu }, op.ref);
    }
  }

  readerEnded(reader: Reader, op: Op): void {
    const { evidence, verdicts } = this;
    for (const overlap of reader.overlaps) {
      if (overlap.what !== 'callback' || !overlap.head) continue;
      const { head } = overlap;
      const known = bothOrders(
        surelyBefore(evidence, reader.ts, reader.cpu, head.crTs, head.crCpu),
        surelyBefore(evidence, overlap.ts, head.cbCpu, op.tsNs, op.cpu),
      );
      if (known === null) {
        verdicts.unknown(CLOCK, overlap.ref);
        continue;
      }
      verdicts.violated({
        message: 'a callback ran inside a reader section that began before its call_rcu',
        known,
        held: [`CPU ${reader.cpu}: a reader (${READER_NAMES[reader.kind] ?? 'unnamed'})`],
        before: overlap.ref,
        ...flips(
          margin(evidence, reader.ts, reader.cpu, head.crTs, head.crCpu),
          margin(evidence, overlap.ts, head.cbCpu, op.tsNs, op.cpu),
        ),
        events: witnesses(
          w(reader.ref, `reader begins on CPU ${reader.cpu}`),
          w(head.crRef, 'call_rcu'),
          w(overlap.ref, 'callback'),
          w(op.ref, 'reader ends'),
        ),
      });
    }
  }

  readerExpired(reader: Reader): void {
    for (const overlap of reader.overlaps) {
      if (overlap.what === 'callback') {
        this.verdicts.unknown('a reader open at the callback has no end in the trace', reader.ref);
      }
    }
  }

  end(): void {
    for (const reader of this.evidence.state.readers.values()) this.readerExpired(reader);
  }
}
