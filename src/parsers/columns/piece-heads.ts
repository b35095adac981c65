/** Parts that name a canonical event, in this order. */
export const PIECE = { kind: 0, event: 1, symbol: 2, caller: 3, stamp: 4 } as const;
export const PIECES = 5;
const SLOTS = 1024;
/** Slots looked at before the pieces count as unknown. */
const PROBES = 8;
const POOL = 1 << 16;

/**
 * Remembers which bytes in the cells that name an event gave which head, so that a line whose like was seen before
 * makes no string.
 *
 * A cache only: what is found is compared byte by byte; what has no room is not found again. Set `from` and `to` of the
 * pieces (the same number twice: empty) before each call. Where the cells stand side by side, one piece may be all of
 * them, with what is between.
 */
export class PieceHeads {
  /** Where each piece begins and ends in the buffer of the line. */
  readonly from = new Int32Array(PIECES);
  readonly to = new Int32Array(PIECES);
  /** Of what `find` found: its event is a span, which has a length. */
  span = false;
  private readonly events = new Int32Array(SLOTS).fill(-1);
  private readonly spans = new Uint8Array(SLOTS);
  private readonly hashes = new Int32Array(SLOTS);
  private readonly starts = new Int32Array(SLOTS);
  private readonly lengths = new Int32Array(SLOTS * PIECES);
  private readonly pool = new Uint8Array(POOL);
  private readonly poolView = new DataView(this.pool.buffer);
  private used = 0;
  private hash = 0;

  /** Id of the head by the first `count` pieces; -1 for pieces not seen before. `view` covers the bytes of `buf`. */
  find(buf: Uint8Array, view: DataView, count: number): number {
    const { from, to, events, hashes } = this;
    let h = count;
    // The slot is chosen by the ends and the middle of each piece, and by its length.
    for (let piece = 0; piece < count; piece++) {
      const p = from[piece]!;
      const length = to[piece]! - p;
      h = Math.imul(h ^ length, 0x9e3779b1);
      if (length >= 4) {
        const words =
          view.getInt32(p, true) ^ Math.imul(view.getInt32(p + ((length - 4) >> 1), true), 0x85ebca6b);
        h = Math.imul(h ^ (h >>> 15) ^ words, 0x85ebca6b);
        h = Math.imul(h ^ (h >>> 13) ^ view.getInt32(p + length - 4, true), 0x9e3779b1);
      } else for (let k = 0; k < length; k++) h = Math.imul(h ^ buf[p + k]!, 0x01000193);
    }
    this.hash = h;
    for (let i = 0; i < PROBES; i++) {
      const slot = (h + (h >>> 15) + i) & (SLOTS - 1);
      const id = events[slot]!;
      if (id < 0) return -1;
      if (hashes[slot] === h && this.holds(slot, buf, view, count)) {
        this.span = this.spans[slot] === 1;
        return id;
      }
    }
    return -1;
  }

  /** Behind a `find` of the same pieces that found nothing. */
  remember(buf: Uint8Array, count: number, id: number, span: boolean): void {
    const { from, to } = this;
    let length = 0;
    for (let piece = 0; piece < count; piece++) length += to[piece]! - from[piece]!;
    if (this.used + length > POOL) return;
    for (let i = 0; i < PROBES; i++) {
      const slot = (this.hash + (this.hash >>> 15) + i) & (SLOTS - 1);
      if (this.events[slot]! >= 0) continue;
      this.events[slot] = id;
      this.spans[slot] = span ? 1 : 0;
      this.hashes[slot] = this.hash;
      this.starts[slot] = this.used;
      // What was found by fewer pieces is not found by more.
      for (let piece = 0; piece < PIECES; piece++) this.lengths[slot * PIECES + piece] = -1;
      for (let piece = 0; piece < count; piece++) {
        this.lengths[slot * PIECES + piece] = to[piece]! - from[piece]!;
        for (let p = from[piece]!; p < to[piece]!; p++) this.pool[this.used++] = buf[p]!;
      }
      return;
    }
  }

  private holds(slot: number, buf: Uint8Array, view: DataView, count: number): boolean {
    const { from, to, lengths, pool, poolView } = this;
    if (count < PIECES && lengths[slot * PIECES + count]! >= 0) return false;
    let at = this.starts[slot]!;
    for (let piece = 0; piece < count; piece++) {
      const end = to[piece]!;
      let p = from[piece]!;
      if (end - p !== lengths[slot * PIECES + piece]) return false;
      for (; p + 4 <= end; p += 4, at += 4) {
        if (view.getInt32(p, true) !== poolView.getInt32(at, true)) return false;
      }
      for (; p < end; p++) if (buf[p] !== pool[at++]) return false;
    }
    return true;
  }
}
