import { SHOOTDOWN, SWITCH, TASK_EXIT, TLB_FLUSH } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { CONTEXT } from '../../timeline/flags.js';
import { isKnown } from '../../timeline/is-known.js';
import { type Evidence, flips, margin, order, provenAbsent, w, witnesses } from '../evidence.js';
import type { Cpu } from '../state/contexts.js';
import type { Flush } from '../state/table-life.js';
import { KNOWN, type Violation } from '../tally.js';
import type { Verdicts } from '../verdicts.js';

/** What runs on a CPU, as its context switches tell. */
interface Running {
  pid: number;
  sinceTs: number;
  sinceSeq: number;
  ref: EvidenceRef;
  /** Its switch was seen; otherwise it only showed itself. */
  bySwitch: boolean;
  /** It has shown itself since: switch_mm_irqs_off() is behind it. */
  shown: boolean;
  /** Somebody ran here whose switch was not seen: switches are filtered, and their absence means nothing. */
  broken: boolean;
  /** mm of the flush handler that runs here; NaN none. */
  flushMm: number;
}

/** A CPU that a flush left out although it ran a thread of the mm, until that thread is seen with the mm again. */
interface Left {
  readonly flush: Flush;
  readonly cpu: number;
  readonly pid: number;
  readonly ref: EvidenceRef;
  readonly doneRef: EvidenceRef;
  readonly ranRef: EvidenceRef;
  readonly flipNs: number;
  /** Number of the event at which the flush returned, and whether that was hidden. */
  readonly at: number;
  readonly hidden: boolean;
  /** The probe of requests works; or why that is not known. */
  probe: true | string | null;
  /** Seen with its mm again. */
  againRef: EvidenceRef;
}

/** `tlb_flush` reasons that are an invalidation of the mm that is loaded and in use (not lazy). */
const REMOTE = 1;
const LOCAL_MM = 3;
const MAX_LEFT = 256;
const MASK_BITS = 53;

/**
 * I23 target-coverage of a flush with freed_tables=0: it may leave out lazy CPUs and those that have another mm loaded
 * (arch/x86/mm/tlb.c should_flush_tlb(), before 6.15 tlb_is_not_lazy()), never one that runs a thread of the mm.
 * That a task is such a thread shows where it takes a flush of the mm itself: before the flush, and again after it.
 */
export class BusyCpus {
  private readonly evidence: Evidence;
  private readonly verdicts: Verdicts;
  private readonly running: Running[] = [];
  /** Threads that took a flush of an mm as its users: tid → mm, and where. */
  private readonly users = new Map<number, { mm: number; ref: EvidenceRef }>();
  private left: Left[] = [];

  constructor(evidence: Evidence, verdicts: Verdicts) {
    this.evidence = evidence;
    this.verdicts = verdicts;
  }

  tick(cpu: Cpu, op: Op): void {
    let run = this.running[cpu.id];
    if (run === undefined) {
      run = {
        pid: -1,
        sinceTs: op.tsNs,
        sinceSeq: this.evidence.state.seq,
        ref: op.ref,
        bySwitch: false,
        shown: false,
        broken: false,
        flushMm: Number.NaN,
      };
      this.running[cpu.id] = run;
    }
    if (op.kind === OP.SW) {
      if (run.bySwitch && isKnown(SWITCH.prevPid(op)) && SWITCH.prevPid(op) !== run.pid) run.broken = true;
      this.switched(run, SWITCH.nextPid(op), true, cpu, op);
      return;
    }
    if (op.pid >= 0 && op.pid !== run.pid) {
      if (run.bySwitch) run.broken = true;
      this.switched(run, op.pid, false, cpu, op);
    } else run.shown = true;
    if (op.kind === OP.INV) run.flushMm = SHOOTDOWN.mm(op);
    else if (op.kind === OP.IE || op.kind === OP.IX) run.flushMm = cpu.handler?.flush?.mm ?? Number.NaN;
    else if (op.kind === OP.TLBF) this.invalidates(run, cpu, op);
    else if (op.kind === OP.EXIT) this.gone(TASK_EXIT.tid(op));
  }

  private switched(run: Running, pid: number, bySwitch: boolean, cpu: Cpu, op: Op): void {
    run.pid = pid;
    run.sinceTs = op.tsNs;
    run.sinceSeq = this.evidence.state.seq;
    run.ref = op.ref;
    run.bySwitch = bySwitch;
    run.shown = false;
    run.flushMm = Number.NaN;
    if (this.left.length === 0) return;
    // It must have run on until the flush was over.
    this.left = this.left.filter(
      (l) => l.cpu !== cpu.id || order(this.evidence, l.flush.fdTs, l.flush.cpu, op.tsNs, cpu.id) !== null,
    );
  }

