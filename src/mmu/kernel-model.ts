import { FUNC, OP } from '../kernel/ops.js';

/** Takes one operation: kind, CPU it happens on, slots a0…a5. */
export type Emit = (kind: number, cpu: number, slots: readonly number[]) => void;

/** Last address a flush may cover (`TLB_FLUSH_ALL`), as its low 53 bits. */
export const FLUSH_ALL = 2 ** 53 - 1;
/** `enum tlb_flush_reason`, include/linux/mm_types.h. */
const REASON = { taskSwitch: 0, remote: 1, local: 3 } as const;

/** `TLB_NR_DYN_ASIDS`: mms whose translations a CPU keeps apart by PCID. */
const ASID_SLOTS = 6;

interface KernelMm {
  gen: number;
  readonly mask: Set<number>;
  /** CPUs a deferred flush has to reach (`arch_tlbbatch_add_pending`). */
  readonly batch: Set<number>;
}

interface Broadcast {
  readonly from: number;
  /** 0: of whatever mm the CPU has loaded. */
  readonly mm: number;
  readonly gen: number;
  readonly ranged: boolean;
  left: number;
}

interface KernelCpu {
  /** 0: init_mm. */
  loaded: number;
  /** `LOADED_MM_SWITCHING`: from the start of a switch to its end. */
  switching: number;
  /** Others can see that already. */
  visible: boolean;
  lazy: boolean;
  /** The hypervisor has taken the CPU away. */
  vcpuOut: boolean;
  /** Generation read at the start of the switch. */
  readGen: number;
  /** Generation each mm's ASID slot has caught up with. */
  readonly slots: Map<number, number>;
  readonly queue: { readonly call: Broadcast; readonly csd: number }[];
  waitsFor: Broadcast | null;
}

/**
 * How Linux keeps its TLBs: loaded_mm, lazy mode, ASID generations, mm_cpumask and who is sent a flush. Each step
 * says which operations a trace would show. Source: arch/x86/mm/tlb.c (6.1 to 7.0).
 */
export class KernelModel {
  private readonly emit: Emit;
  private readonly broken: ReadonlySet<string>;
  private readonly mms = new Map<number, KernelMm>();
  private readonly cpus = new Map<number, KernelCpu>();
  private csds = 0;

  /** `broken`: names of `MMU_RULES` that this kernel does not follow. */
  constructor(emit: Emit, broken: ReadonlySet<string>) {
    this.emit = emit;
    this.broken = broken;
  }

  /** The CPU spins until others answer: whatever it does next has to wait. */
  waits(cpu: number): boolean {
    return this.cpus.get(cpu)?.waitsFor != null;
  }

  /** switch_mm_irqs_off() up to the read of tlb_gen. */
  switchBegin(cpu: number, mm: number): void {
    const c = this.cpu(cpu);
    const m = this.mm(mm);
    c.switching = mm;
    // An atomic set_bit orders the store before the load by itself; without it only the barrier does.
    c.visible = !(this.broken.has('switch-without-barrier') && m.mask.has(cpu));
    m.mask.add(cpu);
    c.readGen = m.gen;
  }

  /** The CR3 write; it drains the store buffer. */
  switchCr3(cpu: number, mm: number): void {
    const c = this.cpu(cpu);
    c.visible = true;
    this.emit(OP.CR3, cpu, [mm]);
    const slot = c.slots.get(mm);
    if (slot !== undefined && slot >= c.readGen) return;
    this.takeSlot(c, cpu, mm);
    // It is no flush_tlb_func(): it answers nobody's generation.
    this.emit(OP.INV, cpu, [0, mm, 0, FLUSH_ALL, 0, 0]);
    this.emit(OP.TLBF, cpu, [-1, REASON.taskSwitch]);
    c.slots.set(mm, c.readGen);
  }

  /** choose_new_asid(): without a slot of its own the mm gets the oldest one, whose PCID is flushed for that. */
  private takeSlot(c: KernelCpu, cpu: number, mm: number): void {
    if (c.slots.has(mm) || c.slots.size < ASID_SLOTS) return;
    const [oldest] = c.slots.keys();
    c.slots.delete(oldest!);
    this.emit(OP.IOTLB, cpu, [oldest!]);
  }

  /** loaded_mm is stored and interrupts are on again: calls that came in between are answered now. */
  switchEnd(cpu: number, mm: number): void {
    const c = this.cpu(cpu);
    c.loaded = mm;
    c.switching = 0;
    c.visible = false;
    if (c.lazy) this.emit(OP.LZ, cpu, [mm, 0]);
    c.lazy = false;
    for (const { call, csd } of c.queue.splice(0)) this.answer(cpu, call, csd);
  }

  lazy(cpu: number): void {
    const c = this.cpu(cpu);
    c.lazy = true;
    this.emit(OP.LZ, cpu, [c.loaded, 1]);
  }

  /** The hypervisor takes the CPU away, or gives it back. */
  vcpu(cpu: number, out: boolean): void {
    this.cpu(cpu).vcpuOut = out;
  }

  /** hyperv_flush_tlb_multi(), xen_flush_tlb_multi(): one hypercall for all CPUs; nobody is interrupted. */
  hypercallFlush(cpu: number, mm: number): void {
    const m = this.mm(mm);
    m.gen++;
    this.emit(OP.FR, cpu, [mm, 0, FLUSH_ALL, 12, 1]);
    for (const target of m.mask) this.emit(OP.IOTLB, target, [mm]);
    this.emit(OP.FD, cpu, []);
  }

