import { isKnown } from '../timeline/is-known.js';
import type { Op } from './ops.js';

/** Handlers of one hit run one after another on its CPU, an interrupt at most between them. */
const MOST_APART_NS = 1e6;
const CONTEXTS = 5;
const SLOTS = 6;
const STRIDE = 4 + SLOTS;
const MAX_SOURCES = 30;
/** By source; a power worked out for each hit costs more than all the rest. */
const BIT = Float64Array.from({ length: MAX_SOURCES }, (_, source) => 2 ** source);

/**
 * One hit under several names: two probes on one function, a probe and the function tracer, `sys_enter` and
 * `sys_enter_munmap`. Each of them shows every hit, one after the other in the same context of the same CPU, and each
 * hit is one operation. A probe that gives fewer arguments stands back for one that gives more.
 */
export class Hits {
  private readonly sources: string[] = [];
  /** Per CPU and context, the last hit: stamp, pid, sources that have shown it (bits), first source, arguments. */
  private last = new Float64Array(0);
  /** Source whose hits are passed over, as those of a richer one follow them; -1 none. */
  private poorer = -1;
  private richer = -1;

  /** Number of a source, for `again`. */
  source(name: string): number {
    const known = this.sources.indexOf(name);
    if (known >= 0) return known;
    if (this.sources.length >= MAX_SOURCES) return MAX_SOURCES - 1;
    return this.sources.push(name) - 1;
  }

  /** Whether `op`, shown by `source`, is a hit that another source shows: then it is to be passed over. */
  again(source: number, op: Op): boolean {
    if (op.cpu < 0) return false;
    const at = (op.cpu * CONTEXTS + op.context) * STRIDE;
    if (at + STRIDE > this.last.length) this.grow(at + STRIDE);
    const { last } = this;
    const bit = BIT[source]!;
    if (this.sources.length > 1) {
      const shown = last[at + 2]!;
      const mine = Math.floor(shown / bit) % 2 === 1;
      if (source === this.poorer && mine && Math.floor(shown / BIT[this.richer]!) % 2 === 0) {
        // Its last hit was not shown by the richer one: that one is gone.
        this.poorer = this.richer = -1;
      }
      if (shown > 0 && !mine && this.same(at, op)) {
        last[at + 2] = shown + bit;
        const first = last[at + 3]!;
        if (first === this.poorer) return this.take(at, op);
        if (this.hasMore(at, op)) {
          this.poorer = first;
          this.richer = source;
        }
        return true;
      }
    }
    last[at] = op.tsNs;
    last[at + 1] = op.pid;
    last[at + 2] = bit;
    last[at + 3] = source;
    this.take(at, op);
    return source === this.poorer;
  }

  /** Remembers the arguments; false: the operation counts. */
  private take(at: number, op: Op): boolean {
    const { last } = this;
    last[at + 4] = op.a0;
    last[at + 5] = op.a1;
    last[at + 6] = op.a2;
    last[at + 7] = op.a3;
    last[at + 8] = op.a4;
    last[at + 9] = op.a5;
    return false;
  }

  private same(at: number, op: Op): boolean {
    const { last } = this;
    if (last[at + 1] !== op.pid) return false;
    const apart = op.tsNs - last[at]!;
    if (!(apart >= 0 && apart <= MOST_APART_NS)) return false;
    const differ = (i: number, value: number): boolean => {
      const before = last[at + 4 + i]!;
      return isKnown(before) && isKnown(value) && before !== value;
    };
    return !(
      differ(0, op.a0) ||
      differ(1, op.a1) ||
      differ(2, op.a2) ||
      differ(3, op.a3) ||
      differ(4, op.a4) ||
      differ(5, op.a5)
    );
  }

  private hasMore(at: number, op: Op): boolean {
    const { last } = this;
    let more = 0;
    [op.a0, op.a1, op.a2, op.a3, op.a4, op.a5].forEach((value, i) => {
      more += Number(isKnown(value)) - Number(last[at + 4 + i] === last[at + 4 + i]);
    });
    return more > 0;
  }

  private grow(size: number): void {
    const bigger = new Float64Array(Math.max(size, this.last.length * 2));
    bigger.set(this.last);
    this.last = bigger;
  }
}