  private invalidates(run: Running, cpu: Cpu, op: Op): void {
    const mm = cpu.handler?.flush?.mm ?? run.flushMm;
    run.flushMm = Number.NaN;
    if (!isKnown(mm) || run.pid <= 0) return;
    const own = TLB_FLUSH.reason(op) === LOCAL_MM && op.context === CONTEXT.task;
    if (own || (TLB_FLUSH.reason(op) === REMOTE && op.context !== CONTEXT.task)) this.uses(run.pid, mm, op);
  }

  private uses(pid: number, mm: number, op: Op): void {
    const before = this.users.get(pid);
    if (before && before.mm !== mm) this.gone(pid);
    this.users.set(pid, { mm, ref: op.ref });
    if (this.left.length === 0) return;
    const confirmed = this.left.filter((l) => l.pid === pid && l.flush.mm === mm);
    if (confirmed.length === 0) return;
    this.left = this.left.filter((l) => !confirmed.includes(l));
    for (const l of confirmed) {
      l.againRef = op.ref;
      this.decide(l);
    }
  }

  /** The task ends, or has another mm: what it ran before can no longer be told. */
  private gone(pid: number): void {
    this.users.delete(pid);
    if (this.left.length > 0) this.left = this.left.filter((l) => l.pid !== pid);
  }

  flushDone(flush: Flush, op: Op): void {
    const { coverage } = this.evidence;
    if (!flush.multi || flush.freedTables !== 0 || !(flush.mask > 0)) return;
    if (flush.handlersOnly || coverage.shown(OP.IS) === 0) return;
    let bits = flush.mask;
    for (let cpu = 0; cpu < MASK_BITS && bits > 0; cpu++, bits = Math.floor(bits / 2)) {
      if (bits % 2 === 0 || cpu === flush.cpu || cpu === op.cpu) continue;
      if (flush.targets.some((t) => t.cpu === cpu || t.from === cpu)) continue;
      this.notSent(flush, cpu, op);
    }
  }

  private notSent(flush: Flush, cpu: number, op: Op): void {
    const run = this.running[cpu];
    if (!run?.bySwitch || !run.shown || run.broken || run.sinceSeq >= flush.frSeq) return;
    if (this.users.get(run.pid)?.mm !== flush.mm) return;
    if (order(this.evidence, run.sinceTs, cpu, flush.frTs, flush.cpu) === null) return;
    if (this.left.length >= MAX_LEFT) this.left.shift();
    const { ledger } = this.evidence;
    const l: Left = {
      flush,
      cpu,
      pid: run.pid,
      ref: flush.multiRef,
      doneRef: op.ref,
      ranRef: run.ref,
      flipNs: margin(this.evidence, run.sinceTs, cpu, flush.frTs, flush.cpu),
      at: ledger.now,
      hidden: ledger.hidden,
      probe: null,
      againRef: -1,
    };
    this.left.push(l);
    provenAbsent(
      this.evidence,
      { kinds: [OP.IS], cpu: flush.cpu, since: flush.frSeq, probe: 'csd:csd_queue_cpu' },
      () => {
        l.probe = true;
        this.decide(l);
      },
      (why) => {
        l.probe = why;
        this.decide(l);
      },
    );
  }

  private decide(l: Left): void {
    if (l.againRef < 0 || l.probe === null) return;
    const { ledger } = this.evidence;
    const now = ledger.hidden;
    ledger.hidden = l.hidden;
    if (l.probe === true) this.verdicts.violated(leftOut(l), l.at);
    else this.verdicts.unknown(l.probe, l.doneRef);
    ledger.hidden = now;
  }
}

const leftOut = (l: Left): Violation => ({
  message: `CPU ${l.cpu} is in the mask of a flush and ran task ${l.pid} of this mm all the while, but was not interrupted`,
  known: KNOWN.absence,
  held: [`CPU ${l.cpu}: its TLB, in use by task ${l.pid}`],
  missing: `an IPI with flush_tlb_func() to CPU ${l.cpu}`,
  before: l.doneRef,
  ...flips(l.flipNs),
  events: witnesses(
    w(l.ranRef, `CPU ${l.cpu} runs task ${l.pid}`),
    w(l.flush.frRef, 'flush begins'),
    w(l.ref, 'CPUs of the mm'),
    w(l.doneRef, 'flush returned'),
    w(l.againRef, `task ${l.pid} still uses this mm`),
  ),
});
