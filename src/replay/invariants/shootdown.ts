import { OP, type Op } from '../../kernel/ops.js';
import { CONTEXT, FLAG } from '../../timeline/flags.js';
import { KNOWN } from '../ledger.js';
import type { Flush, Task } from '../state.js';
import { absent, CLOCK, type Court, flips, LOSS, margin, order, w, witnesses } from './court.js';

interface Epoch {
  /** Highest generation seen of this mm, and the flush that had it: where, when, by whom. */
  gen: number;
  ref: number;
  flushRef: number;
  ts: number;
  cpu: number;
  task: number;
  /** Everything of it was flushed with its tables, as exit_mmap() does: the address may belong to a new mm since. */
  mayHaveEnded: boolean;
  /** The flush whose lower generation has been judged. */
  backRef: number;
  /** exit_mmap() of it has returned. */
  exitRef: number;
}

/** CPUs of a cpumask word that is known whole. */
const MASK_BITS = 53;

/**
 * Who is told of a flush, and the life of the mm it is for: I23 target-coverage, I25 gen-rules, I34
 * no-flush-with-irqs-off, I50 mm-lifetime. Source: arch/x86/mm/tlb.c inc_mm_tlb_gen(), native_flush_tlb_multi();
 * mm/mmap.c exit_mmap().
 */
export class ShootdownFamily {
  private readonly court: Court;
  private readonly epochs = new Map<number, Epoch>();
  /** mm of the exit_mmap() that a task is in. */
  private readonly exits = new Map<number, number>();
  /** A flush with interrupts on was seen: then the column shows the caller, not the probe's own handler. */
  private flagsShowCaller = false;

  constructor(court: Court) {
    this.court = court;
  }

  seen(op: Op, task: Task): void {
    if (op.kind === OP.FR) this.flushBegins(op);
    else if (op.kind === OP.FMULTI) this.generation(op.a1, op.a4, task, op);
    else if (op.kind === OP.INV) {
      if (op.context === CONTEXT.task) this.generation(op.a1, op.a4, task, op);
    } else if (op.kind === OP.EXITMM) this.exitMmap(op, task);
  }

  /** I34: the sender waits for IPIs that it could never answer itself. */
  private flushBegins(op: Op): void {
    const { ledger } = this.court;
    if ((op.flags & FLAG.known) === 0) return;
    const interrupt =
      op.context === CONTEXT.hardirq || op.context === CONTEXT.softirq || op.context === CONTEXT.nmi;
    const off = (op.flags & FLAG.irqsOff) !== 0;
    if (!interrupt && !off) {
      this.flagsShowCaller = true;
      ledger.pass(34, KNOWN.observed);
    } else if (interrupt || this.flagsShowCaller) {
      ledger.violated(34, {
        message: `flush_tlb_mm_range() is called ${interrupt ? 'in interrupt context' : 'with interrupts off'}`,
        known: KNOWN.observed,
        certain: true,
        ...(interrupt ? { held: ['the interrupted code'], missing: 'return from the interrupt' } : {}),
        events: witnesses(w(op.ref, 'flush begins')),
      });
    } else {
      const why = 'whether interrupts are off in the caller or only in the probe is not shown';
      ledger.unknown(34, why, op.ref);
    }
  }

  /** I25: every flush of an mm has a generation of its own; a new mm at the same address begins anew. */
  private generation(mm: number, gen: number, task: Task, op: Op): void {
    const flush = task.flush;
    if (mm !== mm || mm === 0 || gen !== gen || gen <= 0) return;
    const epoch = this.epochs.get(mm);
    const mine = flush !== null && flush.mm === mm ? flush.frRef : -1;
    if (!epoch) {
      const { tsNs: ts, cpu, ref } = op;
      this.epochs.set(mm, {
        gen,
        ref,
        flushRef: mine,
        ts,
        cpu,
        task: task.key,
        mayHaveEnded: whole(flush),
        backRef: -1,
        exitRef: -1,
      });
      return;
    }
    if (epoch.exitRef >= 0) this.afterExit(mm, epoch, gen, op);
    if (mine < 0 || epoch.flushRef === mine) return;
    const { ledger, state } = this.court;
    if (gen > epoch.gen) {
      ledger.pass(25, KNOWN.observed);
    } else if (gen === epoch.gen && epoch.flushRef >= 0 && gen > 1) {
      if (state.lossSeq > 0) ledger.unknown(25, LOSS, op.ref);
      else {
        ledger.violated(25, {
          message: `two flushes of one mm have the same generation ${gen}`,
          known: KNOWN.observed,
          assumesAllCpus: true,
          events: witnesses(w(epoch.ref, 'first flush'), w(op.ref, 'second flush')),
        });
      }
    } else if (gen < epoch.gen && gen > 1 && flush && this.goesBack(epoch, gen, flush, task, op)) return;
    else if (gen < epoch.gen && gen > 1 && !epoch.mayHaveEnded) return;
    // Lower than before and small: the address belongs to a new mm.
    epoch.gen = gen;
    epoch.ref = op.ref;
    epoch.flushRef = mine;
    epoch.ts = op.tsNs;
    epoch.cpu = op.cpu;
    epoch.task = task.key;
    epoch.mayHaveEnded = whole(flush);
  }

