import { latin1 } from '../../timeline/batch.js';

/** Rows of the greatest width, and kinds of events among them: alike by chance only where all pointers are of one width, and of few kinds. */
const ROWS = 8;
const KINDS = 3;
/** As many are enough where one of them ends in the middle of something. */
const KINDS_OPEN = 2;
/** Of fewer rows the longest may be yet to come. */
const SEEN = 100;
/** Narrower lines hold no event with arguments. */
const NARROW = 60;
/** What no event prints last: what stands before a value, or the first digits of a pointer. */
const OPEN_END = /(?:[ =,(+]|0x(?:ffff[0-9a-f]{0,11}|f{0,3}))$/;
const TAIL = 20;

/** The name of an event, behind a stamp; of perf's script its count may stand between. */
const NAMED = /\d\.\d{3,9}: +(?:\d+ +)?([A-Za-z_][\w:.]*)/;
const HASH = 35;
const LF = 10;
const CR = 13;

/**
 * Finds that something has cut the lines of a text off at one width (`cut -c1-140`, a terminal, a mail client): the longest
 * lines of several kinds of events are then of one width to the byte.
 */
export class CutWidth {
  /** Bytes behind which the lines are cut off; 0: they are not. */
  width = 0;
  private widest = NARROW - 1;
  private rows = 0;
  private seen = 0;
  private open = false;
  private readonly kinds = new Set<string>();

  /** A line of so many bytes with an event is no wider than another before it: nothing can be told from it. */
  passes(width: number): boolean {
    this.seen++;
    return width < this.widest;
  }

  /** One of those that do not pass, with the event of this name. Whether it is cut off. */
  isCut(width: number, name: string, bytes: Uint8Array, end: number): boolean {
    if (width > this.widest) this.wider(width);
    if (this.width > 0) return true;
    this.rows++;
    if (this.kinds.size < KINDS) this.kinds.add(name);
    this.open ||= OPEN_END.test(latin1(bytes, end - TAIL, end));
    if (this.rows < ROWS || this.seen < SEEN || this.kinds.size < (this.open ? KINDS_OPEN : KINDS))
      return false;
    this.width = width;
    return true;
  }

  private wider(width: number): void {
    this.widest = width;
    this.width = 0;
    this.rows = 0;
    this.open = false;
    this.kinds.clear();
  }
}

/** What the first bytes of a text show; where they show nothing, as new. */
export function cutWidthOf(sample: Uint8Array): CutWidth {
  const cut = new CutWidth();
  for (let start = 0; start < sample.length; ) {
    let end = sample.indexOf(LF, start);
    // The last line of a sample may go on.
    if (end < 0) break;
    const next = end + 1;
    if (end > start && sample[end - 1] === CR) end--;
    if (sample[start] !== HASH && !cut.passes(end - start)) {
      const name = NAMED.exec(latin1(sample, start, end))?.[1];
      if (name !== undefined) cut.isCut(end - start, name, sample, end);
    }
    start = next;
  }
  return cut.width > 0 ? cut : new CutWidth();
}
