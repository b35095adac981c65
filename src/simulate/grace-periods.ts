import { Crowd, type Section } from '../machine/crowd.js';
import { directMap, FLAGS, hashed, hex, pageOf, probe, returns } from './lines.js';
import type { World } from './world.js';

/** A callback that waits: a batch page with its tables, or one table that holds its own head. */
export interface Callback {
  readonly queuedNs: number;
  readonly cpu: number;
  /** Frame of the batch page; null: a single table. */
  readonly batchPfn: number | null;
  readonly tables: readonly number[];
}

/** Later actions, started in the order of their times. */
export type Schedule = (tsNs: number, action: (nowNs: number) => void) => void;

const KTHREAD = { comm: 'rcu_preempt', pid: 17 };
/** `rcu_blimit`. */
const BATCH_LIMIT = 10;
const SHOWN_TABLES = 24;
const EXPEDITED_MS = [0.03, 0.3] as const;
/** From the probe of call_rcu() to the head on its list, ns. */
const QUEUED_NS = 10;
/** From the end of a reader to the task that waits for it, ns. */
const HEARD_NS = 100;

/** A task that sleeps in synchronize_rcu(). */
interface Sleeper {
  readonly fromNs: number;
  readonly wake: (nowNs: number) => void;
}

const isSleeper = (waiter: Callback | Sleeper): waiter is Sleeper => 'wake' in waiter;

/**
 * Times and lines of Tree RCU: one grace period after another, as long as somebody waits. When one may begin and end,
 * whom it covers and whose callback may run says the machine.
 */
export class GracePeriods {
  private seq = 101;
  private active = false;
  private readonly crowd: Crowd<Callback | Sleeper>;
  /** The last walk of each CPU that reads; it may lie ahead. */
  private readonly walks = new Map<number, { readonly startNs: number; readonly endNs: number }>();
  /** Queued, at a time that may lie ahead of the machine. */
  private waiting: Callback[] = [];
  /** Callbacks of each CPU whose grace period has ended, in the order of queuing. */
  private readonly ready = new Map<number, Callback[]>();
  private sleepers: Sleeper[] = [];

  private readonly world: World;
  private readonly at: Schedule;

  constructor(world: World, at: Schedule) {
    this.world = world;
    this.at = at;
    const { threads, readers } = world.workload;
    const sections = world.tasks.map((_, cpu): Section => {
      const reader = cpu - threads;
      if (reader < 0 || reader >= readers.gup + readers.rcu) return 'none';
      return reader < readers.gup ? 'irqs-off' : 'rcu';
    });
    this.crowd = new Crowd(sections, new Set(world.bug === 'callbacks-before-gp' ? [world.bug] : []));
  }

  /** A reader of page tables is at work on this CPU, after all that it read before. */
  reading(cpu: number, startNs: number, endNs: number): void {
    if (this.crowd.inside(cpu)) this.leaves(cpu);
    this.walks.set(cpu, { startNs, endNs });
  }

  private leaves(cpu: number): void {
    this.crowd.moves(cpu);
    this.crowd.reports(cpu);
  }

  /** `call_rcu()` at `tsNs`, which may lie ahead of the actions now running. */
  callRcu(callback: Callback): void {
    const { world } = this;
    const { queuedNs, cpu } = callback;
    const [head, func] = nameOf(callback);
    const task = world.tasks[cpu]!;
    world.lines.add(
      queuedNs,
      cpu,
      task,
      FLAGS.task,
      probe('call_rcu', 'call_rcu', `head=${head} func=${func}+0x0/0x40`),
    );
    world.lines.add(
      queuedNs + 5,
      cpu,
      task,
      FLAGS.enqueue,
      `rcu_callback: rcu_preempt rhp=${rhpOf(callback)} func=${func} 1`,
    );
    world.counts.callRcu++;
    world.counts.deferredTables += callback.tables.length;
    this.waiting.push(callback);
    if (world.bug === 'callbacks-before-gp') this.start(queuedNs + 1000);
    else this.start(queuedNs + this.tickNs() * world.random.next());
    this.at(queuedNs, () => world.counts.defer(pagesOf(callback)));
  }

