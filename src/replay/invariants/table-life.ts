import { FUNC, LEVEL_NAMES, OP, type Op } from '../../kernel/ops.js';
import { CONTEXT } from '../../timeline/flags.js';
import { KNOWN } from '../ledger.js';
import { type Cpu, type Head, LIFE, type Reader, type Table, type Task } from '../state.js';
import {
  absent,
  bothOrders,
  CLOCK,
  type Court,
  flips,
  LOSS,
  lostSince,
  margin,
  order,
  w,
  witnesses,
} from './court.js';

/** By `READER`. */
export const READER_NAMES = ['interrupts off', 'rcu_read_lock', 'preemption off', 'a lock', 'hardware'];

/**
 * Life of a table: I01 unlink-before-free, I04 free-after-callback, I05 no-reader-at-free, I12 remove-once.
 * Source of the rules: include/asm-generic/tlb.h ("unhook, invalidate, free"), mm/mmu_gather.c.
 */
export class TableLifeFamily {
  private readonly court: Court;
  /** Named reader sections of a table that ended before it was freed. */
  private readonly reads = new Map<number, number>();

  constructor(court: Court) {
    this.court = court;
  }

  freed(table: Table, task: Task, cpu: Cpu | null, op: Op): void {
    if (table.trSeq > 0) {
      const { ledger } = this.court;
      ledger.pass(1, table.ulRef >= 0 ? KNOWN.observed : KNOWN.inferred);
      // Once and only once: another hand-over or release may have been among what was lost.
      if (lostSince(this.court, table.trSeq)) ledger.unknown(12, LOSS, op.ref);
      else ledger.pass(12, KNOWN.observed);
      this.readersAtFree(table, op);
    }
    if (table.head) this.callbackFirst(table, task, cpu, op);
  }

  /** I04: mm/mmu_gather.c __tlb_remove_table_free() is the only place that may release a queued table. */
  private callbackFirst(table: Table, task: Task, cpu: Cpu | null, op: Op): void {
    const { ledger } = this.court;
    const head = table.head!;
    if (head.ran === 1) {
      const inside = cpu !== null && cpu.callback === head && cpu.callbackTask === task.key;
      ledger.pass(4, inside ? KNOWN.observed : KNOWN.inferred);
    } else if (head.ran === 2) ledger.pass(4, KNOWN.inferred);
    else if (head.stale) {
      ledger.unknown(4, 'its callback was not seen, and another page of its batch is in use again', op.ref);
    } else if (op.context === CONTEXT.unknown) {
      ledger.unknown(4, 'the lines have no flags column, so task and softirq context look alike', op.ref);
    } else if (lostSince(this.court, head.crSeq)) ledger.unknown(4, LOSS, op.ref);
    else {
      ledger.violated(4, {
        message: `${levelName(table)} table ${pageName(table.key)} was released in task context while its call_rcu was pending`,
        known: KNOWN.observed,
        held: [`RCU: the head, pending on the callback list of CPU ${head.crCpu}`],
        events: witnesses(
          w(table.trRef, 'unlinked and handed over'),
          w(head.crRef, 'call_rcu'),
          w(op.ref, 'released, no callback yet'),
        ),
      });
    }
  }

  /** A callback whose table frees were taken as proof that it had run starts only now: those frees came early. */
  callbackAfterInferred(tables: readonly Table[], callRcuRef: number, op: Op): void {
    const { ledger } = this.court;
    for (const table of tables) {
      if (table.freeSeq === 0) continue;
      ledger.revoke(4, KNOWN.inferred);
      const known = order(this.court, table.freeTs, table.freeCpu, op.tsNs, op.cpu);
      if (known === null) {
        ledger.unknown(4, CLOCK, table.freeRef);
        continue;
      }
      ledger.violated(4, {
        message: `${levelName(table)} table ${pageName(table.key)} was released before its RCU callback ran`,
        known,
        before: table.freeRef,
        ...flips(margin(this.court, table.freeTs, table.freeCpu, op.tsNs, op.cpu)),
        events: witnesses(
          w(callRcuRef, 'call_rcu'),
          w(table.freeRef, 'released'),
          w(op.ref, 'callback starts'),
        ),
      });
    }
  }

