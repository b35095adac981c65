import { READER } from '../../kernel/ops.js';
import { Gather } from '../gather.js';
import type { Kernel, Link, Table } from '../kernel.js';
import type { Freer } from '../program.js';
import { Label, Thread, type Way } from '../thread.js';

/** What a thread has opened and must close: a lock, interrupts off, rcu_read_lock(). */
export interface Section {
  /** `mmap_lock`, `ptl_0`, `irq`, `rcu` … */
  readonly name: string;
  readonly kind: 'lock' | 'read-lock' | 'irq' | 'rcu' | 'preempt' | 'walked-lock';
  /** Where the step stands that closes it: who finds nothing to do goes there. */
  readonly closer: Label;
  /** Some step may go there. */
  awaited: boolean;
}

/** A table that the thread has reached by a walk. */
export interface Walk {
  readonly links: readonly Link[];
  /** `READER`. */
  readonly kind: number;
  readonly lock: string | null;
  /** The walk ends with it; null: with the thread. */
  readonly under: Section | null;
}

/** Something is to be flushed before the thread's gather ends. */
export const pend = (w: StepWriter): string => w.t.own('pend');
export const tableOf = (w: StepWriter, link: Link): Table => w.kernel.tables[link.table]!;

/** What cannot be meant, without the place. */
export class Nonsense extends Error {}

/** A thread that is being written, verb by verb, and what it holds at this place. */
export class StepWriter {
  readonly t: Thread;
  readonly kernel: Kernel;
  readonly freer: Freer;
  readonly who: string;
  /** Number of the mm that its CPU has loaded. */
  readonly mm: number;
  readonly open: Section[] = [];
  walk: Walk | null = null;
  /** Locks that the next unlink needs. */
  needs: string[] = [];
  /** Entries that this thread hands to its gather. */
  private readonly handed: readonly Link[];
  private own: Gather | null = null;
  private readonly end = new Label();

  constructor(freer: Freer, cpu: number, who: string, mm: number, handed: readonly Link[]) {
    this.freer = freer;
    this.kernel = freer.kernel;
    this.t = new Thread(freer.kernel, cpu, who);
    this.who = who;
    this.mm = mm;
    this.handed = handed;
  }

  /** The entry of that name: `T0`, or one of the program's own. */
  entry(name: string): Link {
    const link = this.kernel.links.find((l) => l.name === name || l.name.endsWith(`(${name})`));
    if (link) return link;
    const known = this.kernel.links.map((l) => /\((.*)\)$/.exec(l.name)?.[1] ?? l.name);
    throw new Nonsense(`there is no entry ${name}; known: ${known.join(', ')}`);
  }

  /** The entry, whose table has a data page. */
  paged(name: string): Link {
    const link = this.entry(name);
    if (!this.kernel.tables[link.table]!.page) throw new Nonsense(`needs data pages: pages: true`);
    return link;
  }

  get gather(): Gather {
    const { freer, t } = this;
    const links = this.handed.length > 0 ? this.handed : freer.links.slice(0, 1);
    this.own ??= new Gather(t, links, freer.path, freer.memory, freer.callbacks);
    return this.own;
  }

  opens(name: string, kind: Section['kind']): void {
    if (this.open.some((s) => s.name === name)) throw new Nonsense(`${name} is held already`);
    this.open.push({ name, kind, closer: new Label(), awaited: false });
  }

  /** The section is closed by the next step. */
  closes(name: string, ...kinds: Section['kind'][]): Section {
    const at = this.open.findIndex((s) => s.name === name && kinds.includes(s.kind));
    const section = this.open[at];
    if (!section) throw new Nonsense(`${name} is not held`);
    const inner = this.open.slice(at + 1);
    if (section.awaited && inner.length > 0)
      throw new Nonsense(
        `${inner[0]!.name} is still held: a step that finds nothing comes here from before it`,
      );
    this.open.splice(at, 1);
    this.t.here(section.closer);
    return section;
  }

  /** Where a step goes that finds nothing to do: to the close of the innermost section, else to the end. */
  get out(): Label {
    const inner = this.open.at(-1);
    if (!inner) return this.end;
    inner.awaited = true;
    return inner.closer;
  }

  /** What protects a walk that begins here. */
  protection(): Pick<Walk, 'kind' | 'lock' | 'under'> {
    const last = (kind: Section['kind']): Section | undefined => this.open.findLast((s) => s.kind === kind);
    const irq = last('irq');
    if (irq) return { kind: READER.irqoff, lock: null, under: irq };
    const rcu = last('rcu');
    if (rcu) return { kind: READER.rcu, lock: null, under: rcu };
    const preempt = last('preempt');
    if (preempt) return { kind: READER.preemptoff, lock: null, under: preempt };
    const lock = this.open.findLast((s) => s.kind === 'lock' || s.kind === 'read-lock');
    return { kind: READER.lock, lock: lock?.name ?? 'nothing', under: lock ?? null };
  }

  /** The walk at hand. Throws Nonsense where there is none. */
  walked(): Walk {
    if (this.walk) return this.walk;
    throw new Nonsense('comes before any walk, or after its end: there is no table to use');
  }

  step(...ways: readonly Way[]): void {
    this.t.step(...ways);
  }

  finish(): void {
    const [left] = this.open;
    if (left) throw new Nonsense(`${left.name} is still held at the end of the thread`);
    this.t.here(this.end);
    this.t.end();
  }
}
