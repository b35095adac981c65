import type { LineHost } from '../input/dialect.js';
import { internBody } from '../input/kernel-pieces.js';

const BLANK = 32;
const PAREN = 40;
const SLOTS = 4096;
/** Slots looked at before a head counts as unknown. */
const PROBES = 8;
/** Bytes that choose the slot; heads shorter than this are filed under their first four bytes. */
const SAMPLE = 12;
/** Bytes of the heads known, at first and at most. */
const POOL_FIRST = 1 << 13;
const POOL = 1 << 18;
/** Lines that are read without it: a line that is quoted needs no cache of its own. */
const UNCACHED = 8;

/**
 * Remembers which bytes at the front of a body gave which event, so that a head seen before costs one comparison
 * instead of a parse and a hash over all its bytes.
 *
 * A cache only: what is found is verified byte by byte, what is not found is parsed by `internBody`. Heads whose
 * end depends on bytes behind them (function arguments, bare names) are never remembered.
 */
export class HeadCache {
  private events = new Int32Array(0);
  private starts = new Int32Array(0);
  /** 0: free slot. */
  private lengths = new Int32Array(0);
  private pool = new Uint8Array(0);
  private poolView = new DataView(this.pool.buffer);
  private used = 0;
  private uncached = 0;

  /** As `internBody`. `view` covers the same bytes as `buf`, so that they can be compared four at a time. */
  intern(buf: Uint8Array, view: DataView, start: number, end: number, host: LineHost): void {
    let p = start;
    while (p < end && buf[p] === BLANK) p++;
    if (p + SAMPLE > end || (this.uncached < UNCACHED && this.begin())) {
      internBody(buf, start, end, host);
      return;
    }
    const first = view.getInt32(p, true);
    const long = slotOf(
      first ^ Math.imul(view.getInt32(p + 4, true), 0x9e3779b1) ^ view.getInt32(p + 8, true),
    );
    let slot = this.find(long, view, p, end);
    if (slot < 0) slot = this.find(slotOf(first), view, p, end);
    if (slot >= 0) {
      let body = p + this.lengths[slot]!;
      const named = buf[body - 1] === BLANK;
      while (body < end && buf[body] === BLANK) body++;
      // `NAME: (`: a probe's place may follow, which is part of its head.
      if (!named || body === end || buf[body] !== PAREN) {
        const { batch } = host;
        const row = batch.length;
        batch.event[row] = this.events[slot]!;
        batch.bodyStart[row] = body;
        batch.bodyEnd[row] = end;
        return;
      }
    }
    const length = internBody(buf, start, end, host);
    if (length > 0) this.remember(buf, p, length, length < SAMPLE ? slotOf(first) : long, host);
  }

  /** True: not yet. */
  private begin(): boolean {
    if (++this.uncached < UNCACHED) return true;
    const slots = new ArrayBuffer(SLOTS * 3 * 4);
    this.events = new Int32Array(slots, 0, SLOTS);
    this.starts = new Int32Array(slots, SLOTS * 4, SLOTS);
    this.lengths = new Int32Array(slots, SLOTS * 8, SLOTS);
    this.enlarge(POOL_FIRST);
    return false;
  }

  private enlarge(size: number): void {
    const bigger = new Uint8Array(size);
    bigger.set(this.pool);
    this.pool = bigger;
    this.poolView = new DataView(bigger.buffer);
  }

  private find(from: number, view: DataView, p: number, end: number): number {
    const { lengths, starts, poolView } = this;
    for (let i = 0; i < PROBES; i++) {
      const slot = (from + i) & (SLOTS - 1);
      const length = lengths[slot]!;
      if (length === 0) return -1;
      if (p + length > end) continue;
      const known = starts[slot]!;
      let k = 0;
      while (k + 4 <= length && poolView.getInt32(known + k, true) === view.getInt32(p + k, true)) k += 4;
      if (k + 4 <= length) continue;
      while (k < length && poolView.getUint8(known + k) === view.getUint8(p + k)) k++;
      if (k === length) return slot;
    }
    return -1;
  }

  private remember(buf: Uint8Array, p: number, length: number, from: number, host: LineHost): void {
    if (this.used + length > POOL) return;
    for (let i = 0; i < PROBES; i++) {
      const slot = (from + i) & (SLOTS - 1);
      if (this.lengths[slot] !== 0) continue;
      while (this.used + length > this.pool.length) this.enlarge(this.pool.length * 2);
      for (let k = 0; k < length; k++) this.pool[this.used + k] = buf[p + k]!;
      this.starts[slot] = this.used;
      this.lengths[slot] = length;
      this.events[slot] = host.batch.event[host.batch.length]!;
      this.used += length;
      return;
    }
  }
}

function slotOf(h: number): number {
  const mixed = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) & (SLOTS - 1);
}
