import { OP, type Op } from '../../kernel/ops.js';
import type { Evidence } from '../evidence.js';
import { bothOrders, CLOCK, flips, LOSS, margin, order, w, witnesses } from '../evidence.js';
import { pageName } from '../rules/names.js';
import type { Instant, Section, WalkedTable } from '../state/walks.js';
import { KNOWN } from '../tally.js';

const BRACKET = 'a GUP-fast bracket lies across the release: where in it interrupts were off is not shown';
const NO_END = 'a reader in the table at its release has no end in the trace';
const UNBOUNDED =
  'a lookup returned the table, but where its section ends is not shown: needs kprobes on __rcu_read_lock and __rcu_read_unlock that miss no hit';

/**
 * I05 from lookups: every table that a walker was seen in is one instance. Tables no walker was seen in are none: that
 * a filtered probe shows nobody proves nothing.
 */
export class ReadersAtFree {
  private readonly evidence: Evidence;
  /** Released with a section open, by section: decided when it ends. */
  private readonly waiting = new Map<
    Section,
    { table: WalkedTable; at: { free: Instant; ul: Instant | null } }
  >();
  /** Released tables that are counted already, though several sections wait for them. */
  private readonly counted = new Set<Instant>();

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  released(table: WalkedTable, op: Op): void {
    const { ledger, state } = this.evidence;
    if (table.sections + table.unbounded + table.inside.length === 0) return;
    const open = table.open.filter((s) => !s.own);
    if (open.length > 0) {
      for (const section of open) {
        const at = section.released.at(-1);
        if (at) this.waiting.set(section, { table, at });
      }
    } else if (state.taskLossSeq > table.firstSeq) ledger.unknown(5, LOSS, op.ref);
    else if (table.unbounded > 0) ledger.unknown(5, UNBOUNDED, op.ref);
    else ledger.pass(5, KNOWN.observed);
  }

  sectionEnded(section: Section, op: Op): void {
    const wait = this.waiting.get(section);
    if (!wait) return;
    this.waiting.delete(section);
    const { evidence } = this;
    const { free, ul } = wait.at;
    if (section.kind === 'gup') {
      this.once(free, () => evidence.ledger.unknown(5, BRACKET, free.ref));
      return;
    }
    const { begin } = section;
    const known = bothOrders(
      order(evidence, begin.tsNs, begin.cpu, free.tsNs, free.cpu),
      order(evidence, free.tsNs, free.cpu, op.tsNs, op.cpu),
    );
    if (known === null) {
      this.once(free, () => evidence.ledger.unknown(5, CLOCK, free.ref));
      return;
    }
    this.counted.add(free);
    const after = ul !== null && begin.seq > ul.seq;
    evidence.ledger.violated(5, {
      message: `PTE table ${pageName(section.table)} was released with a walker in it${after ? ', which found it after its unlink' : ''}`,
      known,
      // Probes miss hits inside the handlers of others, which a task's own calls are never in.
      ...(section.task > 0 ? { rests: { kinds: [] } } : {}),
      held: [`CPU ${begin.cpu}: a walker in the table (rcu_read_lock)`],
      before: free.ref,
      ...flips(
        margin(evidence, begin.tsNs, begin.cpu, free.tsNs, free.cpu),
        margin(evidence, free.tsNs, free.cpu, op.tsNs, op.cpu),
      ),
      events: witnesses(
        w(begin.ref, `walker enters on CPU ${begin.cpu}`),
        w(ul?.ref ?? -1, 'unlinked'),
        w(free.ref, 'released'),
        w(op.ref, 'walker leaves'),
      ),
    });
  }

  sectionLost(section: Section): void {
    const wait = this.waiting.get(section);
    if (!wait) return;
    this.waiting.delete(section);
    this.once(wait.at.free, () => this.evidence.ledger.unknown(5, NO_END, wait.at.free.ref));
  }

  /** A lookup returns a table that is free: its page was released and has not been allocated since. */
  lookedUp(key: number, begin: Instant, op: Op): void {
    const { evidence } = this;
    const table = evidence.state.tables.get(key);
    if (!table || table.freeSeq === 0 || evidence.coverage.shown(OP.ALLOC) === 0) return;
    if (begin.seq < table.freeSeq) return;
    if (evidence.state.lossSeq > 0) {
      evidence.ledger.unknown(5, LOSS, op.ref);
      return;
    }
    const known = order(evidence, table.freeTs, table.freeCpu, begin.tsNs, begin.cpu);
    if (known === null) {
      evidence.ledger.unknown(5, CLOCK, op.ref);
      return;
    }
    evidence.ledger.violated(5, {
      message: `a walker was led into PTE table ${pageName(key)} after its release`,
      known,
      held: [`CPU ${op.cpu}: a pointer to the table`],
      before: table.freeRef,
      ...flips(margin(evidence, table.freeTs, table.freeCpu, begin.tsNs, begin.cpu)),
      assumesAllCpus: true,
      events: witnesses(w(table.trRef, 'unlinked'), w(table.freeRef, 'released'), w(op.ref, 'found')),
    });
  }

  end(): void {
    for (const section of [...this.waiting.keys()]) this.sectionLost(section);
  }

  /** One release is one instance, however many readers were in it. */
  private once(free: Instant, book: () => void): void {
    if (this.counted.has(free)) return;
    this.counted.add(free);
    book();
  }
}
