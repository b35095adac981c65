import type { EventHead, EventTable } from './events.js';

/** Pairs one behind the other, and kinds of events among them, that no kernel writes by chance. */
const PAIRS = 8;
const KINDS = 3;
/** Pairs of a kind, and how many of them one behind the other, that count it as written twice; nearly none is alone. */
const OF_KIND = 4;
const BEHIND_EACH_OTHER = 2;
/** An event that is not one of a pair weighs as much as so many that are: at least four of five must be. */
const ALONE = 4;
/** What came earlier counts no more than this. */
const MOST = 64;
const LEAST = -16;

/** Function lines have no arguments: a loop writes many that are equal. */
const tells = ({ kind }: EventHead): boolean =>
  kind === 'tracepoint' ||
  kind === 'probe' ||
  kind === 'retprobe' ||
  kind === 'syscall-enter' ||
  kind === 'syscall-exit';

/** Locks and reader sections: a driver that polls its device takes one lock twice within a microsecond, hundreds of times. */
const POLLED = /^(?:_raw_(?:spin|read|write)_|__rcu_read_)/;

/**
 * Whether events are written twice here, told by pairs of equal ones: all events are, or all of several kinds, where the second
 * instance records only some; and of several kinds pairs stand one behind the other. A loop of the kernel repeats itself, but
 * not each event by itself; a bug repeats one kind, where the events around it stay alone.
 */
export class DoubleRun {
  /** Everything is written twice. */
  all = false;
  private readonly events: EventTable;
  private readonly tells: boolean[] = [];
  /** By kind: how many were of pairs, lately; below 0: alone. */
  private readonly ofKind: number[] = [];
  private readonly behind: number[] = [];
  private readonly entry: boolean[] = [];
  private readonly polled: boolean[] = [];
  /** Kinds that are of pairs lately, and those of them that surely are. */
  private likely = 0;
  private sure = 0;
  /** … that are entries of functions. */
  private entries = 0;
  private score = 0;
  private pairs = 0;
  /** Kinds among these pairs, and by kind the stretch of pairs in which it was counted last. */
  private kinds = 0;
  private readonly countedIn: number[] = [];
  private stretch = 0;

  constructor(events: EventTable) {
    this.events = events;
  }

  /** Some kinds are written twice. Two probes on one function write its entries so, and nothing else. */
  get some(): boolean {
    return this.sure >= KINDS && this.entries < this.sure;
  }

  /** It may turn out that they are. */
  get open(): boolean {
    return this.score > 0 || this.likely > 0;
  }

  /** An event, whether it is one of a pair, and whether it stands right behind the other one. */
  event(id: number, paired: boolean, adjacent: boolean): void {
    if (id >= this.tells.length) this.learn(id);
    if (!this.tells[id]) return;
    this.kind(id, paired, adjacent);
    this.score = paired ? Math.min(this.score + 1, MOST) : this.score - ALONE;
    if (this.score < 0) this.over();
    else if (adjacent && !this.all) {
      this.pairs++;
      if (this.countedIn[id] !== this.stretch && !this.polled[id]) this.kinds++;
      this.countedIn[id] = this.stretch;
      this.all = this.pairs >= PAIRS && this.kinds >= KINDS;
    }
  }

  /** Whether a copy of this kind is the second text of one event. */
  both(id: number): boolean {
    return this.all || (this.some && (this.ofKind[id] ?? 0) > 0);
  }

  /** Another capture begins. */
  restart(): void {
    this.over();
    this.ofKind.fill(0);
    this.behind.fill(0);
    this.likely = this.sure = this.entries = 0;
  }

  private over(): void {
    this.all = false;
    this.score = this.pairs = this.kinds = 0;
    this.stretch++;
  }

  private kind(id: number, paired: boolean, adjacent: boolean): void {
    const { ofKind, behind } = this;
    const before = ofKind[id]!;
    const wasSure = this.isSure(id);
    ofKind[id] = paired ? Math.min(before + 1, MOST) : Math.max(before - ALONE, LEAST);
    if (adjacent) behind[id]!++;
    if (ofKind[id]! <= 0) behind[id] = 0;
    this.likely += Number(ofKind[id]! > 0) - Number(before > 0);
    const became = Number(this.isSure(id)) - Number(wasSure);
    this.sure += became;
    if (this.entry[id]) this.entries += became;
  }

  private isSure(id: number): boolean {
    return this.ofKind[id]! >= 2 * OF_KIND && this.behind[id]! >= BEHIND_EACH_OTHER;
  }

  private learn(id: number): void {
    for (let k = this.tells.length; k <= id; k++) {
      const head = this.events.head(k);
      this.tells.push(tells(head));
      this.entry.push(head.kind === 'probe');
      this.polled.push(POLLED.test(head.symbol));
      this.ofKind.push(0);
      this.behind.push(0);
      this.countedIn.push(-1);
    }
  }
}
