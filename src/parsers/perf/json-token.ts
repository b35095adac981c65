/** What a line of a laid-out JSON document is, if it is one of these. */
export const TOKEN = {
  other: 0,
  blank: 1,
  /** `{`, alone. */
  open: 2,
  /** `}` or `]`, alone or with a comma. */
  close: 3,
  /** `"KEY": 123,` */
  number: 4,
  /** `"KEY": "TEXT",` */
  text: 5,
} as const;

/** Keys of perf's samples. */
export const KEYS = { other: 0, timestamp: 1, pid: 2, tid: 3, cpu: 4, comm: 5 } as const;
const NAMES = (Object.keys(KEYS) as (keyof typeof KEYS)[]).slice(1).map((name) => Buffer.from(name));

/**
 * Cuts one line of `perf data convert --to-json` by its bytes: a bracket, or a key with a number or a string. No
 * backslash, no sign, no point, no exponent; any other line is `other`, whatever is wrong with it.
 */
export class JsonToken {
  keyStart = 0;
  keyEnd = 0;
  /** One of `KEYS`. */
  key: number = KEYS.other;
  /** The digits, or the text between the quotes. */
  valueStart = 0;
  valueEnd = 0;
  isText = false;
  /** What closed was a list. */
  bracket = false;

  read(buf: Uint8Array, start: number, end: number): number {
    let p = start;
    while (p < end && isSpace(buf[p]!)) p++;
    if (p === end) return TOKEN.blank;
    let stop = end;
    while (isSpace(buf[stop - 1]!)) stop--;
    const c = buf[p]!;
    if (c === 34) return this.pair(buf, p + 1, stop);
    if (c === 123) return p + 1 === stop ? TOKEN.open : TOKEN.other;
    if (c !== 125 && c !== 93) return TOKEN.other;
    this.bracket = c === 93;
    return p + 1 === stop || (p + 2 === stop && buf[p + 1] === 44) ? TOKEN.close : TOKEN.other;
  }

  private pair(buf: Uint8Array, from: number, stop: number): number {
    const close = behindText(buf, from, stop);
    // `"": 1` is no key.
    if (close === from || close + 2 >= stop || buf[close] !== 34 || buf[close + 1] !== 58) return TOKEN.other;
    this.keyStart = from;
    this.keyEnd = close;
    let p = close + 2;
    while (p < stop && buf[p] === 32) p++;
    // The comma behind it is none of the value.
    const end = buf[stop - 1] === 44 ? stop - 1 : stop;
    if (p >= end) return TOKEN.other;
    this.isText = buf[p] === 34;
    if (this.isText) {
      this.valueStart = p + 1;
      this.valueEnd = behindText(buf, p + 1, end);
      if (this.valueEnd !== end - 1 || buf[this.valueEnd] !== 34) return TOKEN.other;
    } else {
      for (let q = p; q < end; q++) if (buf[q]! < 48 || buf[q]! > 57) return TOKEN.other;
      this.valueStart = p;
      this.valueEnd = end;
    }
    this.key = keyOf(buf, from, close);
    return this.isText ? TOKEN.text : TOKEN.number;
  }
}

/** Where a quote or a backslash stands; `end` without either. */
function behindText(buf: Uint8Array, from: number, end: number): number {
  let p = from;
  while (p < end && buf[p] !== 34 && buf[p] !== 92) p++;
  return p;
}

function keyOf(buf: Uint8Array, from: number, end: number): number {
  for (let k = 0; k < NAMES.length; k++) {
    const name = NAMES[k]!;
    if (name.length !== end - from) continue;
    let i = 0;
    while (i < name.length && name[i] === buf[from + i]) i++;
    if (i === name.length) return k + 1;
  }
  return KEYS.other;
}

/** What `trim` takes off, of the characters that are a byte. */
const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13) || c === 0xa0;