  /** A hand-over of a page last seen released: with every birth visible, the release came before the unlink. */
  removedAfterFree(table: Table, task: Task, op: Op): void {
    const { ledger, coverage } = this.court;
    // Any allocation shows a new life; a PTE table also shows its own through pte_alloc_one. Upper tables made for
    // huge mappings do not, so for them only the page allocator's event will do.
    const pte = op.kind === OP.TR && op.a3 === 1;
    const birthsShow = coverage.total(OP.ALLOC) > 0 || (pte && coverage.total(OP.PTEN) > 0);
    if (!birthsShow) return;
    if (lostSince(this.court, table.freeSeq)) {
      ledger.unknown(1, LOSS, op.ref);
      return;
    }
    if (order(this.court, table.freeTs, table.freeCpu, op.tsNs, op.cpu) === null) {
      ledger.unknown(1, CLOCK, op.ref);
      return;
    }
    ledger.violated(1, {
      message: `${levelName(table)} table ${pageName(table.key)} was released before it was unlinked`,
      known: KNOWN.absence,
      assumesAllCpus: true,
      held: [`the entry in the parent table, cleared only by task ${task.key} on CPU ${op.cpu}`],
      before: table.freeRef,
      ...flips(margin(this.court, table.freeTs, table.freeCpu, op.tsNs, op.cpu)),
      events: witnesses(
        w(table.birthRef, 'allocated'),
        w(table.freeRef, 'released'),
        w(op.ref, `unlinked only now (task ${task.key})`),
      ),
    });
  }

  removedTwice(table: Table, op: Op, firstRef: number): void {
    const { ledger, coverage } = this.court;
    if (coverage.total(OP.FREE) === 0 || table.key < 0) {
      const why = table.key < 0 ? 'the vmemmap base is not known' : 'no kmem:mm_page_free seen so far';
      ledger.unknown(12, `handed over again; whether it was released between is not shown (${why})`, op.ref);
      return;
    }
    if (lostSince(this.court, table.trSeq)) {
      ledger.unknown(12, LOSS, op.ref);
      return;
    }
    ledger.violated(12, {
      message: `${levelName(table)} table ${pageName(table.key)} was handed over twice in one life`,
      known: KNOWN.observed,
      assumesAllCpus: true,
      events: witnesses(w(firstRef, 'first hand-over'), w(op.ref, 'second hand-over')),
    });
  }

  queuedAfterFree(table: Table, head: Head, op: Op): void {
    const { ledger } = this.court;
    if (lostSince(this.court, table.trSeq)) {
      ledger.unknown(12, LOSS, op.ref);
      return;
    }
    const listed = op.ref !== head.crRef;
    ledger.violated(12, {
      message: `${levelName(table)} table ${pageName(table.key)} ${
        listed
          ? 'was released by a task and again by an RCU callback'
          : 'was released by its task, then handed to call_rcu(), which releases it again'
      }`,
      known: KNOWN.observed,
      missing: 'its release by the callback only',
      before: table.freeRef,
      events: witnesses(
        w(table.trRef, 'handed over'),
        w(table.freeRef, 'released'),
        w(head.crRef, listed ? 'call_rcu' : 'call_rcu on its head'),
        w(listed ? op.ref : -1, 'callback lists it'),
      ),
    });
  }

  freedTwice(table: Table, cpu: Cpu | null, op: Op): void {
    const { ledger, coverage } = this.court;
    // In one run of releases of one callback the page cannot have become anything else: it frees its list only.
    const head = table.head;
    const batch = head !== null && head.func === FUNC.tlb_remove_table_rcu && cpu?.callback === head;
    const atOnce = cpu !== null && cpu.freeRunSeq > 0 && table.freeSeq >= cpu.freeRunSeq;
    if (batch && atOnce && table.freeSeq >= head.cbSeq) {
      ledger.violated(12, {
        message: `${levelName(table)} table ${pageName(table.key)} was released twice by one callback`,
        known: KNOWN.observed,
        events: witnesses(w(table.freeRef, 'first release'), w(op.ref, 'second release')),
      });
      return;
    }
    if (table.trSeq === 0) return;
    if (coverage.total(OP.ALLOC) === 0) {
      // The page may have been anything in between; so close together that is worth saying.
      const gather = this.court.state.tasks.get(op.pid)?.gather;
      const sameGather = gather && table.freedByTask && table.freeSeq > gather.gbSeq;
      if (sameGather || cpu?.lastSeq === table.freeSeq) {
        ledger.unknown(
          12,
          'released again at once; whether it was allocated between is not shown: needs kmem:mm_page_alloc',
          op.ref,
        );
      }
      return;
    }
    if (lostSince(this.court, table.freeSeq)) {
      ledger.unknown(12, LOSS, op.ref);
      return;
    }
    const at = table.freeRef;
    absent(
      this.court,
      12,
      { kinds: [OP.ALLOC], cpu: op.cpu, since: table.freeSeq, probe: 'kmem:mm_page_alloc' },
      {
        message: `${levelName(table)} table ${pageName(table.key)} was released twice`,
        assumesAllCpus: true,
        events: witnesses(w(at, 'first release'), w(op.ref, 'second release')),
      },
    );
  }

