import { freePath } from '../kernel/free-paths.js';
import { gatherRun } from '../machine/gather-loop.js';
import { populate } from './address-range.js';
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
  let left = workload.munmaps;
  let working = 0;
  // mmap_lock: writers queue; nobody unmaps while somebody else does, also after the downgrade.
  let locked = false;
  let lockFreeNs = 0;
  const lockQueue: ((nowNs: number) => void)[] = [];

  const thread = (cpu: number): void => {
    const think = (): number => world.drawReal(workload.thinkUs) * 1000;
    const touch = (now: number): void => {
      if (left === 0) {
        working--;
        return;
      }
      left--;
      const { mapped, endNs } = populate(world, now, cpu, world.draw(workload.tables));
      at(endNs + think() / 2, (entered) => lock(entered, entered));
      const lock = (then: number, entered: number): void => {
        if (locked) {
          lockQueue.push((free) => lock(free, entered));
          return;
        }
        if (lockFreeNs > then) {
          at(lockFreeNs, (free) => lock(free, entered));
          return;
        }
        locked = true;
        const call = new Gather(world, rcu, cpu, run).munmap(then, mapped);
        const resume = (given: number): void => {
          const step = call.next(given);
          if (!step.done) {
            rcu.wait(step.value.fromNs, resume);
            return;
          }
          world.counts.latency(step.value - entered);
          locked = false;
          lockFreeNs = step.value;
          at(step.value + think() / 2, touch);
          lockQueue.shift()?.(step.value);
        };
        resume(0);
      };
    };
    working++;
    at(think(), touch);
  };
  for (let cpu = 0; cpu < workload.threads; cpu++) thread(cpu);
  startReaders(world, rcu, at, () => working > 0);

  yield header(workload.cpus, describe(workload, bug));
  while (actions.size > 0) {
    const now = actions.nextNs;
    yield* world.lines.until(now);
    actions.pop()(now);
  }
  yield* world.lines.until(Number.POSITIVE_INFINITY);
  return world.counts.report(workload.variant, world.lines.lines);
}

const describe = (w: Workload, bug: string | null): string =>
  `kernel variant ${w.variant}${w.pv ? ' (PV guest)' : ''}, seed ${w.seed}${bug === null ? '' : `, broken rule ${bug}`}`;
