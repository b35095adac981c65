import { freePath } from '../kernel/free-paths.js';
import { gatherRun } from '../machine/gather-loop.js';
import type { Run } from '../machine/run.js';
import { type Mapped, populate } from './address-range.js';
import { brokenBy, findBug } from './bugs.js';
import { Gather } from './gather.js';
import { GracePeriods } from './grace-periods.js';
import { LineQueue } from './line-queue.js';
import { header } from './lines.js';
import { startReaders } from './readers.js';
import type { SimSummary } from './summary.js';
import type { Workload } from './workload.js';
import { World } from './world.js';

/**
 * Simulates a workload: yields the ftrace log in chunks, in order of time, and returns the summary. Memory is
 * bounded by the calls and callbacks under way. The same workload gives the same bytes.
 *
 * Throws UsageError for a rule (`bug`, see `SIM_BUGS`) that does not exist or has no place in the workload.
 */
export function* simulate(workload: Workload, bug: string | null = null): Generator<string, SimSummary> {
  const path = freePath(workload.variant, workload.pv);
  const broken = bug === null ? null : findBug(bug, path, workload.threads + workload.spinners - 1);
  const world = new World(workload, bug);
  const actions = new LineQueue<(nowNs: number) => void>();
  const at = (tsNs: number, action: (nowNs: number) => void): void => actions.push(tsNs, action);
  const rcu = new GracePeriods(world, at);
  // mmap_lock lets one call at a time run, so one machine serves all of them.
  const run = gatherRun({
    path,
    idle: workload.cpus - world.mask.length,
    others: world.mask.length - 1,
    ...brokenBy(broken),
  });
  const callers = new Callers(world, rcu, at, run);
  for (let cpu = 0; cpu < workload.threads; cpu++) callers.start(cpu);
  startReaders(world, rcu, at, () => callers.working > 0);

  yield header(workload.cpus, describe(workload, bug));
  while (actions.size > 0) {
    const now = actions.nextNs;
    yield* world.lines.until(now);
    actions.pop()(now);
  }
  yield* world.lines.until(Number.POSITIVE_INFINITY);
  return world.counts.report(workload.variant, world.lines.lines);
}

type At = (tsNs: number, action: (nowNs: number) => void) => void;

/** Threads of one process that map, touch and unmap in turn. */
class Callers {
  /** Threads that are not done yet. */
  working = 0;
  private readonly world: World;
  private readonly rcu: GracePeriods;
  private readonly at: At;
  private readonly run: Run;
  private left: number;
  // mmap_lock: writers queue; nobody unmaps while somebody else does, also after the downgrade.
  private locked = false;
  private lockFreeNs = 0;
  private readonly lockQueue: ((nowNs: number) => void)[] = [];

  constructor(world: World, rcu: GracePeriods, at: At, run: Run) {
    this.world = world;
    this.rcu = rcu;
    this.at = at;
    this.run = run;
    this.left = world.workload.munmaps;
  }

  start(cpu: number): void {
    this.working++;
    this.at(this.think(), (now) => this.touch(now, cpu));
  }

  private think(): number {
    return this.world.drawReal(this.world.workload.thinkUs) * 1000;
  }

  private touch(now: number, cpu: number): void {
    const { world } = this;
    if (this.left === 0) {
      this.working--;
      return;
    }
    this.left--;
    const { mapped, endNs } = populate(world, now, cpu, world.draw(world.workload.tables));
    this.at(endNs + this.think() / 2, (entered) => this.lock(entered, entered, cpu, mapped));
  }

  private lock(then: number, entered: number, cpu: number, mapped: Mapped | null): void {
    if (this.locked) {
      this.lockQueue.push((free) => this.lock(free, entered, cpu, mapped));
      return;
    }
    if (this.lockFreeNs > then) {
      this.at(this.lockFreeNs, (free) => this.lock(free, entered, cpu, mapped));
      return;
    }
    this.locked = true;
    const call = new Gather(this.world, this.rcu, cpu, this.run).munmap(then, mapped);
    const resume = (given: number): void => {
      const step = call.next(given);
      if (step.done) this.unlock(step.value, entered, cpu);
      else this.rcu.wait(step.value.fromNs, resume);
    };
    resume(0);
  }

  private unlock(now: number, entered: number, cpu: number): void {
    this.world.counts.latency(now - entered);
    this.locked = false;
    this.lockFreeNs = now;
    this.at(now + this.think() / 2, (then) => this.touch(then, cpu));
    this.lockQueue.shift()?.(now);
  }
}

const describe = (w: Workload, bug: string | null): string =>
  `kernel variant ${w.variant}${w.pv ? ' (PV guest)' : ''}, seed ${w.seed}${bug === null ? '' : `, broken rule ${bug}`}`;
