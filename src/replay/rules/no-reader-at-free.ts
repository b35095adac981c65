import { READ } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { bothOrders, CLOCK, type Evidence, flips, margin, surelyBefore, w, witnesses } from '../evidence.js';
import type { Monitor } from '../monitor.js';
import type { Cpu, Reader, Task } from '../state/contexts.js';
import type { MechPage } from '../state/mech.js';
import { LIFE, type Table } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { READER_NAMES, tableName } from './names.js';
import { remember, SPANS_TOO_MUCH } from './overlaps.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const noReaderAtFree = rule({
  number: 5,
  name: 'no-reader-at-free',
  severity: 'S1',
  statement:
    'no reader section on T that began before UL(T) is open at FREE(T); no dereference of T after FREE(T)',
  why: 'the walker would follow entries of a page that has been given away',
  source: 'commits 2ba99c5e0881, 1013af4f585f; mm/gup.c gup_fast_fallback()',
  needs: [PROBES.NAMED_RB, PROBES.FREE],
  byProbes: [PROBES.MAPR, PROBES.FREE],
  idle: 'no page table handed to a gather was released in this recording',
  held: 'a lockless walker on the table',
  missing: 'the end of that reader section',
  words:
    'Some code walks page tables without taking the lock under which they are freed: it only turns interrupts off, or calls rcu_read_lock(), or relies on another lock. While such a walk that began before the table was unlinked is still going on, the table must not be released or used for anything else.',
  bugs: ['L04', 'L07', 'L28', 'L29'],
  monitor: (evidence, verdicts) => new NoReaderAtFree(evidence, verdicts),
});

class NoReaderAtFree implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  /** Tables with named reader sections that ended before they were freed. */
  private readonly read = new Set<number>();
  /** Tables released without a reader that names them. */
  private unnamed = 0;
  private unnamedRef: EvidenceRef = -1;

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  tableFreed(table: Table, _task: Task, _cpu: Cpu | null, op: Op): void {
    if (table.trSeq === 0) return;
    if (this.openAt(table.key, table, (reader) => reader.seq <= table.trSeq, op)) return;
    if (this.read.delete(table.key)) this.verdicts.pass(KNOWN.observed);
    else if (this.evidence.coverage.shown(OP.MAPR) === 0 && this.unnamed++ === 0) this.unnamedRef = op.ref;
  }

  /** Tables that reach their release without a gather; a hand-over seen by probes is judged at the release. */
  released(page: MechPage, _reused: boolean, _task: Task, op: Op): void {
    const table = this.evidence.state.tables.get(page.key);
    if (!table || !page.everLinked || table.trSeq > 0) return;
    const open = this.openAt(page.key, table, (reader) => page.ul.seq === 0 || reader.seq <= page.ul.seq, op);
    if (!open && page.readsOver > 0) this.verdicts.pass(KNOWN.observed);
  }

  /** What is open now is decided when it ends. */
  private openAt(key: number, table: Table, older: (reader: Reader) => boolean, op: Op): boolean {
    let open = false;
    for (const reader of this.evidence.state.readersOfTable.get(key) ?? []) {
      if (!older(reader)) continue;
      open = true;
      const overlap = { what: 'free', table, head: null, ref: op.ref, ts: op.tsNs, cpu: op.cpu } as const;
      if (!remember(reader, overlap)) this.verdicts.unknown(SPANS_TOO_MUCH, op.ref);
    }
    return open;
  }

  readerEnded(reader: Reader, op: Op): void {
    const { evidence, verdicts } = this;
    for (const overlap of reader.overlaps) {
      if (overlap.what !== 'free' || !overlap.table) continue;
      const { table } = overlap;
      const known = bothOrders(
        surelyBefore(evidence, reader.ts, reader.cpu, table.trTs, table.trCpu),
        surelyBefore(evidence, overlap.ts, overlap.cpu, op.tsNs, op.cpu),
      );
      if (known === null) {
        verdicts.unknown(CLOCK, overlap.ref);
        continue;
      }
      verdicts.violated({
        message: `${tableName(table)} was released inside a reader section on it`,
        known,
        held: [`CPU ${reader.cpu}: a walker on the table (${READER_NAMES[reader.kind] ?? 'reader'})`],
        before: overlap.ref,
        ...flips(
          margin(evidence, reader.ts, reader.cpu, table.trTs, table.trCpu),
          margin(evidence, overlap.ts, overlap.cpu, op.tsNs, op.cpu),
        ),
        events: witnesses(
          w(reader.ref, `reader begins on CPU ${reader.cpu}`),
          w(table.trRef, 'unlinked'),
          w(overlap.ref, 'released'),
          w(op.ref, 'reader ends'),
        ),
      });
    }
    const table = evidence.state.tables.get(reader.table);
    if (table && table.life !== LIFE.freed) this.read.add(reader.table);
  }

  dereferenced(table: Table, op: Op): void {
    if (table.life !== LIFE.freed) {
      this.readsGivenAway(table, op);
      return;
    }
    const { evidence, verdicts } = this;
    const known = surelyBefore(evidence, table.freeTs, table.freeCpu, op.tsNs, op.cpu);
    if (known === null) {
      verdicts.unknown(CLOCK, op.ref);
      return;
    }
    verdicts.violated({
      message: `${tableName(table)} was dereferenced after its release`,
      known,
      held: [`CPU ${op.cpu}: a pointer to the table`],
      before: table.freeRef,
      ...flips(margin(evidence, table.freeTs, table.freeCpu, op.tsNs, op.cpu)),
      events: witnesses(w(table.trRef, 'unlinked'), w(table.freeRef, 'released'), w(op.ref, 'dereferenced')),
    });
  }

  /** A walker that was inside when its table was given to somebody else, and reads on: it need not end to be wrong. */
  private readsGivenAway(table: Table, op: Op): void {
    const { evidence } = this;
    for (const reader of evidence.state.readersOfTable.get(table.key) ?? []) {
      if (reader.cpu !== op.cpu || reader.kind !== READ.kind(op)) continue;
      const at = reader.overlaps.findIndex((o) => o.what === 'free' && o.table === table);
      const given = reader.overlaps[at];
      const known = given ? surelyBefore(evidence, given.ts, given.cpu, op.tsNs, op.cpu) : null;
      if (!given || known === null) continue;
      reader.overlaps.splice(at, 1);
      this.verdicts.violated({
        message: `${tableName(table)} was dereferenced after it was given to somebody else`,
        known,
        held: [`CPU ${op.cpu}: a pointer to the table`],
        before: given.ref,
        ...flips(margin(evidence, given.ts, given.cpu, op.tsNs, op.cpu)),
        events: witnesses(
          w(reader.ref, 'walker begins'),
          w(given.ref, 'given away'),
          w(op.ref, 'dereferenced'),
        ),
      });
    }
  }

  readerExpired(reader: Reader): void {
    for (const overlap of reader.overlaps) {
      if (overlap.what === 'free') {
        this.verdicts.unknown('a reader open at the release has no end in the trace', reader.ref);
      }
    }
  }

  end(): void {
    for (const reader of this.evidence.state.readers.values()) this.readerExpired(reader);
    // With lookups it is judged by who was seen in the table (walks/readers-at-free.ts).
    if (this.unnamed === 0 || this.evidence.coverage.shown(OP.MAPR) > 0) return;
    const why = 'no reader section that names this table is in the trace';
    this.verdicts.unknown(why, this.unnamedRef, this.unnamed);
    this.unnamed = 0;
  }
}