  private readersAtFree(table: Table, op: Op): void {
    const { ledger, state } = this.court;
    let open = false;
    if (state.readers.size > 0) {
      for (const reader of state.readers.values()) {
        if (reader.table !== table.key || reader.seq > table.trSeq) continue;
        open = true;
        reader.overlaps.push({ what: 'free', table, head: null, ref: op.ref, ts: op.tsNs, cpu: op.cpu });
      }
    }
    if (open) return;
    const ended = this.reads.get(table.key);
    if (ended !== undefined) {
      this.reads.delete(table.key);
      ledger.pass(5, KNOWN.observed);
    } else {
      ledger.unknown(5, 'no reader section that names this table is in the trace', op.ref);
    }
  }

  readerEnded(reader: Reader, op: Op): void {
    for (const overlap of reader.overlaps) {
      if (overlap.what !== 'free' || !overlap.table) continue;
      const { table } = overlap;
      const known = bothOrders(
        order(this.court, reader.ts, reader.cpu, table.trTs, table.trCpu),
        order(this.court, overlap.ts, overlap.cpu, op.tsNs, op.cpu),
      );
      if (known === null) {
        this.court.ledger.unknown(5, CLOCK, overlap.ref);
        continue;
      }
      this.court.ledger.violated(5, {
        message: `${levelName(overlap.table)} table ${pageName(overlap.table.key)} was released inside a reader section on it`,
        known,
        held: [`CPU ${reader.cpu}: a walker on the table (${READER_NAMES[reader.kind] ?? 'reader'})`],
        before: overlap.ref,
        ...flips(
          margin(this.court, reader.ts, reader.cpu, table.trTs, table.trCpu),
          margin(this.court, overlap.ts, overlap.cpu, op.tsNs, op.cpu),
        ),
        events: witnesses(
          w(reader.ref, `reader begins on CPU ${reader.cpu}`),
          w(overlap.table.trRef, 'unlinked'),
          w(overlap.ref, 'released'),
          w(op.ref, 'reader ends'),
        ),
      });
    }
    const table = this.court.state.tables.get(reader.table);
    if (table && table.life !== LIFE.freed)
      this.reads.set(reader.table, (this.reads.get(reader.table) ?? 0) + 1);
  }

  dereferenced(table: Table, op: Op): void {
    if (table.life !== LIFE.freed) {
      this.readsGivenAway(table, op);
      return;
    }
    const known = order(this.court, table.freeTs, table.freeCpu, op.tsNs, op.cpu);
    if (known === null) {
      this.court.ledger.unknown(5, CLOCK, op.ref);
      return;
    }
    this.court.ledger.violated(5, {
      message: `${levelName(table)} table ${pageName(table.key)} was dereferenced after its release`,
      known,
      held: [`CPU ${op.cpu}: a pointer to the table`],
      before: table.freeRef,
      ...flips(margin(this.court, table.freeTs, table.freeCpu, op.tsNs, op.cpu)),
      events: witnesses(w(table.trRef, 'unlinked'), w(table.freeRef, 'released'), w(op.ref, 'dereferenced')),
    });
  }

  /** A walker that was inside when its table was given to somebody else, and reads on: it need not end to be wrong. */
  private readsGivenAway(table: Table, op: Op): void {
    for (const reader of this.court.state.readers.values()) {
      if (reader.table !== table.key || reader.cpu !== op.cpu || reader.kind !== op.a0) continue;
      const at = reader.overlaps.findIndex((o) => o.what === 'free' && o.table === table);
      const given = reader.overlaps[at];
      const known = given ? order(this.court, given.ts, given.cpu, op.tsNs, op.cpu) : null;
      if (!given || known === null) continue;
      reader.overlaps.splice(at, 1);
      this.court.ledger.violated(5, {
        message: `${levelName(table)} table ${pageName(table.key)} was dereferenced after it was given to somebody else`,
        known,
        held: [`CPU ${op.cpu}: a pointer to the table`],
        before: given.ref,
        ...flips(margin(this.court, given.ts, given.cpu, op.tsNs, op.cpu)),
        events: witnesses(
          w(reader.ref, 'walker begins'),
          w(given.ref, 'given away'),
          w(op.ref, 'dereferenced'),
        ),
      });
    }
  }

  readerLost(reader: Reader): void {
    for (const overlap of reader.overlaps) {
      if (overlap.what === 'free') {
        this.court.ledger.unknown(5, 'a reader open at the release has no end in the trace', reader.ref);
      }
    }
  }

  end(): void {
    for (const reader of this.court.state.readers.values()) this.readerLost(reader);
  }
}

export const levelName = (table: Table): string => LEVEL_NAMES[table.level] ?? '?';

/** `pfn 0x113f97`, or `page #n` where the trace gives identity only. */
export const pageName = (key: number): string =>
  key >= 0 ? `pfn 0x${key.toString(16)}` : `page #${(-key).toString(16)} (base unknown)`;
