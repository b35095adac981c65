import type { EvidenceRef } from '../timeline/batch.js';
import { CONTEXT } from '../timeline/flags.js';
import { BASIS, FUNC, OP, type Op } from './ops.js';
import type { KernelChangeName } from './releases.js';
import { SLOW, TaskShape } from './task-shape.js';
import { RCU_LEAF, RULES, type Rule, type RuleName, SYNC_LEAF } from './variant-shapes.js';
import { ALL_VARIANTS, maskWhere, namesOf, type VariantMask } from './variants.js';

export interface VariantEvidence {
  /** What was seen, in words. */
  readonly text: string;
  /** Variants that can show it. */
  readonly keepsMask: VariantMask;
  /** Lines that show it, at most three. */
  readonly refs: readonly EvidenceRef[];
}

const MAX_TASKS = 4096;
/** THREAD_SIZE with KASAN. */
const KERNEL_STACK = 32768;
const NO_TASK = { gather: Number.NaN };
/** Variants of the newest kernels, 7.3 among them. */
const MAY_BE_7_3 = maskWhere((v) => v.releases !== null && v.releases.below === undefined);

/**
 * Narrows down the kernel variant from the shapes of the free path. Feed it every operation; `mask` is always what
 * the trace so far allows. Mask 0: the evidence contradicts itself (mixed recordings, or a kernel not known here).
 */
export class VariantDetector {
  mask: VariantMask;
  /** What the trace allowed before the first contradiction; equal to `mask` while there is none. */
  consistent: VariantMask;
  readonly evidence: VariantEvidence[] = [];
  private readonly counts = new Map<RuleName, number>();
  private readonly tasks = new Map<number, TaskShape>();
  private clash: { message: string; events: { ref: EvidenceRef; role: string }[] } | null = null;
  private info: 'stack' | 'percpu' | null = null;
  private appends = 0;
  private followed = 0;

  /** `given`: the variants the user says it can be; null: any. */
  constructor(given: VariantMask | null = null) {
    this.mask = given ?? ALL_VARIANTS;
    this.consistent = this.mask;
  }

  /** Whether the kernel has a change, as far as what it shows tells; null: it does not. */
  has(change: KernelChangeName): boolean | null {
    if (change !== 'callbacks-advance-on-expedited-gp' && change !== 'flush-sender-may-migrate') return null;
    if (this.info !== null) return this.info === 'stack';
    return this.mask !== 0 && (this.mask & MAY_BE_7_3) === 0 ? false : null;
  }

  /**
   * Up to 7.2 struct flush_tlb_info is a per-CPU variable, from 7.3 on it lies on the stack of the flush, like the
   * gather (arch/x86/mm/tlb.c get_flush_tlb_info()).
   */
  private flushInfo(op: Op): void {
    const { gather } = this.tasks.get(op.pid) ?? NO_TASK;
    if (!(gather > 0) || !(op.a0 > 0)) return;
    this.info = Math.abs(op.a0 - gather) < KERNEL_STACK ? 'stack' : 'percpu';
  }

  /** True once two pieces of evidence exclude each other. */
  get contradiction(): boolean {
    return this.mask === 0;
  }

  /** Pieces of evidence that exclude at least one variant. */
  get discriminating(): number {
    return this.evidence.filter((e) => e.keepsMask !== ALL_VARIANTS).length;
  }

  /** The contradiction in words, with the lines on both sides; null if there is none. */
  conflict(): { message: string; events: { ref: EvidenceRef; role: string }[] } | null {
    return this.clash;
  }

  /** Names of the variants that remain. */
  get candidates(): string[] {
    return namesOf(this.mask);
  }

  /** A new capture begins, or events were lost: half-seen shapes are dropped, what was learnt stays. */
  segment(): void {
    this.tasks.clear();
  }

