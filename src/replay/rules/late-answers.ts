import { CLOCK, type Evidence } from '../evidence.js';
import type { Flush } from '../state/table-life.js';
import type { Violation } from '../tally.js';
import type { Verdicts } from '../verdicts.js';

/** Late answers kept of one pair of CPUs. */
const MAX_LATE = 64;
/** In time, for each late one, before the clocks are taken to agree (tried on skewed recordings: 16 are too few). */
const IN_TIME = 32;

interface Pair {
  readonly sender: number;
  readonly target: number;
  /** Broadcasts whose last answer came from this CPU, before the sender returned. */
  inTime: number;
  late: { violation: Violation; at: number; hidden: boolean }[];
  moreLate: number;
}

/**
 * Answers stamped after the return of the flush that waited for them, by no more than the clocks of the two CPUs
 * may be apart. A clock that is ahead makes many answers late, a kernel that once did not wait few of many: so
 * they are judged at the end of the capture, by how many broadcasts were answered in time. One clock alone may be off,
 * that of whoever answers or of whoever asks: only broadcasts of the same CPU tell of it.
 */
export class LateAnswers {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private pairs = new Map<string, Pair>();

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  returned(flush: Flush): void {
    let last = flush.targets[0]!;
    for (const target of flush.targets) {
      if (target.ixRef < 0) return;
      if (target.ixTs > last.ixTs) last = target;
    }
    this.pair(flush.cpu, last.cpu).inTime++;
  }

  late(flush: Flush, cpu: number, violation: Violation): void {
    const { now, hidden } = this.evidence.ledger;
    const pair = this.pair(flush.cpu, cpu);
    if (pair.late.length < MAX_LATE) pair.late.push({ violation, at: now, hidden });
    else pair.moreLate++;
  }

  end(): void {
    const { ledger } = this.evidence;
    const { hidden } = ledger;
    const asTarget = new Tallies();
    const asSender = new Tallies();
    for (const pair of this.pairs.values()) {
      asTarget.add(pair.target, pair);
      asSender.add(pair.sender, pair);
    }
    for (const pair of this.pairs.values()) {
      const agree = asTarget.agree(pair.target) && asSender.agree(pair.sender);
      for (const { violation, at, hidden: was } of pair.late) {
        ledger.hidden = was;
        if (agree) this.verdicts.violated(violation, at);
        else this.verdicts.unknown(CLOCK, violation.events.at(-1)?.ref ?? -1);
      }
      if (pair.moreLate > 0) this.verdicts.unknown(CLOCK, -1, pair.moreLate);
    }
    ledger.hidden = hidden;
    this.pairs = new Map();
  }

  private pair(sender: number, target: number): Pair {
    const key = `${sender}:${target}`;
    let pair = this.pairs.get(key);
    if (!pair) this.pairs.set(key, (pair = { sender, target, inTime: 0, late: [], moreLate: 0 }));
    return pair;
  }
}

/** Broadcasts answered in time and late, by CPU. */
class Tallies {
  private readonly byCpu = new Map<number, { inTime: number; late: number }>();

  add(cpu: number, { inTime, late, moreLate }: Pair): void {
    const of = this.byCpu.get(cpu) ?? { inTime: 0, late: 0 };
    of.inTime += inTime;
    of.late += late.length + moreLate;
    this.byCpu.set(cpu, of);
  }

  /** Too few are late for this CPU's clock to be off. */
  agree(cpu: number): boolean {
    const of = this.byCpu.get(cpu);
    return of !== undefined && of.late * IN_TIME <= of.inTime;
  }
}
