import { MAX_TABLE_BATCH } from '../kernel/free-paths.js';
import { FUNC, OP } from '../kernel/ops.js';
import type { Cue } from '../machine/cue.js';
import { Emitter, type ProgramOp } from '../machine/emitter.js';
import { FREER, gracePeriod } from '../machine/gather-loop.js';
import type { Run } from '../machine/run.js';
import { allocated, type Mapped, PAGE } from './address-range.js';
import { type Callback, freed, type GracePeriods } from './grace-periods.js';
import { directMap, FLAGS, hex, pageOf, probe, returns } from './lines.js';
import { PageSlots } from './page-slots.js';
import { PendingRange } from './pending-range.js';
import { Shootdown } from './shootdown.js';
import { type Removal, removalsOf, type Zap, zapsOf } from './unmap-list.js';
import type { World } from './world.js';

/** Between two steps that nothing else takes time for, ns. */
const STEP_NS = 10;

/** Waits for a grace period that begins after `fromNs`; resumed with the time of waking. */
export interface GpWait {
  readonly fromNs: number;
}

/**
 * One munmap with its mmu_gather, as a coroutine: it stops where the kernel sleeps for a grace period. What is done in
 * which order says the machine; this says how much of it there is, how long it takes and what a recording prints.
 */
export class Gather {
  private t = 0;
  private readonly tlb: string;
  private zaps: Iterator<Zap> = zapsOf(null);
  private removals: Iterator<Removal> = removalsOf(null);
  private zap: Zap | undefined;
  private removal: Removal | undefined;
  private mapped: Mapped | null = null;
  private readonly slots = new PageSlots();
  private batchPfn: number | null = null;
  private batch: number[] = [];
  /** The table that goes without a batch. */
  private alone: number | null = null;
  private called: Callback | null = null;
  private readonly pending = new PendingRange();
  private finishing = false;

  private readonly world: World;
  private readonly rcu: GracePeriods;
  private readonly cpu: number;
  private readonly run: Run;
  private readonly ipis: Shootdown;
  private readonly emitter: Emitter;

  /** `run`: of a machine of `gatherMachine`, at its start. */
  constructor(world: World, rcu: GracePeriods, cpu: number, run: Run) {
    this.world = world;
    this.rcu = rcu;
    this.cpu = cpu;
    this.run = run;
    this.emitter = new Emitter(world.funcs);
    this.ipis = new Shootdown(world, run, cpu);
    // On the stack of the thread.
    this.tlb = `0xffffc9${(0x100_fc90 + cpu * 0x8000).toString(16).padStart(10, '0')}`;
  }

  /** Returns when the system call returns. */
  *munmap(tsNs: number, mapped: Mapped | null): Generator<GpWait, number, number> {
    const { world, run, ipis } = this;
    this.t = tsNs;
    this.mapped = mapped;
    this.zaps = zapsOf(mapped);
    this.removals = removalsOf(mapped);
    const addr = mapped?.start ?? 0x1000_0000_0000;
    const length = mapped ? mapped.end - mapped.start : PAGE;
    this.say(`sys_munmap(addr: ${addr.toString(16)}, len: ${length.toString(16)})`, FLAGS.preemptOff);
    this.pass(world.cost('syscall') / 2);
    this.say(probe('tlb_gather_mmu', 'tlb_gather_mmu', `tlb=${this.tlb} mm=${world.mm}`));
    this.pass(10);
    this.say(probe('unmap_vmas', 'unmap_vmas', `tlb=${this.tlb}`));
    run.reset();
    const end = run.steps.machine.ends.get('pc_0')!;
    for (;;) {
      const ways = run.enabled(FREER);
      if (ways.length > 0) this.step(ways);
      else if (run.read('pc_0') === end) break;
      else if (ipis.waiting) this.t = Math.max(this.t, ipis.answered());
      else {
        this.t = Math.max(this.t, yield { fromNs: this.t });
        gracePeriod(run);
      }
    }
    for (const pfn of this.slots.further) this.free(pfn);
    this.pass(20);
    this.say(returns('tlb_finish_mmu', 'unmap_region'));
    this.pass(world.cost('syscall') / 2);
    this.say('sys_munmap -> 0x0', FLAGS.preemptOff);
    return this.t;
  }

