import { MAX_PAGE_SLOTS, MAX_TABLE_BATCH } from '../kernel/free-paths.js';
import { FUNC, OP } from '../kernel/ops.js';
import type { Cue } from '../machine/cue.js';
import { Emitter } from '../machine/emitter.js';
import { FREER, gatherRun, gracePeriod } from '../machine/gather-loop.js';
import type { Run } from '../machine/run.js';
import type { Policy } from './policy.js';

/** What a gather removed and met, whatever kernel it was. */
export interface GatherShape {
  /** Levels of the removed tables in order (1 PTE … 4 P4D, 0 unknown). */
  readonly levels: readonly number[];
  /** Per table: a GFP_NOWAIT page could not be had at that moment. Shorter than `levels`: false. */
  readonly noMemory: readonly boolean[];
  /** Data pages in the page batch when the first table came. */
  readonly pagesLeft: number;
  /** Something was unmapped since the last flush when the first table came. */
  readonly pending: boolean;
  /** Slots used before a page batch that cannot grow counts as full: 7 from 6.9 on, 8 before. */
  readonly stackSlots: number;
}

/** One step of a gather that a recording would show. */
export interface PlanStep {
  /** `append`: tlb_remove_table(); `call-rcu` of a batch or, `call-rcu-alone`, of a table by itself. */
  readonly kind: 'append' | 'flush' | 'sync-ipi' | 'sync-rcu' | 'call-rcu' | 'call-rcu-alone' | 'free';
  /** Index of the table at hand; -1 in tlb_finish_mmu(). */
  readonly at: number;
  /** `call-rcu`, `call-rcu-alone`, `free`: indices of the tables it is about. */
  readonly tables: readonly number[];
}

/** What the free path of one gather does, from its first table to tlb_finish_mmu(). */
export interface GatherPlan {
  /** All of it, in the order of the machine. */
  readonly steps: readonly PlanStep[];
  /** Flushes before tlb_finish_mmu(). */
  readonly midFlushes: number;
  /** tlb_finish_mmu() flushes. */
  readonly finalFlush: boolean;
  readonly appended: number;
  readonly batchPages: number;
  readonly batchCalls: number;
  readonly singleCalls: number;
  /** tlb_remove_table_sync_one() rounds. */
  readonly syncs: number;
  /** Whole grace periods waited for. */
  readonly gracePeriods: number;
  /** Tables freed inside the gather. */
  readonly inlineFrees: number;
  /** Per table where it ends: index of the batch call it rides in, `single` or `inline`. */
  readonly fates: readonly (number | 'single' | 'inline')[];
}

/** Plans of the shapes met so far: recordings repeat a few. */
const MOST_PLANS = 20_000;
interface Driven {
  readonly run: Run;
  readonly emitter: Emitter;
  readonly plans: Map<string, GatherPlan>;
}
const machines = new WeakMap<Policy, Driven>();

function machineOf(policy: Policy): Driven {
  let known = machines.get(policy);
  if (!known) {
    const none: ReadonlySet<string> = new Set();
    // One other CPU to ask: how many are asked in truth is in the recording.
    const run = gatherRun({ path: policy, idle: 0, others: 1, broken: none, sometimes: none });
    machines.set(policy, (known = { run, emitter: new Emitter(), plans: new Map() }));
  }
  return known;
}

/**
 * One execution of the machine of a kernel variant (`machine/gather-loop.ts`), with the choices that the recording shows:
 * which tables, whether there was memory at each, what was in the page batch before.
 */
export function planGather(policy: Policy, shape: GatherShape): GatherPlan {
  const driven = machineOf(policy);
  const { plans } = driven;
  const { levels, noMemory, pagesLeft, pending, stackSlots } = shape;
  const fails = noMemory.map(Number).join('');
  const key = `${levels.join('')} ${fails} ${pagesLeft} ${Number(pending)} ${stackSlots}`;
  const known = plans.get(key);
  if (known) return known;
  if (plans.size >= MOST_PLANS) plans.clear();
  const plan = new Planner(policy, shape, driven).plan();
  plans.set(key, plan);
  return plan;
}

/** The choices of one gather, and what the machine does with them. */
class Planner {
  private readonly policy: Policy;
  private readonly shape: GatherShape;
  private readonly run: Run;
  private readonly emitter: Emitter;
  private readonly steps: PlanStep[] = [];
  private at = -1;
  /** Tables that wait: in the batch, in the page batch, or the one that goes alone. */
  private waiting: number[] = [];
  private alone = false;
  private slots: number;
  private unmapped: boolean;
  private batchPages = 0;
  private appended = 0;

  constructor(policy: Policy, shape: GatherShape, { run, emitter }: Driven) {
    this.policy = policy;
    this.shape = shape;
    this.run = run;
    this.emitter = emitter;
    this.slots = shape.pagesLeft;
    this.unmapped = !shape.pending;
  }