  /**
   * inc_mm_tlb_gen() only counts up: a flush that begins after another had its number has a higher one. The mm is the
   * same where its thread is, and nothing has flushed all of it meanwhile, which every end of an mm does.
   */
  private goesBack(epoch: Epoch, gen: number, flush: Flush, task: Task, op: Op): boolean {
    if (epoch.mayHaveEnded || epoch.task !== task.key || task.key <= 0) return false;
    if (epoch.backRef === flush.frRef) return true;
    epoch.backRef = flush.frRef;
    const { ledger, state } = this.court;
    const known = order(this.court, epoch.ts, epoch.cpu, flush.frTs, flush.cpu);
    if (state.lossSeq > 0) ledger.unknown(25, LOSS, op.ref);
    else if (known === null) ledger.unknown(25, CLOCK, op.ref);
    else {
      ledger.violated(25, {
        message: `the generation of an mm goes back from ${epoch.gen} to ${gen}: CPUs that have the higher one skip this flush`,
        known,
        assumesAllCpus: true,
        held: ['CPUs of the mm: what this flush should remove'],
        missing: `a generation above ${epoch.gen}`,
        ...flips(margin(this.court, epoch.ts, epoch.cpu, flush.frTs, flush.cpu)),
        events: witnesses(
          w(epoch.ref, 'earlier flush'),
          w(flush.frRef, 'flush begins'),
          w(op.ref, 'its generation'),
        ),
      });
    }
    return true;
  }

  /** I50: the next generation after exit_mmap() shows whether this is still the same mm. */
  private afterExit(mm: number, epoch: Epoch, gen: number, op: Op): void {
    const { ledger, state } = this.court;
    if (gen === epoch.gen + 1 && gen > 2) {
      if (state.lossSeq > 0) ledger.unknown(50, LOSS, op.ref);
      else {
        ledger.violated(50, {
          message: 'an mm is flushed after its exit_mmap() has returned',
          known: KNOWN.observed,
          events: witnesses(
            w(epoch.ref, 'last flush'),
            w(epoch.exitRef, 'exit_mmap returned'),
            w(op.ref, 'flush'),
          ),
        });
      }
      epoch.exitRef = -1;
      return;
    }
    // A handler of an older flush may still be on its way.
    if (gen <= epoch.gen && gen > 1) return;
    ledger.pass(50, KNOWN.inferred);
    this.epochs.delete(mm);
  }

  private exitMmap(op: Op, task: Task): void {
    if (op.a1 === 1) {
      if (op.a0 === op.a0) this.exits.set(task.key, op.a0);
      return;
    }
    const mm = this.exits.get(task.key);
    if (mm === undefined) return;
    this.exits.delete(task.key);
    const epoch = this.epochs.get(mm);
    if (epoch) epoch.exitRef = op.ref;
  }

  /** I23: freed_tables interrupts every CPU of the mask; without it, lazy ones and those of other mms are left out. */
  flushDone(flush: Flush, op: Op): void {
    const { ledger, coverage } = this.court;
    if (!flush.multi || flush.mask !== flush.mask || flush.mask <= 0 || coverage.total(OP.IS) === 0) return;
    if (flush.freedTables !== 1) {
      if (flush.freedTables === 0 && missing(flush) < 0) ledger.pass(23, KNOWN.observed);
      return;
    }
    const cpu = missing(flush);
    if (cpu < 0) {
      ledger.pass(23, KNOWN.observed);
      return;
    }
    absent(
      this.court,
      23,
      { kinds: [OP.IS], cpu: op.cpu, since: flush.frSeq, probe: 'csd:csd_queue_cpu' },
      {
        // The sender cannot change CPUs between the mask and the last IPI (arch/x86/mm/tlb.c get_cpu()).
        assumesAllCpus: false,
        message: `CPU ${cpu} is in the mask of a flush with freed_tables=1, but was not interrupted`,
        held: [`CPU ${cpu}: TLB and paging-structure cache`],
        missing: `an IPI with flush_tlb_func() to CPU ${cpu}`,
        events: witnesses(w(flush.frRef, 'flush begins'), w(op.ref, 'flush done')),
      },
    );
  }
}

/** Everything, with the tables: mm/mmap.c exit_mmap() ends with such a flush. */
const whole = (flush: Flush | null): boolean =>
  flush === null || !(flush.end <= USER_END) || flush.freedTables !== flush.freedTables;
const USER_END = 2 ** 52;

/** A CPU of the printed mask, other than the sender, that was sent nothing; -1 none. */
function missing(flush: Flush): number {
  let bits = flush.mask;
  for (let cpu = 0; cpu < MASK_BITS && bits > 0; cpu++, bits = Math.floor(bits / 2)) {
    if (bits % 2 === 0 || cpu === flush.cpu) continue;
    if (!flush.targets.some((t) => t.cpu === cpu)) return cpu;
  }
  return -1;
}
