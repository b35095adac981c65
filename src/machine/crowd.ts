import { Kernel } from './kernel.js';
import { Model } from './model.js';
import { Callbacks, CB, rcu, readerState, unlocked } from './rcu.js';
import { Run, Steps } from './run.js';
import { Label, Thread } from './thread.js';

/** What a CPU does besides: nothing that RCU must wait for, or walks with interrupts off or under rcu_read_lock(). */
export type Section = 'none' | 'irqs-off' | 'rcu';

const ONE = 'cb_0';

/**
 * RCU of the machine (`rcu.ts`) with readers that come and go and any number of callbacks. Callbacks differ in nothing
 * but where they stand, so one variable of the machine stands for all of them in turn: a step that concerns all is run
 * once for each place where some stand, and is enabled if it is for any of these.
 */
export class Crowd<T> {
  private readonly run: Run;
  private readonly standing = new Map<number, T[]>();

  /** By CPU. `broken`: names of `MMU_RULES`. */
  constructor(sections: readonly Section[], broken: ReadonlySet<string>) {
    const kernel = new Kernel(new Model(sections.length), {
      flush: 'ipi',
      broken,
      preempt: false,
      expedited: false,
    });
    for (const cpu of kernel.cpuIds) readerState(kernel, cpu);
    const callbacks = new Callbacks();
    callbacks.add(kernel, {
      cpu: 0,
      name: 'head',
      runs: [],
      text: 'a callback runs',
      ops: null,
      waiter: false,
    });
    // Who queues it stands outside.
    kernel.model.command({
      actor: 'anybody',
      cpu: 0,
      at: -1,
      guard: `${ONE} == ${CB.none}`,
      set: [`${ONE} = ${CB.queued}`],
      text: 'call_rcu()',
      ops: null,
    });
    sections.forEach((section, cpu) => {
      if (section === 'none') return;
      const t = new Thread(kernel, cpu, section);
      const outside = new Label();
      const irqs = section === 'irqs-off';
      t.here(outside);
      t.step({
        text: irqs ? 'interrupts off' : 'rcu_read_lock()',
        set: [`${irqs ? 'irq' : 'rcu'}_${cpu} = 1`],
      });
      t.step({
        text: irqs ? 'interrupts on' : 'rcu_read_unlock()',
        set: irqs ? [`irq_${cpu} = 0`] : unlocked(kernel, cpu),
        to: outside,
      });
      t.end();
    });
    rcu(kernel, callbacks);
    this.run = new Run(new Steps(kernel.model.build('RCU', [], [])));
  }

  /** call_rcu(). */
  queue(member: T): void {
    this.one(CB.none, member, 'anybody');
  }

  /** The callback has run. Throws Error where the machine does not let it. */
  invoke(member: T): void {
    for (const [place, members] of this.standing) {
      const i = members.indexOf(member);
      if (i < 0) continue;
      this.one(place, member, 'softirq 0');
      members.splice(i, 1);
      return;
    }
    throw new Error('a callback runs that nobody has queued');
  }

  /** The CPU enters or leaves its section. */
  moves(cpu: number): void {
    this.takeAll(`thread ${cpu}`);
  }

  inside(cpu: number): boolean {
    return this.run.read(`pc_${cpu}`) === 1;
  }

  /** The CPU reports a quiescent state, if one is asked for and it can. */
  reports(cpu: number): void {
    this.takeAll(`cpu ${cpu}`);
  }

  /** The CPU still has to report one. */
  owes(cpu: number): boolean {
    return this.run.read(`owe_${cpu}`) === 1;
  }

  /** A grace period begins, or ends, if it can; tells who waits for it, or has waited. */
  advance(): readonly T[] | null {
    const ends = this.run.read('gp') === 1;
    const before = this.standing.get(CB.waiting) ?? [];
    if (!this.takeAll('rcu')) return null;
    return [...(ends ? before : (this.standing.get(CB.waiting) ?? []))];
  }

  private takeAll(actor: string): boolean {
    const { run } = this;
    const places = [...this.standing].filter(([, members]) => members.length > 0);
    if (places.length === 0) places.push([CB.none, []]);
    let command = -1;
    for (const [place] of places) {
      this.stand(place);
      const [enabled = -1] = run.enabled(actor);
      if (enabled >= 0) command = enabled;
    }
    this.stand(CB.none);
    if (command < 0) return false;
    const shared = run.state.slice();
    const moved = new Map<number, T[]>();
    for (const [place, members] of places) {
      run.state.set(shared);
      this.stand(place);
      run.steps.effects[command]!(run.state);
      const now = run.read(ONE);
      moved.set(now, [...(moved.get(now) ?? []), ...members]);
    }
    this.stand(CB.none);
    this.standing.clear();
    for (const [place, members] of moved) this.standing.set(place, members);
    return true;
  }

  /** A step of one of them. */
  private one(place: number, member: T, actor: string): void {
    const { run } = this;
    this.stand(place);
    const [command] = run.enabled(actor);
    if (command === undefined) throw new Error(`the machine does not allow a step of ${actor}`);
    run.take(command);
    const now = run.read(ONE);
    this.stand(CB.none);
    if (now === CB.none) return;
    const there = this.standing.get(now);
    if (there) there.push(member);
    else this.standing.set(now, [member]);
  }

  /** The variable that stands for them. */
  private stand(place: number): void {
    const at = this.run.steps.layout.places.get(ONE)!;
    const { state } = this.run;
    state[at.word] = (state[at.word]! & ~(at.mask << at.shift)) | (place << at.shift);
  }
}
