/** Room at first: names of a short recording. */
const FEW = 256;
const FEW_BYTES = 1 << 14;
/** Of a table that holds nothing yet; never written to. Many tables of a reader stay so. */
const NO_NUMBERS = new Uint32Array(0);
const NO_HASHES = new Int32Array(0);
const NO_BYTES = new Uint8Array(0);
const NO_SLOTS = new Int32Array(1).fill(-1);
const TO_UTF8 = new TextEncoder();
const OF_UTF8 = new TextDecoder();
/** Short texts are encoded here: bytes are copied on first sight. */
const scratch = new Uint8Array(256);

/**
 * Append-only table of byte strings: the same bytes always get the same id, ids count up from 0.
 *
 * Hot path of every scanner, so it hashes and compares raw bytes and makes a JS string only on demand.
 * Bytes are copied on first sight: callers may reuse their buffer.
 */
export class Interner {
  private bytes = NO_BYTES;
  private used = 0;
  private starts = NO_NUMBERS;
  private lengths = NO_NUMBERS;
  private hashes = NO_HASHES;
  private slots = NO_SLOTS;
  private strings: (string | undefined)[] = [];
  private count = 0;

  /** Number of distinct strings; the next new one gets this id. */
  get size(): number {
    return this.count;
  }

  /** Id of `buf[start, end)`. */
  intern(buf: Uint8Array, start: number, end: number): number {
    let h = 0x811c9dc5 | 0;
    for (let i = start; i < end; i++) h = Math.imul(h ^ buf[i]!, 0x01000193);
    return this.internHashed(buf, start, end, h);
  }

  /** As `intern`, with the FNV-1a hash already computed by the caller's own loop over the bytes. */
  internHashed(buf: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.slots.length - 1;
    const length = end - start;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const id = this.slots[slot]!;
      if (id < 0) return this.add(buf, start, end, hash, slot);
      if (this.hashes[id] === hash && this.lengths[id] === length && this.equals(id, buf, start, length)) {
        return id;
      }
      slot = (slot + 1) & mask;
    }
  }

  internString(text: string): number {
    // A unit of UTF-16 takes three bytes at most.
    if (text.length * 3 <= scratch.length)
      return this.intern(scratch, 0, TO_UTF8.encodeInto(text, scratch).written);
    const b = TO_UTF8.encode(text);
    return this.intern(b, 0, b.length);
  }

  /** The string of an id, decoded as UTF-8 (invalid bytes become U+FFFD). */
  text(id: number): string {
    let s = this.strings[id];
    if (s === undefined) {
      if (id < 0 || id >= this.count) return '';
      const start = this.starts[id]!;
      s = OF_UTF8.decode(this.bytes.subarray(start, start + this.lengths[id]!));
      this.strings[id] = s;
    }
    return s;
  }

  /** The bytes of an id as they were interned; a view, valid until the next `intern`. */
  bytesOf(id: number): Uint8Array {
    if (id < 0 || id >= this.count) return this.bytes.subarray(0, 0);
    const start = this.starts[id]!;
    return this.bytes.subarray(start, start + this.lengths[id]!);
  }

  private equals(id: number, buf: Uint8Array, start: number, length: number): boolean {
    const base = this.starts[id]!;
    const bytes = this.bytes;
    for (let i = 0; i < length; i++) if (bytes[base + i] !== buf[start + i]) return false;
    return true;
  }

  private add(buf: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    if (this.slots === NO_SLOTS) {
      this.begin();
      return this.internHashed(buf, start, end, hash);
    }
    const id = this.count++;
    if (id >= this.starts.length) {
      this.starts = grow(this.starts, Uint32Array);
      this.lengths = grow(this.lengths, Uint32Array);
      this.hashes = grow(this.hashes, Int32Array);
    }
    const length = end - start;
    if (this.used + length > this.bytes.length) {
      const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + length));
      bigger.set(this.bytes.subarray(0, this.used));
      this.bytes = bigger;
    }
    for (let i = 0; i < length; i++) this.bytes[this.used + i] = buf[start + i]!;
    this.starts[id] = this.used;
    this.lengths[id] = length;
    this.hashes[id] = hash;
    this.used += length;
    this.slots[slot] = id;
    if (this.count * 2 > this.slots.length) this.rehash();
    return id;
  }

  /** One piece of memory for all columns: a piece costs more than what few names take of it. */
  private begin(): void {
    const memory = new ArrayBuffer(4 * 5 * FEW + FEW_BYTES);
    this.starts = new Uint32Array(memory, 0, FEW);
    this.lengths = new Uint32Array(memory, 4 * FEW, FEW);
    this.hashes = new Int32Array(memory, 8 * FEW, FEW);
    this.slots = new Int32Array(memory, 12 * FEW, 2 * FEW).fill(-1);
    this.bytes = new Uint8Array(memory, 20 * FEW, FEW_BYTES);
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let id = 0; id < this.count; id++) {
      const hash = this.hashes[id]!;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.slots = slots;
  }
}

function grow<T extends Uint32Array | Int32Array>(old: T, make: new (n: number) => T): T {
  const bigger = new make(old.length * 2);
  bigger.set(old);
  return bigger;
}