  observe(op: Op): void {
    switch (op.kind) {
      case OP.FREE:
        if (this.tasks.size > 0 && op.context === CONTEXT.task) this.freed(op);
        return;
      case OP.TLBF:
        if (op.a1 === 5) this.found('wrongCpu', op.ref);
        return;
      case OP.ULret:
        if (op.a0 === 1) this.found('reclaim', op.ref);
        return;
      case OP.UL:
        // A hand-written marker has no gather; the probe on free_pte has one, a function line is inferred.
        if (!Number.isNaN(op.a3) || op.basis === BASIS.inferred) this.found('reclaim', op.ref);
        return;
      case OP.SYNCR: {
        this.found('syncRcu', op.ref);
        const t = this.task(op);
        if (t?.slow === SLOW.flushed) t.waited = true;
        return;
      }
      case OP.lost:
      case OP.segment:
        this.segment();
        return;
      case OP.ALLOC:
      case OP.PTEN:
      case OP.SE:
      case OP.SX:
        if (this.tasks.size > 0 && op.context === CONTEXT.task) this.outside(op);
        return;
      case OP.CR:
        this.enqueued(op);
        return;
      case OP.IS:
        this.ipi(op);
        return;
      case OP.GB:
        this.tasks.delete(op.pid);
        if (this.info === null && op.pid >= 0 && op.a0 > 0 && this.tasks.size < MAX_TASKS) {
          const shape = new TaskShape();
          shape.gather = op.a0;
          this.tasks.set(op.pid, shape);
        }
        return;
      case OP.GEret:
        this.tasks.delete(op.pid);
        return;
      case OP.INV:
        if (this.info === null && op.context === CONTEXT.task && op.pid >= 0) this.flushInfo(op);
        return;
      case OP.GE:
      case OP.FMMU:
      case OP.TR:
      case OP.PVOP:
      case OP.APP:
      case OP.FR:
      case OP.FD:
        this.gather(op);
    }
  }

  private task(op: Op): TaskShape | undefined {
    return op.pid < 0 ? undefined : this.tasks.get(op.pid);
  }

  private gather(op: Op): void {
    if (op.kind === OP.APP) {
      this.appends++;
      this.found('append', op.ref);
    } else if (op.kind === OP.PVOP) this.found('native', op.ref);
    if (op.pid < 0) return;
    let t = this.tasks.get(op.pid);
    if (!t) {
      if (op.kind === OP.FR || op.kind === OP.FD || this.tasks.size >= MAX_TASKS) return;
      this.tasks.set(op.pid, (t = new TaskShape()));
    }
    if (t.nativeRef >= 0) this.afterNative(t, op);
    else if (op.kind === OP.APP) t.appendsAlone = true;
    switch (op.kind) {
      case OP.TR:
        if (op.a2 > 0) t.tables.set(op.a2, op.ref);
        t.queued = false;
        this.removed(t, op);
        return;
      case OP.APP:
        this.removed(t, op);
        return;
      case OP.PVOP:
        t.native = op.a2;
        t.nativeRef = op.ref;
        return;
      case OP.GE:
      case OP.FMMU:
        t.finishing = true;
        t.finishFlushed = false;
        t.slow = SLOW.none;
        return;
      case OP.FR:
        if (t.slow === SLOW.removed) t.slow = SLOW.flushing;
        t.sawIpi = false;
        return;
      default:
        if (t.finishing) t.finishFlushed = true;
        if (t.slow === SLOW.flushing) t.slow = SLOW.flushed;
    }
  }

  private removed(t: TaskShape, op: Op): void {
    t.finishing = false;
    t.finishFlushed = false;
    t.slow = SLOW.removed;
    t.waited = false;
    t.slowTable = op.a2;
    t.slowRef = op.ref;
  }

  /** The task's next step after native_tlb_remove_table tells whether that called tlb_remove_table. */
  private afterNative(t: TaskShape, op: Op): void {
    const same = op.a2 === t.native || Number.isNaN(op.a2) || Number.isNaN(t.native);
    if (op.kind === OP.APP && same) {
      this.followed++;
      this.found('nativeAppends', t.nativeRef, op.ref);
    } else if (op.kind === OP.APP) t.appendsAlone = true;
    else if (this.appends > 0 && this.followed === 0 && !t.appendsAlone) {
      // Until the probe on tlb_remove_table has fired somewhere, its absence proves nothing; nor does it in a gather that
      // also shows tlb_remove_table without its caller: no kernel does both, lines are missing.
      this.found('nativeAlone', t.nativeRef, op.ref);
    }
    t.nativeRef = -1;
  }

