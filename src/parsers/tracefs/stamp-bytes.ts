const DOT = 46;
const COLON = 58;

/** The stamp of a tracefs line, `SECONDS.FRACTION:` or `TICKS:`, read from bytes. */
export class StampBytes {
  /** In two parts, the last nine digits apart: epoch and tick clocks have more than a double holds together. */
  hi = 0;
  lo = 0;
  /** Nanoseconds below the second. */
  frac = 0;
  /** 6 or 9; 0: a clock of ticks. */
  decimals = 0;
  /** Behind the colon. */
  end = 0;

  /** Whether a stamp stands at `start`; only then are the fields set for it. */
  read(buf: Uint8Array, start: number, end: number): boolean {
    let p = start;
    let c = 0;
    let hi = 0;
    let lo = 0;
    const nine = Math.min(p + 9, end);
    for (; p < nine && (c = buf[p]!) >= 48 && c <= 57; p++) lo = lo * 10 + c - 48;
    if (p === start) return false;
    if (p === nine) {
      while (p < end && (c = buf[p]!) >= 48 && c <= 57) p++;
      if (p - start > 19) return false;
      for (let k = start; k < p - 9; k++) hi = hi * 10 + buf[k]! - 48;
      lo = 0;
      for (let k = Math.max(start, p - 9); k < p; k++) lo = lo * 10 + buf[k]! - 48;
    }
    if (p >= end) return false;
    let frac = 0;
    let decimals = 0;
    if (c === DOT) {
      for (p++; p < end && (c = buf[p]!) >= 48 && c <= 57; p++, decimals++) frac = frac * 10 + c - 48;
      if (p >= end || c !== COLON) return false;
      if (decimals === 6) frac *= 1000;
      else if (decimals !== 9) return false;
    } else if (c !== COLON) return false;
    this.hi = hi;
    this.lo = lo;
    this.frac = frac;
    this.decimals = decimals;
    this.end = p + 1;
    return true;
  }
}
