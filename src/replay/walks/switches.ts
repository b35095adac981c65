import { kindSet, OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Evidence } from '../evidence.js';
import { bothOrders, flips, margin, order, w, witnesses } from '../evidence.js';
import type { Task } from '../state/contexts.js';
import type { Instant } from '../state/walks.js';
import { KNOWN } from '../tally.js';
import { absent } from './absent.js';

/** include/trace/events/tlb.h: the CPU loads another mm; it flushes where it is. */
const REASON = { taskSwitch: 0, remote: 1 } as const;
const MAX_LEFT = 64;
const MAX_FLUSHED = 4096;

/** A CPU has left an mm, by loading another one or by going idle in it. */
interface Left {
  readonly at: Instant;
  /** `mm->context.ctx_id`; NaN unknown. */
  readonly ctx: number;
}

interface CpuMm {
  /** mm it has loaded (CR3); NaN unknown. */
  loaded: number;
  ctx: number;
  loadedRef: EvidenceRef;
  /** It has gone idle in that mm: from then on flushes may leave it out. */
  idle: Instant | null;
  readonly left: Map<number, Left>;
  /** switch_mm_irqs_off() is on its way to another mm: what that has reached. */
  entered: { readonly ref: EvidenceRef; readonly ctx: number; readonly gen: number } | null;
  /** Back at an mm that was flushed while it was away: what it does now decides. */
  back: { at: Instant; left: Left; flush: Done } | null;
  /** Handler of a flush with freed_tables that found it idle. */
  handler: { ref: EvidenceRef; seq: number; mm: number } | null;
}

/** A flush that has returned: that of its mm which began last. */
interface Done {
  readonly fr: Instant;
  readonly fd: Instant;
}

/** What `seen` has a case for. */
const SWITCH_KINDS = kindSet(OP.SWMM, OP.SWMMR, OP.SW, OP.TLBF, OP.INV, OP.IX, OP.FD, OP.EXITMM);

/**
 * Which mm each CPU has loaded, by a probe on `switch_mm_irqs_off()` (it runs with interrupts off, so the `tlb_flush`
 * of a switch is the next event of its CPU): I26 switch-in-catchup and I27 lazy-freed-tables.
 */
export class Switches {
  private readonly evidence: Evidence;
  private readonly cpus: CpuMm[] = [];
  private readonly flushed = new Map<number, Done>();

  constructor(evidence: Evidence) {
    this.evidence = evidence;
  }

  seen(op: Op, task: Task): void {
    if (op.kind === OP.lost) {
      this.cpus.length = 0;
      this.flushed.clear();
      return;
    }
    const cpu = op.cpu >= 0 ? this.cpus[op.cpu] : undefined;
    if (cpu?.back && op.kind !== OP.TLBF) this.unflushed(cpu, op);
    if (SWITCH_KINDS[op.kind] === 0) return;
    switch (op.kind) {
      case OP.SWMM:
        this.switched(op);
        return;
      case OP.SWMMR:
        if (cpu) this.loaded(cpu, op);
        return;
      case OP.SW:
        // kernel/sched/core.c context_switch(): a task without an mm keeps that of the one before.
        if (cpu && op.a1 === 0) cpu.idle ??= this.now(op);
        return;
      case OP.TLBF:
        if (cpu) this.printed(cpu, op);
        return;
      case OP.INV:
        this.handler(op);
        return;
      case OP.IX:
        if (cpu?.handler) this.handled(cpu, op);
        return;
      case OP.FD:
        this.flushDone(op, task);
        return;
      case OP.EXITMM:
        if (op.a1 === 0) this.flushed.delete(op.a0);
        return;
      default:
    }
  }

  private now(op: Op): Instant {
    return { ref: op.ref, tsNs: op.tsNs, seq: this.evidence.state.seq, cpu: op.cpu };
  }

  private of(id: number): CpuMm {
    return (this.cpus[id] ??= {
      loaded: Number.NaN,
      ctx: Number.NaN,
      loadedRef: -1,
      idle: null,
      left: new Map(),
      entered: null,
      back: null,
      handler: null,
    });
  }

  private flushDone(op: Op, task: Task): void {
    const { flush } = task;
    if (!flush || !isKnown(flush.mm)) return;
    const known = this.flushed.get(flush.mm);
    if (known && known.fr.seq > flush.frSeq) return;
    if (!known && this.flushed.size >= MAX_FLUSHED) this.flushed.clear();
    const fr = { ref: flush.frRef, tsNs: flush.frTs, seq: flush.frSeq, cpu: flush.cpu };
    this.flushed.set(flush.mm, { fr, fd: this.now(op) });
  }

  private switched(op: Op): void {
    if (op.cpu < 0 || !isKnown(op.a0)) return;
    const cpu = this.of(op.cpu);
    const at = this.now(op);
    const mm = op.a0;
    const left = mm === cpu.loaded ? this.idled(cpu) : cpu.left.get(mm);
    const flush = this.flushed.get(mm);
    if (left && flush && left.ctx === op.a2 && this.wasAway(left, flush, at)) cpu.back = { at, left, flush };
    if (mm !== cpu.loaded && isKnown(cpu.loaded)) {
      if (cpu.left.size >= MAX_LEFT) cpu.left.clear();
      cpu.left.set(cpu.loaded, { at: cpu.idle ?? at, ctx: cpu.ctx });
    }
    // A CPU that was in that mm all along need not catch up here: a flush interrupts it.
    const moves = mm !== cpu.loaded && isKnown(cpu.loaded) && isKnown(op.a1);
    cpu.entered = moves ? { ref: op.ref, ctx: op.a2, gen: op.a1 } : null;
    cpu.left.delete(mm);
    cpu.loaded = mm;
    cpu.ctx = op.a2;
    cpu.loadedRef = op.ref;
    cpu.idle = null;
  }