  /** Takes the way that the workload chooses, and lets time pass for it. */
  private step(ways: readonly number[]): void {
    const { run, emitter } = this;
    const [first] = ways;
    const asked = run.command(first!).cue;
    const cue = asked === undefined ? undefined : this.choose(asked, ways.length > 1);
    const way = cue === undefined ? first! : ways.find((i) => run.command(i).cue === cue);
    if (way === undefined) throw new Error(`the machine has no way ${cue}`);
    emitter.ops.length = 0;
    run.take(way, emitter);
    const { ops } = emitter;
    for (const op of ops) if (this.shows(op, ops)) return;
  }

  /** What the workload says to a choice of the machine; `open`: there is one. */
  private choose(asked: Cue, open: boolean): Cue {
    const { world } = this;
    switch (asked) {
      case 'page':
        this.zap = this.zaps.next().value;
        if (this.zap) return 'page';
        if (this.mapped) this.freePgtables(this.mapped);
        return 'no-page';
      case 'table':
        this.removal = this.removals.next().value;
        if (this.removal) return 'table';
        this.finish();
        return 'no-table';
      case 'batch-page':
        return this.handsOver(this.removal!.pfn, open);
      case 'room':
        return this.hasRoom() ? 'room' : 'full';
      case 'below':
        if (this.removal!.level < 2) return 'below';
        // The folded p4d_free_tlb() of the top-level entry arms the flush once more.
        this.pending.folded(this.mapped!.start);
        return 'top';
      case 'kept': {
        const kept = world.random.chance(0.5) === (world.bug === 'no-flush');
        if (kept || world.bug !== 'no-flush') return kept ? 'kept' : 'broken';
        this.pass(STEP_NS);
        this.pending.flushed();
        return 'broken';
      }
      default:
        throw new Error(`nobody asked for ${asked}`);
    }
  }

  /** Times and lines of what the machine shows; true: they are of all operations of the step. */
  private shows(op: ProgramOp, ops: readonly ProgramOp[]): boolean {
    const { world, ipis } = this;
    switch (op.kind) {
      case OP.CLRE:
        this.pass(world.cost('zapPage'));
        this.pending.page(this.zap!.addr);
        this.slots.page(this.zap!.pfn);
        return true;
      case OP.UL:
        this.unlinks(this.removal!);
        return true;
      case OP.FR: {
        this.pass(STEP_NS);
        const { start, end, shift } = this.pending;
        this.t = ipis.flush(this.t, ops, { start, end, shift, caller: this.caller() });
        this.pending.flushed();
        return true;
      }
      case OP.INV:
        this.t = ipis.local(this.t);
        return true;
      case OP.FD:
        this.t = ipis.flushed(this.t);
        return true;
      case OP.SYNC1:
        if (op.slots[0] === 1) {
          this.pass(STEP_NS);
          this.t = ipis.sync(this.t, ops);
        } else this.t = ipis.synced(this.t);
        return true;
      case OP.SYNCR:
        if (op.slots[0] === 1) {
          this.pass(STEP_NS);
          this.say(probe('tlb_remove_table_sync_rcu', 'tlb_remove_table_sync_rcu', ''));
        } else this.say(returns('tlb_remove_table_sync_rcu', 'tlb_remove_table'));
        return true;
      case OP.CR:
        this.calls(op.slots[1] === FUNC.tlb_remove_table_rcu);
        return false;
      case OP.FREE:
        this.releases(ops.some((o) => o.kind === OP.CR));
        return true;
      default:
        return false;
    }
  }

  private freePgtables(mapped: Mapped): void {
    const { tlb, world } = this;
    this.say(probe('free_pgtables', 'free_pgtables', `tlb=${tlb} mm=${world.mm}`));
    this.pass(20);
    const range = `addr=${hex(mapped.start)} end=${hex(mapped.end)} floor=0x0 ceiling=0x0`;
    this.say(probe('free_pgd_range', 'free_pgd_range', `tlb=${tlb} ${range}`));
  }

  private unlinks({ pfn, addr, level, name, shift }: Removal): void {
    const { world, tlb } = this;
    this.pass(world.cost('unlink'));
    const arg = `${level === 0 ? 'page' : name.slice(0, 3)}=${level === 0 ? pageOf(pfn) : directMap(pfn)}`;
    this.say(probe(name, `___${name}`, `tlb=${tlb} mm=${world.mm} ${arg}`));
    world.counts.tablesRemoved++;
    this.pending.table(addr, shift);
    if (!world.path.pvProbe) return;
    this.pass(3);
    this.say(probe('native_tlb_remove_table', 'native_tlb_remove_table', this.tableArgs(pfn)));
  }

  private tableArgs(pfn: number): string {
    return `tlb=${this.tlb} mm=${this.world.mm} table=${pageOf(pfn)}`;
  }

