import type { Op } from '../../kernel/ops.js';
import type { Evidence } from '../evidence.js';
import type { Task } from '../state/contexts.js';
import type { Instant, Lookup, Section, WalkedTable } from '../state/walks.js';
import type { WalkHooks } from '../walk-hooks.js';
import { Collapses } from './collapse.js';
import { LockedLookups } from './lookups.js';
import { Promises } from './promises.js';
import { ReadersAtFree } from './readers-at-free.js';
import { Returns } from './returns.js';
import { Switches } from './switches.js';

/** Told of every table that was released with its readers, for `pttrace readers`. */
export interface WalkListener {
  released(table: WalkedTable, free: Instant): void;
  sectionEnded(section: Section): void;
  sectionLost(section: Section): void;
}

/** The rules that lookups, page-table locks and their like decide. */
export class WalkMonitors implements WalkHooks {
  private readonly evidence: Evidence;
  private readonly atFree: ReadersAtFree;
  private readonly lookups: LockedLookups;
  private readonly collapses: Collapses;
  private readonly promises: Promises;
  private readonly switches: Switches;
  private readonly returns: Returns;
  private readonly listener: WalkListener | null;

  constructor(evidence: Evidence, listener: WalkListener | null) {
    this.evidence = evidence;
    this.atFree = new ReadersAtFree(evidence);
    this.lookups = new LockedLookups(evidence);
    this.collapses = new Collapses(evidence);
    this.switches = new Switches(evidence);
    this.returns = new Returns(evidence, (id) => evidence.nameOf(id));
    this.promises = new Promises(evidence, (id) => evidence.nameOf(id));
    this.listener = listener;
  }

  lookedUp(lookup: Lookup | null, table: WalkedTable | null, task: Task, op: Op): void {
    this.lookups.lookedUp(lookup, table, task, op);
    if (table && lookup) this.atFree.lookedUp(table.key, lookup.entry, op);
  }

  entrySet(table: WalkedTable, task: Task, op: Op): void {
    this.lookups.entrySet(table, task, op);
  }

  sectionEnded(section: Section, op: Op): void {
    this.atFree.sectionEnded(section, op);
    this.listener?.sectionEnded(section);
  }

  sectionLost(section: Section): void {
    this.atFree.sectionLost(section);
    this.listener?.sectionLost(section);
  }

  unlinked(): void {}

  released(table: WalkedTable, op: Op): void {
    this.atFree.released(table, op);
    const { state } = this.evidence;
    this.listener?.released(table, { ref: op.ref, tsNs: op.tsNs, seq: state.seq, cpu: op.cpu });
  }

  forgotten(): void {}

  seen(op: Op, task: Task): void {
    this.collapses.seen(op, task);
    this.promises.seen(op, task);
    this.switches.seen(op, task);
    this.returns.seen(op, task);
  }

  end(): void {
    this.atFree.end();
  }
}
