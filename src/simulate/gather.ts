import { MAX_PAGE_SLOTS, MAX_TABLE_BATCH, PAGE_BUNDLE } from '../kernel/free-paths.js';
import { allocated, type Mapped, PAGE } from './address-range.js';
import { freed, type GracePeriods } from './grace-periods.js';
import { directMap, FLAGS, hex, pageOf, probe, returns } from './lines.js';
import { flush, syncOne } from './shootdown.js';
import type { World } from './world.js';

/** Slots of a further page of the page batch: 510, full one early. */
const PAGE_BATCH = 509;
const TASK_END = 0x7fff_ffff_f000;
const LEVELS = [
  { name: 'pte_free_tlb', symbol: '___pte_free_tlb', arg: 'page', shift: 21 },
  { name: 'pmd_free_tlb', symbol: '___pmd_free_tlb', arg: 'pmd', shift: 30 },
  { name: 'pud_free_tlb', symbol: '___pud_free_tlb', arg: 'pud', shift: 39 },
] as const;

/** Waits for a grace period that begins after `fromNs`; resumed with the time of waking. */
export interface GpWait {
  readonly fromNs: number;
}

/** One munmap with its mmu_gather, as a coroutine: it stops where the kernel sleeps for a grace period. */
export class Gather {
  private t = 0;
  private readonly tlb: string;
  private slots: number[] = [];
  private slotTables = 0;
  private capacity = PAGE_BUNDLE;
  private extraPages: number[] = [];
  private batchPfn: number | null = null;
  private batch: number[] = [];
  private start = TASK_END;
  private end = 0;
  private tables = false;
  private zapped = false;
  private shift = 12;

  private readonly world: World;
  private readonly rcu: GracePeriods;
  private readonly cpu: number;

  constructor(world: World, rcu: GracePeriods, cpu: number) {
    this.world = world;
    this.rcu = rcu;
    this.cpu = cpu;
    // On the stack of the thread.
    this.tlb = `0xffffc9${(0x100_fc90 + cpu * 0x8000).toString(16).padStart(10, '0')}`;
  }

  /** Returns when the system call returns. */
  *munmap(tsNs: number, mapped: Mapped | null): Generator<GpWait, number, number> {
    const { world } = this;
    this.t = tsNs;
    const addr = mapped?.start ?? 0x1000_0000_0000;
    const length = mapped ? mapped.end - mapped.start : PAGE;
    this.say(`sys_munmap(addr: ${addr.toString(16)}, len: ${length.toString(16)})`, FLAGS.preemptOff);
    this.pass(world.cost('syscall') / 2);
    this.say(probe('tlb_gather_mmu', 'tlb_gather_mmu', `tlb=${this.tlb} mm=${world.mm}`));
    this.pass(10);
    this.say(probe('unmap_vmas', 'unmap_vmas', `tlb=${this.tlb}`));
    if (mapped) yield* this.unmap(mapped);
    this.finish();
    this.pass(world.cost('syscall') / 2);
    this.say('sys_munmap -> 0x0', FLAGS.preemptOff);
    return this.t;
  }

  private *unmap(mapped: Mapped): Generator<GpWait, void, number> {
    const { world, tlb } = this;
    for (const pmd of mapped.pmds) {
      for (const table of pmd.tables) {
        for (const [i, pfn] of table.frames.entries()) {
          this.pass(world.cost('zapPage'));
          this.cover(table.addr + i * PAGE);
          this.zapped = true;
          this.addSlot(pfn);
        }
      }
    }
    this.say(probe('free_pgtables', 'free_pgtables', `tlb=${tlb} mm=${world.mm}`));
    this.pass(20);
    const range = `addr=${hex(mapped.start)} end=${hex(mapped.end)} floor=0x0 ceiling=0x0`;
    this.say(probe('free_pgd_range', 'free_pgd_range', `tlb=${tlb} ${range}`));
    for (const pmd of mapped.pmds) {
      for (const table of pmd.tables) yield* this.remove(table.pfn, table.addr, 0);
      yield* this.remove(pmd.pfn, pmd.addr, 1);
    }
    yield* this.remove(mapped.pudPfn, mapped.start, 2);
    // The folded p4d_free_tlb() of the top-level entry arms the flush once more.
    this.cover(mapped.start);
    this.tables = true;
    this.shift = 12;
    this.pass(20);
    this.say(returns('free_pgd_range', 'free_pgtables'));
  }

  private *remove(pfn: number, addr: number, level: 0 | 1 | 2): Generator<GpWait, void, number> {
    const { world, tlb } = this;
    const { name, symbol, arg, shift } = LEVELS[level];
    this.pass(world.cost('unlink'));
    const pointer = level === 0 ? pageOf(pfn) : directMap(pfn);
    this.say(probe(name, symbol, `tlb=${tlb} mm=${world.mm} ${arg}=${pointer}`));
    world.counts.tablesRemoved++;
    this.shift = this.zapped || (this.tables && this.shift !== shift) ? 12 : shift;
    this.cover(addr);
    this.tables = true;
    const table = `tlb=${tlb} mm=${world.mm} table=${pageOf(pfn)}`;
    if (world.path.pvProbe) {
      this.pass(3);
      this.say(probe('native_tlb_remove_table', 'native_tlb_remove_table', table));
    }
    this.pass(world.cost('append'));
    if (world.path.leaf === 'pages') {
      this.slotTables++;
      this.addSlot(pfn);
      return;
    }
    this.say(probe('tlb_remove_table', 'tlb_remove_table', table));
    if (this.batchPfn === null) {
      this.pass(world.cost('batchPage'));
      if (world.random.chance(world.workload.pressure)) {
        yield* this.single(pfn);
        return;
      }
      this.batchPfn = world.pool.take(this.t);
      this.say(allocated(this.batchPfn, 'GFP_NOWAIT'));
    }
    this.batch.push(pfn);
    if (this.batch.length === MAX_TABLE_BATCH) {
      this.flushRange('tlb_remove_table');
      this.queueBatch();
    }
  }

