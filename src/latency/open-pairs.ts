/** No open span. */
export const NONE = -1;

/** CPUs remembered per open span. */
const CPUS = 4;
/** Keys below this (thread ids, CPUs) are looked up in an array, the rest in a Map. */
const DIRECT_LIMIT = 2 ** 22;
/** Spans of one key inside each other; recursion goes no deeper, what lies deeper lost its end. */
export const MAX_DEPTH = 64;

/**
 * Spans begun and not yet ended, by key, newest first per key. In columns with a free list; at most `limit` at once:
 * `oldest` says which to give up then.
 */
export class OpenPairs {
  startNs = new Float64Array(64);
  /** Sequence number of loss marks at the begin. */
  startSeq = new Float64Array(64);
  key = new Float64Array(64);
  comm = new Uint32Array(64);
  pid = new Int32Array(64);
  tgid = new Int32Array(64);
  startCpu = new Int32Array(64);
  /** Whatever the caller keeps with the begin. */
  tag = new Int32Array(64);
  /** 1: on more CPUs than are remembered, or on one the trace does not name. */
  manyCpus = new Uint8Array(64);
  private cpus = new Int32Array(64 * CPUS);
  /** Next outer span of the same key; for free slots: next free slot. */
  private below = new Int32Array(64);
  private newer = new Int32Array(64);
  private older = new Int32Array(64);
  private free = NONE;
  private used = 0;
  private first = NONE;
  private last = NONE;
  private direct = new Int32Array(0);
  private readonly far = new Map<number, number>();
  count = 0;

  /** Innermost open span of `key`, `NONE` if it has none. */
  find(key: number): number {
    if (key >= 0 && key < this.direct.length) return this.direct[key]! - 1;
    return key >= 0 && key < DIRECT_LIMIT ? NONE : (this.far.get(key) ?? NONE);
  }

  /** The span around `slot`, `NONE` if it is the outermost. */
  outer(slot: number): number {
    return this.below[slot]!;
  }

  /** The span begun first of all. */
  get oldest(): number {
    return this.first;
  }

  open(key: number, tsNs: number, seq: number, cpu: number): number {
    let slot = this.free;
    if (slot !== NONE) this.free = this.below[slot]!;
    else {
      slot = this.used++;
      if (slot === this.startNs.length) this.grow();
    }
    this.startNs[slot] = tsNs;
    this.startSeq[slot] = seq;
    this.key[slot] = key;
    this.startCpu[slot] = cpu;
    this.manyCpus[slot] = cpu < 0 ? 1 : 0;
    this.cpus.fill(-1, slot * CPUS, (slot + 1) * CPUS);
    this.cpus[slot * CPUS] = cpu;
    this.below[slot] = this.find(key);
    this.link(key, slot);
    this.newer[slot] = NONE;
    this.older[slot] = this.last;
    if (this.last === NONE) this.first = slot;
    else this.newer[this.last] = slot;
    this.last = slot;
    this.count++;
    return slot;
  }

  /** Spans of `key` open at once, at most `MAX_DEPTH` + 1. */
  depth(key: number): number {
    let n = 0;
    for (let s = this.find(key); s !== NONE && n <= MAX_DEPTH; s = this.below[s]!) n++;
    return n;
  }

  /** All open spans of `key` were seen on `cpu`. */
  touch(key: number, cpu: number): void {
    for (let slot = this.find(key); slot !== NONE; slot = this.below[slot]!) this.touchSlot(slot, cpu);
  }

  touchSlot(slot: number, cpu: number): void {
    if (cpu < 0) {
      this.manyCpus[slot] = 1;
      return;
    }
    for (let i = slot * CPUS; i < (slot + 1) * CPUS; i++) {
      const c = this.cpus[i]!;
      if (c === cpu) return;
      if (c < 0) {
        this.cpus[i] = cpu;
        return;
      }
    }
    this.manyCpus[slot] = 1;
  }

  /** Largest `seqOf[cpu]` over the CPUs the span was seen on; -1 if none has one. */
  latestOn(slot: number, seqOf: Float64Array): number {
    let latest = -1;
    for (let i = slot * CPUS; i < (slot + 1) * CPUS; i++) {
      const cpu = this.cpus[i]!;
      if (cpu >= 0 && cpu < seqOf.length && seqOf[cpu]! > latest) latest = seqOf[cpu]!;
    }
    return latest;
  }

  /** Closes any slot, wherever it lies among the spans of its key. */
  close(slot: number): void {
    const key = this.key[slot]!;
    const top = this.find(key);
    if (top === slot) this.link(key, this.below[slot]!);
    else {
      let above = top;
      while (this.below[above] !== slot) above = this.below[above]!;
      this.below[above] = this.below[slot]!;
    }
    const older = this.older[slot]!;
    const newer = this.newer[slot]!;
    if (older === NONE) this.first = newer;
    else this.newer[older] = newer;
    if (newer === NONE) this.last = older;
    else this.older[newer] = older;
    this.below[slot] = this.free;
    this.free = slot;
    this.count--;
  }

  private link(key: number, slot: number): void {
    if (key < 0 || key >= DIRECT_LIMIT) {
      if (slot === NONE) this.far.delete(key);
      else this.far.set(key, slot);
      return;
    }
    if (key >= this.direct.length) {
      const size = Math.min(DIRECT_LIMIT, Math.max(key + 1, this.direct.length * 2, 1024));
      this.direct = copy(new Int32Array(size), this.direct);
    }
    this.direct[key] = slot + 1;
  }

  private grow(): void {
    const n = this.startNs.length * 2;
    this.startNs = copy(new Float64Array(n), this.startNs);
    this.startSeq = copy(new Float64Array(n), this.startSeq);
    this.key = copy(new Float64Array(n), this.key);
    this.comm = copy(new Uint32Array(n), this.comm);
    this.pid = copy(new Int32Array(n), this.pid);
    this.tgid = copy(new Int32Array(n), this.tgid);
    this.startCpu = copy(new Int32Array(n), this.startCpu);
    this.tag = copy(new Int32Array(n), this.tag);
    this.manyCpus = copy(new Uint8Array(n), this.manyCpus);
    this.cpus = copy(new Int32Array(n * CPUS), this.cpus);
    this.below = copy(new Int32Array(n), this.below);
    this.newer = copy(new Int32Array(n), this.newer);
    this.older = copy(new Int32Array(n), this.older);
  }
}

function copy<T extends { set(from: ArrayLike<number>): void }>(to: T, from: ArrayLike<number>): T {
  to.set(from);
  return to;
}
