/** No open span. */
export const NO_SLOT = -1;

/** Linux limits thread ids to 2^22 (PID_MAX_LIMIT, include/linux/threads.h); larger ones go to a Map. */
const DIRECT_LIMIT = 2 ** 22;

/**
 * Open spans by thread id, in columns. A thread has at most one open span of a syscall, so memory is bounded by
 * the number of threads inside it at once plus one 32-bit word per thread id up to the largest seen.
 */
export class SpanSlots {
  startNs = new Float64Array(64);
  /** Loss sequence number at the start. */
  startSeq = new Float64Array(64);
  comm = new Uint32Array(64);
  pid = new Int32Array(64);
  startCpu = new Int32Array(64);
  /** Up to `CPUS` distinct CPUs the thread was seen on since; -1 = none. */
  cpus = new Int32Array(64 * CPUS).fill(-1);
  /** 1: it was on more CPUs than that, or on one the trace does not name. */
  overflow = new Uint8Array(64);
  /** Open slots are `0 … count - 1`, so that all of them can be walked. */
  count = 0;
  private direct = new Int32Array(0);
  private readonly far = new Map<number, number>();

  find(pid: number): number {
    if (pid < this.direct.length) return this.direct[pid]! - 1;
    return pid < DIRECT_LIMIT ? NO_SLOT : (this.far.get(pid) ?? NO_SLOT);
  }

  /** Opens a span for `pid` (>= 0), which must have none. */
  open(pid: number, tsNs: number, seq: number, comm: number, cpu: number): void {
    const slot = this.count++;
    if (slot === this.startNs.length) this.grow();
    this.startNs[slot] = tsNs;
    this.startSeq[slot] = seq;
    this.comm[slot] = comm;
    this.pid[slot] = pid;
    this.startCpu[slot] = cpu;
    this.overflow[slot] = cpu < 0 ? 1 : 0;
    const base = slot * CPUS;
    this.cpus.fill(-1, base, base + CPUS);
    this.cpus[base] = cpu;
    this.link(pid, slot);
  }

  /** The thread of `slot` was seen on `cpu`. */
  touch(slot: number, cpu: number): void {
    if (cpu < 0) {
      this.overflow[slot] = 1;
      return;
    }
    const base = slot * CPUS;
    for (let i = base; i < base + CPUS; i++) {
      const c = this.cpus[i]!;
      if (c === cpu) return;
      if (c < 0) {
        this.cpus[i] = cpu;
        return;
      }
    }
    this.overflow[slot] = 1;
  }

  /** Closes a slot; the last slot moves into its place. */
  close(slot: number): void {
    this.link(this.pid[slot]!, NO_SLOT);
    const last = --this.count;
    if (last === slot) return;
    this.startNs[slot] = this.startNs[last]!;
    this.startSeq[slot] = this.startSeq[last]!;
    this.comm[slot] = this.comm[last]!;
    this.pid[slot] = this.pid[last]!;
    this.startCpu[slot] = this.startCpu[last]!;
    this.overflow[slot] = this.overflow[last]!;
    this.cpus.copyWithin(slot * CPUS, last * CPUS, (last + 1) * CPUS);
    this.link(this.pid[slot]!, slot);
  }

  private link(pid: number, slot: number): void {
    if (pid >= DIRECT_LIMIT) {
      if (slot === NO_SLOT) this.far.delete(pid);
      else this.far.set(pid, slot);
      return;
    }
    if (pid >= this.direct.length) {
      const bigger = new Int32Array(Math.min(DIRECT_LIMIT, Math.max(pid + 1, this.direct.length * 2, 1024)));
      bigger.set(this.direct);
      this.direct = bigger;
    }
    this.direct[pid] = slot + 1;
  }

  private grow(): void {
    const n = this.startNs.length * 2;
    this.startNs = copy(new Float64Array(n), this.startNs);
    this.startSeq = copy(new Float64Array(n), this.startSeq);
    this.comm = copy(new Uint32Array(n), this.comm);
    this.pid = copy(new Int32Array(n), this.pid);
    this.startCpu = copy(new Int32Array(n), this.startCpu);
    this.overflow = copy(new Uint8Array(n), this.overflow);
    this.cpus = copy(new Int32Array(n * CPUS).fill(-1), this.cpus);
  }
}

/** CPUs remembered per open span. */
export const CPUS = 4;

function copy<T extends { set(from: ArrayLike<number>): void }>(to: T, from: ArrayLike<number>): T {
  to.set(from);
  return to;
}