  /** No page for a batch: the way of one table, which is what the variants differ in. */
  private *single(pfn: number): Generator<GpWait, void, number> {
    const { world, cpu } = this;
    this.flushRange('tlb_remove_table');
    for (const step of world.path.single) {
      this.pass(10);
      if (step === 'sync-ipi') this.t = syncOne(world, this.t, cpu);
      else if (step === 'free') {
        this.free(pfn);
        world.counts.tablesFreed++;
      } else if (step === 'call-rcu') {
        this.rcu.callRcu({ queuedNs: this.t, cpu, batchPfn: null, tables: [pfn] });
        this.pass(world.cost('callRcu'));
      } else {
        this.say(probe('tlb_remove_table_sync_rcu', 'tlb_remove_table_sync_rcu', ''));
        this.t = Math.max(this.t, yield { fromNs: this.t });
        this.say(returns('tlb_remove_table_sync_rcu', 'tlb_remove_table'));
      }
    }
  }

  private finish(): void {
    this.pass(20);
    this.say(probe('tlb_finish_mmu', 'tlb_finish_mmu', this.state()));
    this.flushMmu('tlb_finish_mmu');
    for (const pfn of this.extraPages) this.free(pfn);
    this.pass(20);
    this.say(returns('tlb_finish_mmu', 'unmap_region'));
  }

  /** `tlb_flush_mmu()`: flush, then the table batch, then the pages. */
  private flushMmu(caller: string): void {
    const early = this.world.bug === 'free-before-flush';
    if (early) this.freeSlots();
    this.flushRange(caller);
    this.queueBatch();
    if (!early) this.freeSlots();
    this.capacity = PAGE_BUNDLE;
  }

  private flushRange(caller: string): void {
    if (this.end === 0) return;
    this.pass(10);
    const { start, end, shift, tables } = this;
    if (this.world.bug !== 'no-flush' || this.world.random.chance(0.5)) {
      this.t = flush(this.world, this.t, this.cpu, { start, end, shift, tables }, caller);
    }
    this.start = TASK_END;
    this.end = 0;
    this.tables = false;
    this.zapped = false;
    this.shift = 12;
  }

  private queueBatch(): void {
    const { batchPfn, batch } = this;
    if (batchPfn === null) return;
    this.pass(10);
    this.rcu.callRcu({ queuedNs: this.t, cpu: this.cpu, batchPfn, tables: batch });
    this.pass(this.world.cost('callRcu'));
    if (this.world.bug === 'free-in-call') {
      for (const pfn of batch) this.free(pfn);
      this.world.counts.tablesFreed += batch.length;
    }
    this.batchPfn = null;
    this.batch = [];
  }

  /** A page, or in `pages` variants a table, waits in the page batch. */
  private addSlot(pfn: number): void {
    const { world } = this;
    this.slots.push(pfn);
    if (this.slots.length < this.capacity) return;
    if (this.capacity + PAGE_BATCH <= MAX_PAGE_SLOTS && !world.random.chance(world.workload.pressure)) {
      this.pass(world.cost('batchPage'));
      const extra = world.pool.take(this.t);
      this.say(allocated(extra, 'GFP_NOWAIT'));
      this.extraPages.push(extra);
      this.capacity += PAGE_BATCH;
      return;
    }
    this.pass(10);
    this.say(probe('tlb_flush_mmu', 'tlb_flush_mmu', this.state()));
    this.flushMmu('tlb_flush_mmu');
  }

  private freeSlots(): void {
    for (const pfn of this.slots) this.free(pfn);
    this.world.counts.tablesFreed += this.slotTables;
    this.world.counts.pagesFreed += this.slots.length - this.slotTables;
    this.slots = [];
    this.slotTables = 0;
  }

  private free(pfn: number): void {
    this.pass(this.world.cost('pageFree'));
    this.say(freed(pfn));
    if (this.world.bug !== 'free-in-call') this.world.pool.give(pfn, this.t);
  }

  /** Fields of the gather as the probes print them; the flag bits are those of 6.12. */
  private state(): string {
    const cleared = this.end === 0 ? 0 : this.zapped ? 0x10 : 0;
    const flags = (this.tables ? 0x04 : 0) | cleared;
    const batch = this.batchPfn === null ? '0x0' : directMap(this.batchPfn);
    return `tlb=${this.tlb} mm=${this.world.mm} batch=${batch} start=${hex(this.start)} end=${hex(this.end)} flags=${hex(flags)}`;
  }

  private cover(addr: number): void {
    this.start = Math.min(this.start, addr);
    this.end = Math.max(this.end, addr + PAGE);
  }

  private pass(ns: number): void {
    this.t += Math.max(1, ns);
  }

  private say(body: string, flags: (typeof FLAGS)[keyof typeof FLAGS] = FLAGS.task): void {
    this.world.lines.add(this.t, this.cpu, this.world.tasks[this.cpu]!, flags, body);
    this.t += 2;
  }
}