  private ipi(op: Op): void {
    const t = this.task(op);
    if (!t) return;
    t.sawIpi = true;
    if (op.a1 !== FUNC.tlb_remove_table_smp_sync || t.slow !== SLOW.flushed) return;
    this.found('syncInGather', t.slowRef, op.ref);
    t.slow = SLOW.synced;
  }

  /** Releasing what was gathered allocates nothing and makes no call: the finish is over, seen or not. */
  private outside(op: Op): void {
    const t = this.tasks.get(op.pid);
    if (!t) return;
    t.finishing = false;
    t.finishFlushed = false;
  }

  private enqueued(op: Op): void {
    // The softirq that runs callbacks borrows the task's name; only the task itself queues its tables.
    const t = this.task(op);
    if (op.a1 === FUNC.tlb_remove_table_rcu) {
      this.found('batch', op.ref);
      if (t) t.queued = true;
    } else if (op.a1 === FUNC.__tlb_remove_table_one_rcu) {
      this.found('single', op.ref);
      if (!t) return;
      t.tables.delete(op.a2);
      t.tables.delete(t.slowTable);
      if (t.slow === SLOW.flushed && t.waited) this.found('gpThenSingle', t.slowRef, op.ref);
      if (t.slow === SLOW.flushed && t.sawIpi) this.found('singleNoSync', t.slowRef, op.ref);
      t.slow = SLOW.none;
    }
  }

  private freed(op: Op): void {
    const t = this.tasks.get(op.pid);
    if (!t) return;
    const ref = t.tables.get(op.a0);
    if (ref === undefined) return;
    t.tables.delete(op.a0);
    if (t.slow === SLOW.synced && t.slowTable === op.a0) this.found('syncThenFree', ref, op.ref);
    else if (t.finishFlushed && !t.queued) this.found('inline', ref, op.ref);
  }

  private found(name: RuleName, ...refs: EvidenceRef[]): void {
    const rule: Rule = RULES[name];
    const n = this.counts.get(name) ?? 0;
    if (n >= rule.times) return;
    this.counts.set(name, n + 1);
    if (n + 1 < rule.times) return;
    const before = this.mask;
    this.mask &= this.otherLeafFound(name) ? 0 : rule.keeps;
    if (this.mask !== 0) this.consistent = this.mask;
    if (this.mask === 0 && before !== 0) this.clash = this.describe(rule, before, refs);
    this.evidence.push({ text: rule.text, keepsMask: rule.keeps, refs });
  }

  private otherLeafFound(name: RuleName): boolean {
    const others = RCU_LEAF.includes(name) ? SYNC_LEAF : SYNC_LEAF.includes(name) ? RCU_LEAF : [];
    return others.some((other) => (this.counts.get(other) ?? 0) >= RULES[other].times);
  }

  /** What the new rule contradicts: evidence that shares no variant with it, or else all of it together. */
  private describe(rule: Rule, before: VariantMask, refs: readonly EvidenceRef[]): typeof this.clash {
    const other = this.evidence.find((e) => (e.keepsMask & rule.keeps) === 0) ?? this.evidence.at(-1);
    const left = other && (other.keepsMask & rule.keeps) === 0 ? other.keepsMask : before;
    const message =
      `no kernel variant shows both: ${other ? other.text : 'the variants given'} (${namesOf(left).join(', ')}), ` +
      `and ${rule.text} (${namesOf(rule.keeps).join(', ')})`;
    const events = (other?.refs ?? []).slice(0, 1).map((ref) => ({ ref, role: 'one variant' }));
    return { message, events: [...events, ...refs.map((ref) => ({ ref, role: 'another variant' }))] };
  }
}
