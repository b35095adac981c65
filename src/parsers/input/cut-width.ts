import { latin1 } from '../../timeline/batch.js';

/** Rows of the greatest width, kinds of events among them, and how many of them, one in how many, have visibly lost their end. */
const ROWS = 8;
const KINDS = 2;
const BROKEN = 4;
const BROKEN_SHARE = 16;
/** Rows of one width that are looked at: where so many have not shown that it is one of cut lines, it is none. */
const LOOKED_AT = 1024;
/** Of fewer rows the longest may be yet to come. */
const SEEN = 100;
/** Narrower lines hold no event with arguments. */
const NARROW = 60;
/** What no event prints last: what stands before a value, or the first digits of a pointer. */
const OPEN_END = /(?:[=(+]|0x(?:ffff[0-9a-f]{0,11}|f{0,3}))$/;
/** A name behind fields, without a value of its own. */
const NAME_ONLY = /=[^ ]* [a-z_]{1,24}$/;
const QUOTE = /"/g;
const OPENING = /\(/g;
const CLOSING = /\)/g;

/** The name of an event, behind a stamp; of perf's script its count may stand between. */
const NAMED = /\d\.\d{3,9}: +(?:\d+ +)?([A-Za-z_][\w:.]*)/;
const HASH = 35;
const LF = 10;
const CR = 13;

/**
 * Finds that something has cut the lines of a text off at one width (`cut -c1-140`, a terminal, a mail client): the longest
 * lines of several kinds of events are then of one width to the byte, and many have lost their end.
 */
export class CutWidth {
  /** Bytes behind which the lines are cut off; 0: they are not. */
  width = 0;
  private widest = NARROW - 1;
  private rows = 0;
  private seen = 0;
  private broken = 0;
  private readonly kinds = new Set<string>();

  /** Nothing more can be told from a line of so many bytes with an event: it is no wider than those before it. */
  passes(width: number): boolean {
    this.seen++;
    return width < this.widest || (width === this.widest && this.width === 0 && this.rows >= LOOKED_AT);
  }

  /** One of those that do not pass, with the event of this name. Whether it is cut off. */
  isCut(width: number, name: string, line: string): boolean {
    if (width > this.widest) this.wider(width);
    if (this.width > 0) return true;
    this.rows++;
    if (this.kinds.size < KINDS) this.kinds.add(name);
    if (lacksEnd(line, name)) this.broken++;
    const { rows, seen, kinds, broken } = this;
    if (rows < ROWS || seen < SEEN || kinds.size < KINDS) return false;
    if (broken < BROKEN || broken * BROKEN_SHARE < rows) return false;
    this.width = width;
    return true;
  }

  private wider(width: number): void {
    this.widest = width;
    this.width = 0;
    this.rows = 0;
    this.broken = 0;
    this.kinds.clear();
  }
}

const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0;

/** Something was begun and is not ended. */
const lacksEnd = (line: string, event: string): boolean =>
  OPEN_END.test(line) ||
  // A format of one's own may have the event itself there.
  (NAME_ONLY.test(line) && !line.endsWith(event)) ||
  count(line, QUOTE) % 2 === 1 ||
  count(line, OPENING) > count(line, CLOSING);

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
      const line = latin1(sample, start, end);
      const name = NAMED.exec(line)?.[1];
      if (name !== undefined) cut.isCut(end - start, name, line);
    }
    start = next;
  }
  return cut.width > 0 ? cut : new CutWidth();
}
