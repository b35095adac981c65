import { type FreePath, freePath } from '../kernel/free-paths.js';
import { FuncTable } from '../kernel/func-table.js';
import { PRIOR_COSTS, type SimCostId } from './costs.js';
import { LogLines, type SimTask } from './lines.js';
import { PagePool } from './page-pool.js';
import { Prng } from './prng.js';
import { Stalls } from './stalls.js';
import { SimCounts } from './summary.js';
import type { Amount, Workload } from './workload.js';

const FIRST_PID = 1000;
const FIRST_PFN = 0x10_0000;

/** What all parts of one simulation share. */
export class World {
  readonly path: FreePath;
  readonly random: Prng;
  private readonly stalls: Stalls;
  readonly lines = new LogLines();
  readonly pool = new PagePool(FIRST_PFN);
  readonly counts = new SimCounts();
  /** Names of functions in operations of the machine. */
  readonly funcs = new FuncTable();
  /** The thread of each CPU. */
  readonly tasks: readonly SimTask[];
  /** CPUs that have the mm loaded; they keep it. */
  readonly mask: readonly number[];
  readonly mm = '0xffff888100001000';
  tlbGen = 1;
  /** From when on a CPU may take an interrupt. */
  private readonly irqFreeNs: Float64Array;

  readonly workload: Workload;
  /** Name of the rule that is broken. */
  readonly bug: string | null;

  constructor(workload: Workload, bug: string | null) {
    this.workload = workload;
    this.bug = bug;
    const w = workload;
    this.path = freePath(w.variant, w.pv);
    this.random = new Prng(w.seed);
    this.stalls = new Stalls(w.seed);
    this.irqFreeNs = new Float64Array(w.cpus);
    const roles = [
      ...Array.from({ length: w.threads }, () => 'sim-munmap'),
      ...Array.from({ length: w.readers.gup }, () => 'sim-gup'),
      ...Array.from({ length: w.readers.rcu }, () => 'sim-walk'),
      ...Array.from({ length: w.spinners }, () => 'sim-spin'),
    ];
    this.mask = roles.map((_, cpu) => cpu);
    this.tasks = Array.from({ length: w.cpus }, (_, cpu) =>
      roles[cpu] === undefined ? { comm: '<idle>', pid: 0 } : { comm: roles[cpu], pid: FIRST_PID + cpu },
    );
  }

  cost(id: SimCostId): number {
    const [low, high] = PRIOR_COSTS[id];
    const step = this.random.spread(low, high);
    return (step + this.stalls.within(step)) * this.workload.slowdown;
  }

  draw(amount: Amount): number {
    return typeof amount === 'number' ? amount : this.random.int(amount[0], amount[1]);
  }

  drawReal(amount: Amount): number {
    return typeof amount === 'number' ? amount : amount[0] + this.random.next() * (amount[1] - amount[0]);
  }

  /** Reserves a stretch of a CPU with interrupts off, at `tsNs` or when the one before is over. Returns its start. */
  reserve(cpu: number, tsNs: number, lengthNs: number): number {
    const start = Math.max(tsNs, this.irqFreeNs[cpu]!);
    this.irqFreeNs[cpu] = start + lengthNs;
    return start;
  }
}
