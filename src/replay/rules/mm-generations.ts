import { EXIT_MM, FLUSH, SHOOTDOWN } from '../../kernel/operands.js';
import { OP, type Op } from '../../kernel/ops.js';
import type { EvidenceRef } from '../../timeline/batch.js';
import { CONTEXT } from '../../timeline/flags.js';
import { isKnown } from '../../timeline/is-known.js';
import type { Monitor, OpListeners } from '../monitor.js';
import type { Task } from '../state/contexts.js';
import type { Flush } from '../state/table-life.js';

/** Highest generation seen of an mm, and the flush that had it. */
export interface Generation {
  gen: number;
  ref: EvidenceRef;
  flushRef: EvidenceRef;
  ts: number;
  cpu: number;
  task: number;
  /** Everything of it was flushed with its tables, as exit_mmap() does: the address may belong to a new mm since. */
  mayHaveEnded: boolean;
  /** The flush at hand may be of a new mm: that one's count from 1. */
  mayBeNew: boolean;
  /** The flush whose lower generation has been judged. */
  backRef: EvidenceRef;
  /** exit_mmap() of it has returned; -1 not. */
  exitRef: EvidenceRef;
  /** Flushes of everything, as exit_mmap() makes one, since that generation was shown. */
  wholes: number;
  /** Flushes of the mm since that generation was shown, and since exit_mmap() returned. */
  flushes: number;
  sinceExit: number;
}

/** How the generation of a flush compares with the highest of its mm. */
export type Compared = 'higher' | 'same' | 'lower';

/**
 * TLB generations of every mm that flushes show. A new mm at the same address begins anew. Source: arch/x86/mm/tlb.c
 * inc_mm_tlb_gen(); mm/mmap.c exit_mmap().
 */
export class MmGenerations implements Monitor {
  /** A flush of its own shows its generation. Called before `last` takes it over. */
  flushed: (compared: Compared, last: Generation, gen: number, op: Op) => void = () => {};
  /** A flush of the same thread has a lower generation than one that ended before it began. */
  wentBack: (last: Generation, gen: number, flush: Flush, op: Op) => void = () => {};
  /** A flush whose request has generation 0 (`TLB_GENERATION_INVALID`), which only those of no mm have. */
  without: (last: Generation, flush: Flush, op: Op) => void = () => {};
  /** The first generation seen of an mm whose exit_mmap() has returned; `same`: it is still that mm; null: untold. */
  afterExit: (same: boolean | null, last: Generation, op: Op) => void = () => {};

  private readonly byMm = new Map<number, Generation>();
  /** mm of the exit_mmap() that a task is in. */
  private readonly exits = new Map<number, number>();

  readonly on: OpListeners = {
    [OP.FR]: (op) => this.requested(op),
    [OP.FMULTI]: (op, task) => this.shown(SHOOTDOWN.mm(op), SHOOTDOWN.tlbGen(op), task, op),
    [OP.INV]: (op, task) => {
      if (op.context === CONTEXT.task) this.shown(SHOOTDOWN.mm(op), SHOOTDOWN.tlbGen(op), task, op);
    },
    [OP.EXITMM]: (op, task) => this.exitMmap(op, task),
  };