  /** flush_tlb_mm_range() over everything. */
  flush(cpu: number, mm: number, freedTables: boolean): void {
    const m = this.mm(mm);
    m.gen++;
    this.emit(OP.FR, cpu, [mm, 0, FLUSH_ALL, 12, freedTables ? 1 : 0]);
    const sent = [...m.mask].filter((c) => c !== cpu && this.isSent(c, mm, freedTables));
    const targets = sent.filter((c) => !this.cpu(c).vcpuOut);
    // kvm_flush_tlb_multi(): one that is not running flushes on entry, so it cannot use what it holds.
    for (const c of sent) {
      if (this.cpu(c).vcpuOut && !this.broken.has('pv-flush-forgets-entry')) this.emit(OP.IOTLB, c, [mm]);
    }
    this.broadcast(cpu, { from: cpu, mm, gen: m.gen, ranged: true, left: targets.length }, targets);
  }

  /** arch_tlbbatch_add_pending(): reclaim has cleared an entry and puts the flush off. */
  batch(mm: number): void {
    const m = this.mm(mm);
    m.gen++;
    for (const c of m.mask) m.batch.add(c);
  }

  /** arch_tlbbatch_flush(): one broadcast for all mms, so without an mm and with generation 0. */
  batchFlush(cpu: number, mm: number): void {
    const m = this.mm(mm);
    const targets = [...m.batch].filter((c) => c !== cpu);
    m.batch.clear();
    this.broadcast(cpu, { from: cpu, mm: 0, gen: 0, ranged: false, left: targets.length }, targets);
  }

  /** should_flush_tlb(), and the mask that freed_tables takes whole. */
  private isSent(cpu: number, mm: number, freedTables: boolean): boolean {
    const c = this.cpu(cpu);
    if (freedTables && !(c.lazy && this.broken.has('lazy-skips-freed-tables'))) return true;
    if (c.lazy) return false;
    if (c.switching !== 0 && c.visible) return !this.broken.has('flush-ignores-switching');
    return c.loaded === mm;
  }

  private broadcast(cpu: number, call: Broadcast, targets: readonly number[]): void {
    const self = this.cpu(cpu);
    if (targets.length > 0) {
      const mask = [cpu, ...targets].reduce((bits, c) => bits + 2 ** c, 0);
      this.emit(OP.FMULTI, cpu, [mask, call.mm, 0, FLUSH_ALL, call.gen, 1]);
      const calls = targets.map((target) => ({ target, csd: ++this.csds }));
      for (const { target, csd } of calls) this.emit(OP.IS, cpu, [target, FUNC.flush_tlb_func, csd]);
      self.waitsFor = call;
      this.local(cpu, call);
      for (const { target, csd } of calls) {
        const c = this.cpu(target);
        // Interrupts are off for the whole of a switch.
        if (c.switching !== 0) c.queue.push({ call, csd });
        else this.answer(target, call, csd);
      }
      return;
    }
    this.local(cpu, call);
    this.done(call);
  }

  private local(cpu: number, call: Broadcast): void {
    const c = this.cpu(cpu);
    const mm = call.mm === 0 ? c.loaded : call.mm;
    if (c.loaded !== mm || mm === 0) return;
    this.invalidate(cpu, call, REASON.local);
  }

  /** flush_tlb_func() on a target. */
  private answer(cpu: number, call: Broadcast, csd: number): void {
    this.emit(OP.IE, cpu, [Number.NaN, FUNC.flush_tlb_func, csd]);
    this.invalidate(cpu, call, REASON.remote);
    this.emit(OP.IX, cpu, [Number.NaN, FUNC.flush_tlb_func, csd]);
    if (--call.left === 0) this.done(call);
  }

  private invalidate(cpu: number, call: Broadcast, reason: number): void {
    const c = this.cpu(cpu);
    this.emit(OP.INV, cpu, [0, call.mm, 0, FLUSH_ALL, call.gen]);
    const mm = call.mm === 0 ? c.loaded : call.mm;
    if (mm === 0) return;
    const m = this.mm(mm);
    if (c.loaded !== mm) {
      m.mask.delete(cpu);
      return;
    }
    if (c.lazy) {
      // A lazy CPU leaves the mm for init_mm instead of flushing.
      this.emit(OP.TLBF, cpu, [-1, REASON.taskSwitch]);
      this.emit(OP.CR3, cpu, [0]);
      this.emit(OP.LZ, cpu, [mm, 0]);
      c.loaded = 0;
      c.lazy = false;
      return;
    }
    const local = c.slots.get(mm) ?? 0;
    const wanted = call.gen === 0 && !this.broken.has('flush-gen-zero-skips') ? m.gen : call.gen;
    if (local >= wanted) return;
    this.emit(OP.TLBF, cpu, [-1, reason]);
    c.slots.set(mm, m.gen);
  }

  private done(call: Broadcast): void {
    this.cpu(call.from).waitsFor = null;
    if (call.ranged) this.emit(OP.FD, call.from, []);
  }

  private mm(mm: number): KernelMm {
    let m = this.mms.get(mm);
    if (!m) this.mms.set(mm, (m = { gen: 0, mask: new Set(), batch: new Set() }));
    return m;
  }

  private cpu(id: number): KernelCpu {
    let c = this.cpus.get(id);
    if (!c) {
      c = {
        loaded: 0,
        switching: 0,
        visible: false,
        lazy: false,
        vcpuOut: false,
        readGen: 0,
        slots: new Map(),
        queue: [],
        waitsFor: null,
      };
      this.cpus.set(id, c);
    }
    return c;
  }
}
