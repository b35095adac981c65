import { EXIT_MM, INSTALL } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import { type Evidence, LOSS, w, witnesses } from '../evidence.js';
import type { Monitor, OpListeners } from '../monitor.js';
import type { Task } from '../state/contexts.js';
import { LIFE, type Table } from '../state/table-life.js';
import { KNOWN } from '../tally.js';
import type { Verdicts } from '../verdicts.js';
import { pageName } from './names.js';
import { PROBES } from './probes.js';
import { rule } from './rule.js';

export const nrPtes = rule({
  number: 51,
  name: 'nr-ptes',
  severity: 'S3',
  statement: 'when exit_mmap() returns, every PTE table of the process has been handed over',
  why: 'the kernel itself complains: "non-zero pgtables_bytes on freeing mm"',
  source: 'kernel/fork.c check_mm()',
  needs: [PROBES.EXITMM, PROBES.PUB],
  idle: 'no process whose tables are in the trace has exited',
  held: 'the mm: tables counted in mm->pgtables_bytes',
  missing: 'the hand-over of each to a gather (free_pgtables)',
  words: 'A process that exits leaves no page table behind. The kernel counts them too and complains.',
  bugs: [],
  instead: "Seen in bug reports as 'non-zero pgtables_bytes on freeing mm'.",
  monitor: (evidence, verdicts) => new NrPtes(evidence, verdicts),
});

/** A table that leaves by a path without probes is gone within a grace period; what is still there later is left. */
const SETTLE_NS = 1e9;

class NrPtes implements Monitor {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly byMm = new Map<number, Set<number>>();
  private readonly exits = new Map<number, number>();
  private left: { readonly table: Table; readonly ref: EvidenceRef; readonly ts: number }[] = [];

  readonly on: OpListeners = {
    [OP.PUB]: (op) => {
      if (!isKnown(INSTALL.mm(op)) || !isKnown(INSTALL.table(op))) return;
      const keys = this.byMm.get(INSTALL.mm(op));
      if (keys) keys.add(INSTALL.table(op));
      else this.byMm.set(INSTALL.mm(op), new Set([INSTALL.table(op)]));
    },
    [OP.EXITMM]: (op, task) => {
      if (EXIT_MM.entry(op)) this.exits.set(task.key, EXIT_MM.mm(op));
      else this.exited(op, task);
    },
  };

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  private exited(op: Op, task: Task): void {
    const mm = this.exits.get(task.key);
    this.exits.delete(task.key);
    const keys = mm === undefined ? undefined : this.byMm.get(mm);
    if (mm === undefined || !keys) return;
    this.byMm.delete(mm);
    const { state, coverage } = this.evidence;
    if (coverage.shown(OP.FREE) === 0 || coverage.shown(OP.TR) === 0) return;
    let left = 0;
    for (const key of keys) {
      const table = state.tables.get(key);
      if (table && table.mm === mm && table.life === LIFE.live && table.trSeq === 0) {
        left++;
        this.left.push({ table, ref: op.ref, ts: op.tsNs });
      }
    }
    if (left > 0) return;
    // What was lost may have linked another.
    if (state.lossSeq > 0) this.verdicts.unknown(LOSS, op.ref);
    else this.verdicts.pass(KNOWN.inferred);
  }

  end(): void {
    const { verdicts } = this;
    const { state } = this.evidence;
    const now = Math.max(...state.cpus.map((c) => c.lastTs), Number.NEGATIVE_INFINITY);
    for (const { table, ref, ts } of this.left) {
      const still = state.tables.get(table.key) === table && table.life === LIFE.live;
      if (!still) {
        verdicts.unknown('it left by a path that no probe shows (pte_free_defer, a deposit)', ref);
      } else if (state.lossSeq > 0) verdicts.unknown(LOSS, ref);
      else if (now - ts < SETTLE_NS) verdicts.unknown('the trace ends before it can be called left', ref);
      else {
        verdicts.violated({
          message: `page table ${pageName(table.key)} is left after exit_mmap() of its process`,
          known: KNOWN.absence,
          assumesAllCpus: true,
          events: witnesses(w(table.birthRef, 'allocated'), w(ref, 'exit_mmap returned')),
        });
      }
    }
    this.left = [];
  }
}