  private shown(mm: number, gen: number, task: Task, op: Op): void {
    const flush = task.flush;
    if (!isKnown(mm) || mm === 0 || !isKnown(gen) || gen < 0) return;
    const last = this.byMm.get(mm);
    if (gen === 0) {
      if (last && op.kind === OP.FMULTI && flush?.mm === mm) this.without(last, flush, op);
      return;
    }
    const mine = flush !== null && flush.mm === mm ? flush.frRef : -1;
    if (!last) {
      this.byMm.set(mm, {
        gen,
        ref: op.ref,
        flushRef: mine,
        ts: op.tsNs,
        cpu: op.cpu,
        task: task.key,
        mayHaveEnded: whole(flush),
        mayBeNew: false,
        backRef: -1,
        exitRef: -1,
        wholes: 0,
        flushes: 0,
        sinceExit: 0,
      });
      return;
    }
    const own = mine >= 0 && last.flushRef !== mine;
    if (last.exitRef >= 0 && this.exited(mm, last, gen, own, op)) {
      this.shown(mm, gen, task, op);
      return;
    }
    if (!own) return;
    // The mm may have ended with a flush that shows no generation: no CPU had it loaded, or its handler has no probe.
    const between = last.wholes > (whole(flush) ? 1 : 0);
    if (between) last.mayHaveEnded = true;
    last.mayBeNew = between || (last.mayHaveEnded && last.flushes >= gen);
    last.flushes = 0;
    last.wholes = 0;
    this.flushed(gen > last.gen ? 'higher' : gen === last.gen ? 'same' : 'lower', last, gen, op);
    if (gen < last.gen && gen > 1) {
      if (flush && this.goesBack(last, gen, flush, task, op)) return;
      if (!last.mayHaveEnded) return;
    }
    // Lower than before and small: the address belongs to a new mm.
    last.gen = gen;
    last.ref = op.ref;
    last.flushRef = mine;
    last.ts = op.tsNs;
    last.cpu = op.cpu;
    last.task = task.key;
    last.mayHaveEnded = whole(flush);
  }

  /**
   * inc_mm_tlb_gen() only counts up: a flush that begins after another had its number has a higher one. The mm is the
   * same where its thread is, and nothing has flushed all of it meanwhile, which every end of an mm does.
   */
  private goesBack(last: Generation, gen: number, flush: Flush, task: Task, op: Op): boolean {
    if (last.mayHaveEnded || last.task !== task.key || task.key <= 0) return false;
    if (last.backRef === flush.frRef) return true;
    last.backRef = flush.frRef;
    this.wentBack(last, gen, flush, op);
    return true;
  }

  /** A flush begins: of a new mm they count from 1, of the old one from its last generation. */
  private requested(op: Op): void {
    const last = this.byMm.get(FLUSH.mm(op));
    if (!last) return;
    last.flushes++;
    if (last.exitRef >= 0) last.sinceExit++;
    if (ofEverything(FLUSH.freedTables(op), FLUSH.stride(op), FLUSH.end(op))) last.wholes++;
  }

  /** The next generation after exit_mmap() shows whether this is still the same mm; true: it is not, or untold. */
  private exited(mm: number, last: Generation, gen: number, own: boolean, op: Op): boolean {
    // A handler of an older flush may still be on its way.
    if (gen <= last.gen && gen > 1 && !own) return false;
    const goesOn = own && gen === last.gen + last.flushes;
    const anew = gen === 1 || gen <= last.gen || (own && gen === last.sinceExit);
    if (goesOn && !anew) {
      this.afterExit(true, last, op);
      last.exitRef = -1;
      return false;
    }
    this.afterExit(anew ? false : null, last, op);
    this.byMm.delete(mm);
    return true;
  }

  private exitMmap(op: Op, task: Task): void {
    if (EXIT_MM.entry(op)) {
      if (isKnown(EXIT_MM.mm(op))) this.exits.set(task.key, EXIT_MM.mm(op));
      return;
    }
    const mm = this.exits.get(task.key);
    if (mm === undefined) return;
    this.exits.delete(task.key);
    const last = this.byMm.get(mm);
    if (!last) return;
    last.exitRef = op.ref;
    last.sinceExit = 0;
  }
}

/**
 * Everything, with the tables: mm/mmap.c exit_mmap() ends with such a flush. flush_tlb_mm() of fork is one of all
 * tables as well, and alone gives no stride (arch/x86/include/asm/tlbflush.h).
 */
const ofEverything = (freedTables: number, stride: number, end: number): boolean =>
  freedTables !== 0 && stride !== 0 && !(end <= USER_END);
const USER_END = 2 ** 52;

const whole = (flush: Flush | null): boolean =>
  flush === null || !isKnown(flush.freedTables) || ofEverything(flush.freedTables, flush.stride, flush.end);