  /** arch/x86/mm/tlb.c choose_new_asid(): the slot of the mm has caught up with its generation, or is flushed. */
  private loaded(cpu: CpuMm, op: Op): void {
    const { entered } = cpu;
    cpu.entered = null;
    if (!entered || op.a0 !== entered.ctx || !isKnown(op.a1)) return;
    const { ledger } = this.evidence;
    if (op.a1 >= entered.gen) {
      ledger.pass(26, KNOWN.observed);
      return;
    }
    ledger.violated(26, {
      message: `CPU ${op.cpu} loaded an mm whose generation is ${entered.gen} with what it had cached up to ${op.a1}`,
      known: KNOWN.observed,
      held: [`CPU ${op.cpu}: translations from before generation ${entered.gen}`],
      events: witnesses(w(entered.ref, 'loads the mm'), w(op.ref, 'loaded')),
    });
  }

  private idled(cpu: CpuMm): Left | undefined {
    return cpu.idle ? { at: cpu.idle, ctx: cpu.ctx } : undefined;
  }

  /** The whole flush, generation and all, lies between its leaving and its return. */
  private wasAway(left: Left, { fr, fd }: Done, back: Instant): boolean {
    if (fr.seq <= left.at.seq) return false;
    const { evidence } = this;
    const known = bothOrders(
      order(evidence, left.at.tsNs, left.at.cpu, fr.tsNs, fr.cpu),
      order(evidence, fd.tsNs, fd.cpu, back.tsNs, back.cpu),
    );
    return known === KNOWN.observed;
  }

  /** `tlb:tlb_flush`: pages -1 is all of the mm. */
  private printed(cpu: CpuMm, op: Op): void {
    const { ledger } = this.evidence;
    const { back, handler } = cpu;
    cpu.back = null;
    cpu.handler = null;
    if (back && op.a1 === REASON.taskSwitch) {
      if (op.a0 < 0) ledger.pass(26, KNOWN.observed);
      else this.behind(back, op, 'loaded it without a flush');
    }
    if (!handler || op.pid !== 0) return;
    if (op.a1 === REASON.taskSwitch) ledger.pass(27, KNOWN.observed);
    else if (op.a1 !== REASON.remote) return;
    else if (cpu.loaded === handler.mm && cpu.idle) {
      ledger.violated(27, {
        message: `CPU ${op.cpu} is idle in the mm whose page table is freed, and its flush handler left it there`,
        known: KNOWN.absence,
        held: [`CPU ${op.cpu}: CR3 still holds the mm`],
        events: witnesses(
          w(cpu.loadedRef, 'loads the mm'),
          w(cpu.idle.ref, 'goes idle'),
          w(handler.ref, 'flush handler'),
          w(op.ref, 'flushes, and stays'),
        ),
      });
    } else {
      ledger.unknown(27, 'the idle CPU flushed where it was: whether it was lazy is not shown', op.ref);
    }
  }

  /** The event behind the switch is no flush. */
  private unflushed(cpu: CpuMm, op: Op): void {
    const { back } = cpu;
    cpu.back = null;
    if (back) this.behind(back, op, 'used it again without a flush');
  }

  private behind(back: NonNullable<CpuMm['back']>, op: Op, how: string): void {
    const { evidence } = this;
    const { at, left, flush } = back;
    const { fr, fd } = flush;
    absent(
      evidence,
      26,
      { kinds: [OP.TLBF], cpu: op.cpu, since: left.at.seq, probe: 'tlb:tlb_flush' },
      {
        message: `CPU ${op.cpu} came back to an mm that was flushed while it was away, and ${how}`,
        held: [`CPU ${op.cpu}: translations from before it left`],
        ...flips(
          margin(evidence, left.at.tsNs, left.at.cpu, fr.tsNs, fr.cpu),
          margin(evidence, fd.tsNs, fd.cpu, at.tsNs, at.cpu),
        ),
        events: witnesses(
          w(left.at.ref, 'leaves the mm'),
          w(fr.ref, 'flush'),
          w(fd.ref, 'flush done'),
          w(at.ref, 'comes back'),
          w(op.ref, 'next on this CPU'),
        ),
      },
    );
  }

  /** arch/x86/mm/tlb.c flush_tlb_func() leaves the mm where it finds its CPU lazy; an idle CPU is. */
  private handler(op: Op): void {
    if (op.cpu < 0) return;
    const cpu = this.of(op.cpu);
    cpu.handler = null;
    if (op.pid !== 0) return;
    const freeing = this.evidence.state.openFlushes.some(
      (f) => f.mm === op.a1 && f.freedTables === 1 && f.cpu !== op.cpu,
    );
    if (freeing) cpu.handler = { ref: op.ref, seq: this.evidence.state.seq, mm: op.a1 };
  }

  /** It printed nothing: it had left the mm before, or it did not look. */
  private handled(cpu: CpuMm, op: Op): void {
    const handler = cpu.handler!;
    cpu.handler = null;
    if (cpu.loaded !== handler.mm || !cpu.idle || op.pid !== 0) return;
    absent(
      this.evidence,
      27,
      { kinds: [OP.TLBF, OP.SWMM], cpu: op.cpu, since: handler.seq, probe: 'tlb:tlb_flush' },
      {
        message: `CPU ${op.cpu} is idle in the mm whose page table is freed, and its flush handler left it there`,
        held: [`CPU ${op.cpu}: CR3 still holds the mm`],
        events: witnesses(
          w(cpu.loadedRef, 'loads the mm'),
          w(cpu.idle.ref, 'goes idle'),
          w(handler.ref, 'flush handler'),
          w(op.ref, 'it returns'),
        ),
      },
    );
  }
}