  /** The head is handed to call_rcu() again, while it is queued. */
  callAgain(callback: Callback): void {
    const { world } = this;
    const { queuedNs, cpu } = callback;
    const [head, func] = nameOf(callback);
    const text = probe('call_rcu', 'call_rcu', `head=${head} func=${func}+0x0/0x40`);
    world.lines.add(queuedNs + 8, cpu, world.tasks[cpu]!, FLAGS.task, text);
  }

  /** `synchronize_rcu()` at `tsNs`: `wake` is called when a grace period that began later has ended. */
  wait(tsNs: number, wake: (nowNs: number) => void): void {
    this.sleepers.push({ fromNs: tsNs, wake });
    this.start(tsNs + 1000);
  }

  private tickNs(): number {
    return 1e9 / this.world.workload.rcu.hz;
  }

  private start(tsNs: number): void {
    if (this.active) return;
    this.active = true;
    this.at(tsNs, (now) => this.begin(now));
  }

  private begin(nowNs: number): void {
    const { world, crowd } = this;
    const { rcu } = world.workload;
    for (const c of this.waiting) if (c.queuedNs + QUEUED_NS < nowNs) crowd.queue(c);
    for (const s of this.sleepers) if (s.fromNs < nowNs) crowd.queue(s);
    this.waiting = this.waiting.filter((c) => c.queuedNs + QUEUED_NS >= nowNs);
    this.sleepers = this.sleepers.filter((s) => s.fromNs >= nowNs);
    for (const [cpu, { startNs, endNs }] of this.walks) {
      if (crowd.inside(cpu) ? endNs < nowNs : startNs < nowNs && nowNs <= endNs) crowd.moves(cpu);
    }
    const covered = crowd.advance();
    if (covered === null) {
      // Whoever asked for it is not queued yet.
      this.next(nowNs);
      return;
    }
    for (let cpu = 0; cpu < world.tasks.length; cpu++) crowd.reports(cpu);
    const lengthNs = world.drawReal(rcu.expedited ? EXPEDITED_MS : rcu.gracePeriodMs) * 1e6;
    this.say(nowNs, 'start');
    world.counts.gracePeriods++;
    if (world.bug === 'callbacks-before-gp') this.release(nowNs + 10, covered);
    this.at(nowNs + lengthNs, (now) => this.end(now, covered));
  }

  /** Ends it if every CPU has reported, or as soon as all have. */
  private end(nowNs: number, covered: readonly (Callback | Sleeper)[]): void {
    const { world, crowd } = this;
    let lastNs = nowNs;
    for (const [cpu, { endNs }] of this.walks) {
      if (!crowd.inside(cpu)) continue;
      if (endNs + HEARD_NS <= nowNs) this.leaves(cpu);
      else if (crowd.owes(cpu)) lastNs = Math.max(lastNs, endNs + HEARD_NS);
    }
    if (lastNs > nowNs) {
      this.at(lastNs, (now) => this.end(now, covered));
      return;
    }
    if (crowd.advance() === null) throw new Error('the machine does not let the grace period end');
    this.say(nowNs, 'end');
    this.seq += 4;
    if (world.bug !== 'callbacks-before-gp') this.release(nowNs, covered);
    for (const waiter of covered) {
      if (!isSleeper(waiter)) continue;
      crowd.invoke(waiter);
      waiter.wake(nowNs + 1000);
    }
    this.next(nowNs);
  }

  /** Another grace period begins if somebody waits. */
  private next(nowNs: number): void {
    this.active = false;
    const next = Math.min(
      ...this.waiting.map((c) => c.queuedNs + 20),
      ...this.sleepers.map((s) => s.fromNs + 20),
    );
    if (next < Number.POSITIVE_INFINITY) this.start(Math.max(nowNs + 1000, next));
  }

  private say(tsNs: number, what: string): void {
    this.world.lines.add(
      tsNs,
      0,
      KTHREAD,
      FLAGS.kthread,
      `rcu_grace_period: rcu_preempt ${this.seq} ${what}`,
    );
  }