  /** Where the table at hand is put; `asks`: for a page for a batch first. */
  private handsOver(pfn: number, asks: boolean): Cue {
    const { world } = this;
    this.pass(world.cost('append'));
    if (world.path.leaf === 'pages') {
      this.slots.table(pfn);
      return 'batch-page';
    }
    this.say(probe('tlb_remove_table', 'tlb_remove_table', this.tableArgs(pfn)));
    if (asks) {
      this.pass(world.cost('batchPage'));
      if (world.random.chance(world.workload.pressure)) {
        this.alone = pfn;
        return 'no-batch-page';
      }
      this.batchPfn = world.pool.take(this.t);
      this.say(allocated(this.batchPfn, 'GFP_NOWAIT'));
    }
    this.batch.push(pfn);
    return 'batch-page';
  }

  /** Of the batch of tables, or of the page batch, which asks for another page first. */
  private hasRoom(): boolean {
    const { world, slots } = this;
    if (this.batchPfn !== null) return this.batch.length < MAX_TABLE_BATCH;
    if (slots.hasRoom) return true;
    if (slots.mayGrow && !world.random.chance(world.workload.pressure)) {
      this.pass(world.cost('batchPage'));
      const extra = world.pool.take(this.t);
      this.say(allocated(extra, 'GFP_NOWAIT'));
      slots.grow(extra);
      return true;
    }
    this.pass(10);
    this.say(probe('tlb_flush_mmu', 'tlb_flush_mmu', this.state()));
    return false;
  }

  private finish(): void {
    if (this.mapped) {
      this.pass(20);
      this.say(returns('free_pgd_range', 'free_pgtables'));
    }
    this.finishing = true;
    this.pass(20);
    this.say(probe('tlb_finish_mmu', 'tlb_finish_mmu', this.state()));
  }

  /** Who calls flush_tlb_mm_range(). */
  private caller(): string {
    if (this.finishing) return 'tlb_finish_mmu';
    return this.batchPfn !== null || this.alone !== null ? 'tlb_remove_table' : 'tlb_flush_mmu';
  }

  /** call_rcu() of the batch or of the table that goes alone; of the same head again, only the probe is seen. */
  private calls(batched: boolean): void {
    const { world, rcu, cpu } = this;
    const again = batched ? this.batchPfn === null : this.alone === null;
    if (again) {
      if (this.called) rcu.callAgain(this.called);
      return;
    }
    this.pass(STEP_NS);
    const tables = batched ? this.batch : [this.alone!];
    this.called = { queuedNs: this.t, cpu, batchPfn: batched ? this.batchPfn : null, tables };
    rcu.callRcu(this.called);
    this.pass(world.cost('callRcu'));
    if (batched) {
      this.batchPfn = null;
      this.batch = [];
    } else this.alone = null;
  }

  /** What the machine frees: `queued`, tables of the batch just queued; one that goes alone; or what fills the slots. */
  private releases(queued: boolean): void {
    const { counts } = this.world;
    if (queued) {
      const { tables } = this.called!;
      for (const pfn of tables) this.free(pfn);
      counts.tablesFreed += tables.length;
      return;
    }
    if (this.alone !== null) {
      this.pass(STEP_NS);
      this.free(this.alone);
      counts.tablesFreed++;
      this.alone = null;
      return;
    }
    const { pages, tables } = this.slots;
    for (const pfn of pages) this.free(pfn);
    counts.tablesFreed += tables;
    counts.pagesFreed += pages.length - tables;
    this.slots.empty();
  }

  private free(pfn: number): void {
    this.pass(this.world.cost('pageFree'));
    this.say(freed(pfn));
    if (this.world.bug !== 'free-in-call') this.world.pool.give(pfn, this.t);
  }

  /** Fields of the gather as the probes print them. */
  private state(): string {
    const { start, end, flags } = this.pending;
    const batch = this.batchPfn === null ? '0x0' : directMap(this.batchPfn);
    return `tlb=${this.tlb} mm=${this.world.mm} batch=${batch} start=${hex(start)} end=${hex(end)} flags=${hex(flags)}`;
  }

  private pass(ns: number): void {
    this.t += Math.max(1, ns);
  }

  private say(body: string, flags: (typeof FLAGS)[keyof typeof FLAGS] = FLAGS.task): void {
    this.world.lines.add(this.t, this.cpu, this.world.tasks[this.cpu]!, flags, body);
    this.t += 2;
  }
}
