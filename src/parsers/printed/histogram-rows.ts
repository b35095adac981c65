const BLANK = 32;
const BAR = 124;
const AT = 64;
const OPEN = 91;
const PAREN = 40;
/** Tables are narrow; whatever is longer is no row of one. */
const MAX_ROW = 512;

/** What a line is in a table that bpftrace or bcc printed; `none`: no part of one. */
export const ROW = { none: 0, heading: 1, row: 2, bar: 3 } as const;
export type RowKind = (typeof ROW)[keyof typeof ROW];

/** `@ns[munmap]:` */
const HEADING = /^@\w*(?:\[.*\])?: *$/;
/** `[4K, 8K)   12 |@@@   |`, `(..., 0)   3 |`: bpftrace, src/output.cpp `hist_to_str()`. */
const HIST =
  /^(?:\[[^\][(),]{1,20}\] *\d+ *\|[@ ]*\|?|(?:\[[^\][(),]{1,20},[^\][()]{1,20}[\])]|\(\.\.\., *-?[\d.]+[kKMGTPE]?\)) *(?:\d+ *(?:\|[@ ]*\|?)?)?)$/;
/** `     4 -> 7          : 12       |****   |`: bcc, src/python/bcc/table.py `_print_log2_hist()`. */
const BCC = /^-?\d+ +-> +-?\d+ +: +\d+ +\|[* ]*\|?$/;
const BCC_HEADING = /^\S.* : count +distribution$/i;
/** `     1 - 2    ms |          2 | ##   |`: perf, builtin-ftrace.c display_histogram(). */
const PERF = /^\d+(?:\.\d+)? +- +(?:\d+(?:\.\d+)?|\.\.\.) +(?:ns|us|ms|s) +\| +\d+ +\|[# ]*\|?$/;
/** `   2.047 0.500000000000         50           2.00`: HdrHistogram, AbstractHistogram.java. */
const HGRM = /^\d+(?:\.\d+)?[ ,]+[01]\.\d{6,}[ ,]+\d+(?:[ ,]+(?:[\d.]+|inf|Infinity))?$/;
/** `{ lat: ~ 2^8 , common_pid:  901 } hitcount:   12`: kernel/trace/trace_events_hist.c. */
const TRIGGER = /^\{ \w+: .*\} +hitcount: +\d+/;
const REST_OF_BAR = /^[|@ ]*\|$/;

/** A line of a printed histogram, quote marks already off; only a few lines of other text get as far as a regex. */
export function histogramRow(buf: Uint8Array, start: number, end: number): RowKind {
  if (end - start > MAX_ROW) return ROW.none;
  let p = start;
  while (p < end && buf[p] === BLANK) p++;
  if (p === end) return ROW.none;
  const first = buf[p]!;
  if (first === OPEN || first === PAREN) return is(HIST, buf, p, end) ? ROW.row : ROW.none;
  if (first === AT || first === BAR) {
    if (is(REST_OF_BAR, buf, p, end)) return ROW.bar;
    return first === AT && is(HEADING, buf, p, end) ? ROW.heading : ROW.none;
  }
  if ((first >= 48 && first <= 57) || first === 45) {
    return is(BCC, buf, p, end) || is(PERF, buf, p, end) || is(HGRM, buf, p, end) ? ROW.row : ROW.none;
  }
  if (first === 123) return is(TRIGGER, buf, p, end) ? ROW.row : ROW.none;
  return buf[end - 1] === 110 && is(BCC_HEADING, buf, p, end) ? ROW.heading : ROW.none;
}

/** Two rows at least: one alone may be anything. */
export function holdsHistogram(sample: Uint8Array): boolean {
  let rows = 0;
  for (let start = 0; start < sample.length && rows < 2; ) {
    let end = sample.indexOf(10, start);
    if (end < 0) end = sample.length;
    let from = start;
    while (from < end && (sample[from] === 62 || sample[from] === BLANK)) from++;
    const stop = sample[end - 1] === 13 ? end - 1 : end;
    if (histogramRow(sample, from, stop) === ROW.row) rows++;
    start = end + 1;
  }
  return rows >= 2;
}

function is(pattern: RegExp, buf: Uint8Array, start: number, end: number): boolean {
  return pattern.test(
    Buffer.from(buf.buffer, buf.byteOffset + start, end - start)
      .toString('latin1')
      .trimEnd(),
  );
}