  /** Has the callbacks of each CPU run there, ten at a time. */
  private release(nowNs: number, waiters: readonly (Callback | Sleeper)[]): void {
    const byCpu = new Map<number, Callback[]>();
    for (const callback of waiters) {
      if (isSleeper(callback)) continue;
      const list = byCpu.get(callback.cpu);
      if (list) list.push(callback);
      else byCpu.set(callback.cpu, [callback]);
    }
    for (const [cpu, list] of byCpu) {
      const delay = this.world.bug === 'callbacks-before-gp' ? 10 : this.tickNs() * this.world.random.next();
      list.sort((a, b) => a.queuedNs - b.queuedNs);
      // Those of an earlier grace period that have not run yet go first.
      const ready = this.ready.get(cpu);
      if (ready) ready.push(...list);
      else {
        this.ready.set(cpu, list);
        this.runNext(nowNs + delay, cpu, list);
      }
    }
  }

  private runNext(tsNs: number, cpu: number, list: Callback[]): void {
    this.at(tsNs, (now) => {
      const queued = list.length;
      const end = this.run(now, cpu, list.splice(0, BATCH_LIMIT), queued);
      if (list.length > 0) this.runNext(end + 1000, cpu, list);
      else this.ready.delete(cpu);
    });
  }

  private run(nowNs: number, cpu: number, list: readonly Callback[], queued: number): number {
    const { world } = this;
    const { nocb } = world.workload.rcu;
    const costs = list.map((c) => ({
      invoke: world.cost('invoke'),
      frees: Array.from({ length: pagesOf(c) }, () => world.cost('pageFree')),
    }));
    const total = costs.reduce((sum, c) => sum + c.invoke + c.frees.reduce((a, b) => a + b, 0), 100);
    let t = world.reserve(cpu, nowNs, total);
    const task = nocb ? { comm: `rcuop/${cpu}`, pid: 100 + cpu } : world.tasks[cpu]!;
    const flags = nocb ? FLAGS.preemptOff : FLAGS.softirq;
    const add = (body: string): void => world.lines.add(t, cpu, task, flags, body);
    add(`rcu_batch_start: rcu_preempt CBs=${queued} bl=${BATCH_LIMIT}`);
    list.forEach((callback, i) => {
      this.crowd.invoke(callback);
      const [head, func] = nameOf(callback);
      const pages = callback.batchPfn === null ? callback.tables : [...callback.tables, callback.batchPfn];
      t += costs[i]!.invoke;
      add(`rcu_invoke_callback: rcu_preempt rhp=${rhpOf(callback)} func=${func}`);
      if (callback.batchPfn !== null) {
        const shown = Array.from({ length: SHOWN_TABLES }, (_, j) =>
          callback.tables[j] === undefined ? '0x0' : pageOf(callback.tables[j]!),
        );
        add(probe(func, func, `head=${head} nr=${callback.tables.length} tables={${shown.join(',')}}`));
      }
      pages.forEach((pfn, j) => {
        t += costs[i]!.frees[j]!;
        if (world.bug !== 'free-in-call' || pfn === callback.batchPfn) add(freed(pfn));
        world.pool.give(pfn, t);
      });
      if (world.bug !== 'free-in-call') world.counts.tablesFreed += callback.tables.length;
      world.counts.release(pages.length);
      if (callback.batchPfn !== null) add(returns(func, 'rcu_do_batch'));
    });
    t += 50;
    add(`rcu_batch_end: rcu_preempt CBs-invoked=${list.length} idle=....`);
    return t;
  }
}

export const freed = (pfn: number): string => `mm_page_free: page=${hashed(pfn)} pfn=${hex(pfn)} order=0`;
const pagesOf = (c: Callback): number => c.tables.length + (c.batchPfn === null ? 0 : 1);
const rhpOf = (c: Callback): string => hashed((c.batchPfn ?? c.tables[0]!) + 0x4000_0000);
const nameOf = (c: Callback): readonly [head: string, func: string] =>
  c.batchPfn === null
    ? [pageOf(c.tables[0]!, 8), '__tlb_remove_table_one_rcu']
    : [directMap(c.batchPfn), 'tlb_remove_table_rcu'];