  plan(): GatherPlan {
    const { run, emitter } = this;
    run.reset();
    const end = run.steps.machine.ends.get('pc_0')!;
    while (run.read('pc_0') !== end) {
      const ways = run.enabled(FREER);
      if (ways.length === 0) this.waits();
      else {
        emitter.ops.length = 0;
        run.take(this.way(ways), emitter);
        this.shown();
      }
    }
    return this.counted();
  }

  /** Those that are asked answer; if nobody is, it sleeps for a grace period. */
  private waits(): void {
    const { run } = this;
    const [answer] = run.enabled('irq 1');
    if (answer === undefined) gracePeriod(run);
    else run.take(answer);
  }

  private way(ways: readonly number[]): number {
    const { run } = this;
    const asked = run.command(ways[0]!).cue;
    if (asked === undefined) return ways[0]!;
    const cue = this.choose(asked, ways.length > 1);
    const way = ways.find((i) => run.command(i).cue === cue);
    if (way === undefined) throw new Error(`the machine has no way ${cue}`);
    return way;
  }

  private choose(asked: Cue, open: boolean): Cue {
    const { levels, noMemory } = this.shape;
    switch (asked) {
      case 'page':
        // What was unmapped before the first table is pending, however much it was.
        if (this.unmapped) return 'no-page';
        this.unmapped = true;
        return 'page';
      case 'table':
        this.at++;
        if (this.at < levels.length) return 'table';
        this.at = -1;
        return 'no-table';
      case 'batch-page':
        if (open && noMemory[this.at] === true) {
          this.alone = true;
          return 'no-batch-page';
        }
        if (this.policy.leaf === 'batch') {
          if (open) this.batchPages++;
          this.appended++;
        } else this.slots++;
        this.waiting.push(this.at);
        return 'batch-page';
      case 'room':
        return this.hasRoom() ? 'room' : 'full';
      case 'below':
        // Behind a PUD table p4d_free_tlb() is folded and marks the gather again (asm-generic/pgtable-nop4d.h).
        return levels[this.at] === 3 ? 'top' : 'below';
      default:
        throw new Error(`nobody asked for ${asked}`);
    }
  }

  private hasRoom(): boolean {
    // The page that was unmapped stands for those that left `pagesLeft` behind.
    if (this.at < 0) return true;
    if (this.policy.leaf === 'batch') return this.waiting.length < MAX_TABLE_BATCH;
    const { noMemory, stackSlots } = this.shape;
    if (this.slots < (noMemory[this.at] === true ? stackSlots : MAX_PAGE_SLOTS)) return true;
    this.slots = 0;
    return false;
  }

  /** Books what the step has shown. */
  private shown(): void {
    const { ops, names } = this.emitter;
    const add = (kind: PlanStep['kind'], tables: readonly number[] = []): void => {
      this.steps.push({ kind, at: this.at, tables });
    };
    const take = (): readonly number[] => {
      const tables = this.alone ? [this.at] : this.waiting;
      if (this.alone) this.alone = false;
      else this.waiting = [];
      return tables;
    };
    for (const op of ops) {
      if (op.kind === OP.APP) add('append');
      else if (op.kind === OP.FR) add('flush');
      else if (op.kind === OP.SYNC1 && op.slots[0] === 1) add('sync-ipi');
      else if (op.kind === OP.SYNCR && op.slots[0] === 1) add('sync-rcu');
      else if (op.kind === OP.CR)
        add(op.slots[1] === FUNC.tlb_remove_table_rcu ? 'call-rcu' : 'call-rcu-alone', take());
      else if (op.kind === OP.FREE && op.slots[0] === names.page('T0')) add('free', take());
    }
  }

  private counted(): GatherPlan {
    const { steps } = this;
    const count = (kind: PlanStep['kind']): number => steps.filter((s) => s.kind === kind).length;
    const fates: (number | 'single' | 'inline')[] = [];
    let batch = 0;
    for (const { kind, tables } of steps) {
      const fate = kind === 'call-rcu' ? batch++ : kind === 'call-rcu-alone' ? 'single' : 'inline';
      for (const table of tables) fates[table] = fate;
    }
    return {
      steps,
      midFlushes: steps.filter((s) => s.kind === 'flush' && s.at >= 0).length,
      finalFlush: steps.some((s) => s.kind === 'flush' && s.at < 0),
      appended: this.appended,
      batchPages: this.batchPages,
      batchCalls: count('call-rcu'),
      singleCalls: count('call-rcu-alone'),
      syncs: count('sync-ipi'),
      gracePeriods: count('sync-rcu'),
      inlineFrees: fates.filter((f) => f === 'inline').length,
      fates,
    };
  }
}
