import { latin1 } from '../../timeline/batch.js';
import { type EventHead, RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { internBody } from '../input/kernel-pieces.js';
import { NextCapture } from '../input/next-capture.js';
import { fieldShare, PerfFields } from './perf-fields.js';
import { PerfPrefix } from './perf-prefix.js';
import { isRecord, PerfRecords } from './perf-records.js';

/**
 * `perf script` in its `-F` variants, with and without `--ns` and call chains, and `simpleperf report-sample`:
 *
 *     perf  3093 [003]   150.864349:               kmem:mm_page_free: page=0x11bac8 pfn=0x11bac8 order=1
 *     perf  3093/3093  [000]   150.862513463:      sched:sched_switch: prev_comm=perf …
 *     swapper     0 [001]   153.942939871:         tlb:tlb_flush: pages:-1 reason:flush on task switch (0)
 *     	ffffffff8105be2d switch_mm_irqs_off+0x48d ([kernel.kallsyms])
 *
 * The event is named without its group, so that it means what the same event of ftrace means; modifiers stay part of
 * a hardware event's name (`cycles:u`). perf prints no interrupt context. An address and symbol behind the fields
 * (`-F +ip,+sym`) are left out of the body.
 * Source: tools/perf/builtin-script.c process_event(); simpleperf cmd_report_sample.cpp.
 */
export const PERF_SCRIPT: DialectInfo = {
  id: 'perf-script',
  title: 'perf script text',
  score,
  open: (sample) => new PerfScriptDialect(sample),
};

const BLANK = 32;
const TAB = 9;
const COLON = 58;

class PerfScriptDialect implements LineDialect {
  readonly id = 'perf-script';
  private readonly prefix = new PerfPrefix();
  private readonly capture = new NextCapture();
  private sawEvent = false;
  /** Frames follow an event until a blank line. */
  private inChain = false;
  /** Lines may lack task, thread or CPU. */
  private readonly fields: PerfFields | null;
  private fieldsSaid = '';
  /** Stamps are distances from the line before: their sum, in ns; -1 where they are not. */
  private sum = -1;
  private readonly records = new PerfRecords();

  constructor(sample?: Uint8Array) {
    const strict = new PerfPrefix();
    this.fields =
      sample && strictScore(sample) < LOOSE && fieldShare(sample, strict) >= LOOSE ? new PerfFields() : null;
    if (sample && isDeltaTime(sample)) this.sum = 0;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    let p = start;
    while (p < end && (buf[p] === BLANK || buf[p] === TAB)) p++;
    if (p === end) {
      this.inChain = false;
      return LINE.blank;
    }
    if (buf[start] === 35) {
      if (latin1(buf, start, Math.min(end, start + 20)).startsWith('# captured on'))
        this.capture.header(host);
      return LINE.header;
    }
    const at = this.prefix;
    // A thread id that begins a line reads like the address of a frame.
    const frame = this.inChain && p > start && isFrame(buf, p, end);
    if (frame && !this.fields?.parse(buf, start, end, at)) return LINE.stack;
    if (at.parse(buf, start, end) || this.fields?.parse(buf, start, end, at)) {
      if (this.sum >= 0) this.addUp(host);
      return this.event(buf, end, host);
    }
    if (isFrame(buf, p, end) && p > start) return this.sawEvent ? LINE.stack : LINE.foreign;
    return this.other(buf, start, end, host);
  }

  private event(buf: Uint8Array, end: number, host: LineHost): LineKind {
    const at = this.prefix;
    let p = at.body;
    while (p < end && (buf[p] === BLANK || buf[p] === TAB)) p++;
    // PERIOD stands alone before the name.
    let q = p;
    while (q < end && buf[q]! >= 48 && buf[q]! <= 57) q++;
    if (q > p && q < end && (buf[q] === BLANK || buf[q] === TAB)) {
      p = q;
      while (p < end && (buf[p] === BLANK || buf[p] === TAB)) p++;
    }
    if (p === end) return host.skip('perf sample without an event name');
    this.sawEvent = true;
    this.capture.event();
    this.inChain = true;
    if (this.fields !== null) this.tellFields(host);
    const record = buf[p] === 80 ? this.records.line(buf, p, end, at.cpu, host) : -1;
    if (record >= 0) return record as LineKind;
    const nameEnd = nameEnds(buf, p, end);
    if (nameEnd < 0) return host.skip('perf sample without an event name');
    const b = host.batch;
    const i = b.length;
    if (at.decimals === 9) host.time.resolutionNs = 1;
    b.tsNs[i] = host.time.relative(at.sec, at.ns);
    b.cpu[i] = at.cpu;
    b.pid[i] = at.tid;
    b.tgid[i] = at.tgid;
    b.flags[i] = 0;
    b.comm[i] = host.names.intern(buf, at.commStart, at.commEnd);
    b.aux[i] = 0;
    const name = afterGroup(buf, p, nameEnd);
    if (name > p || nameEnd === end) internBody(buf, name, withoutPlace(buf, nameEnd, end), host);
    else this.sample(buf, p, nameEnd, end, host);
    host.commit();
    return LINE.event;
  }

  /** A hardware or software event: its name may hold colons, what follows is an address. */
  private sample(buf: Uint8Array, p: number, nameEnd: number, end: number, host: LineHost): void {
    const b = host.batch;
    const i = b.length;
    let h = 0x811c9dc5 | 0;
    for (let k = p; k < nameEnd; k++) h = Math.imul(h ^ buf[k]!, 0x01000193);
    b.event[i] = host.events.intern(buf, p, nameEnd, h, sampleHead);
    let body = nameEnd + 1;
    while (body < end && buf[body] === BLANK) body++;
    b.bodyStart[i] = Math.min(body, end);
    b.bodyEnd[i] = end;
  }

  /** `--deltatime`: every stamp is the distance from the line before. */
  private addUp(host: LineHost): void {
    const at = this.prefix;
    this.sum += at.sec * 1e9 + at.ns;
    at.sec = Math.floor(this.sum / 1e9);
    at.ns = this.sum % 1e9;
    const cut =
      at.decimals === 9
        ? ''
        : '; each is cut to 1 us, so that a span over n lines may be up to n us too short';
    host.note(
      'delta-times',
      `its stamps are distances from the line before (--deltatime): they are added up${cut}`,
    );
  }

  /** What the list of fields leaves out, once. */
  private tellFields(host: LineHost): void {
    const names = this.fields?.names ?? '';
    if (names === '' || names === this.fieldsSaid) return;
    this.fieldsSaid = names;
    const tid = names.includes('tid') ? '' : 'no thread, so that begins and ends are not matched by it';
    const cpu = names.includes('cpu') ? '' : 'no CPU';
    const lacks = [tid, cpu].filter((w) => w !== '').join('; ');
    const message = `perf script -F ${names}: its lines name ${lacks || 'no task'}. \`perf script --ns -F comm,tid,cpu,time,event,trace\` prints all`;
    host.note('perf-fields', message);
  }

  private other(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const text = latin1(buf, start, Math.min(end, start + 80));
    const lost =
      /^(?:Processed \d+ events and lost (\d+) chunks|.*PERF_RECORD_LOST(?:_SAMPLES)? lost (\d+))/.exec(text);
    if (lost !== null) {
      host.fact(RESERVED.lost, -1, lost[2] === undefined ? -1 : Number(lost[2]));
      return LINE.lost;
    }
    return LINE.foreign;
  }
}

/** Index of the colon behind the event's name: the first that a blank or the line's end follows; -1 none. */
function nameEnds(buf: Uint8Array, p: number, end: number): number {
  for (let k = p; k < end; k++) {
    const c = buf[k]!;
    if (c === COLON && (k + 1 === end || buf[k + 1] === BLANK || buf[k + 1] === TAB)) return k;
    if (c === BLANK || c === TAB) return -1;
  }
  return -1;
}

/** `sched:sched_switch` → start of `sched_switch`; `cycles:u`, `cpu/cycles/P` and plain names stay whole. */
function afterGroup(buf: Uint8Array, p: number, nameEnd: number): number {
  for (let k = nameEnd - 1; k > p; k--) {
    if (buf[k] === 47) return p;
    if (buf[k] !== COLON) continue;
    return isModifiers(buf, k + 1, nameEnd) ? p : k + 1;
  }
  return p;
}

/** `u`, `k`, `h`, `H`, `G`, `D`, `I`, `W`, `e`, `p…`, `P`, `S`. */
function isModifiers(buf: Uint8Array, a: number, b: number): boolean {
  if (b - a > 6) return false;
  for (let k = a; k < b; k++) if (!'ukhHGDIWepPS'.includes(String.fromCharCode(buf[k]!))) return false;
  return b > a;
}

/** End of the fields where ` %16lx symbol…` of `-F +ip,+sym` follows them. */
function withoutPlace(buf: Uint8Array, from: number, end: number): number {
  let p = end;
  // At most: address, symbol+0x…, (dso).
  for (let words = 0; words < 3; words++) {
    while (p > from && buf[p - 1] === BLANK) p--;
    const wordEnd = p;
    while (p > from && buf[p - 1] !== BLANK && buf[p - 1] !== COLON) p--;
    if (p === wordEnd) return end;
    if (words > 0 && wordEnd - p >= 8 && wordEnd - p <= 16 && isHex(buf, p, wordEnd)) {
      let q = p;
      while (q > from && buf[q - 1] === BLANK) q--;
      return q;
    }
  }
  return end;
}

function isHex(buf: Uint8Array, a: number, b: number): boolean {
  for (let k = a; k < b; k++) {
    const c = buf[k]!;
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return false;
  }
  return b > a;
}

/** `%16lx sym+0xoff (dso)`. */
function isFrame(buf: Uint8Array, p: number, end: number): boolean {
  let q = p;
  while (q < end && q - p < 17 && isHex(buf, q, q + 1)) q++;
  return q > p && (q === end || buf[q] === BLANK || buf[q] === TAB);
}

const sampleHead = (name: string): EventHead => ({ kind: 'tracepoint', name, symbol: '', caller: '' });

const LOOSE = 0.5;

/** The first stamp is 0 and a later one lies before its own: no clock does that, and perf sorts. */
function isDeltaTime(sample: Uint8Array): boolean {
  const at = new PerfPrefix();
  const fields = new PerfFields();
  let last = -1;
  for (let start = 0; start < sample.length; ) {
    const end = sample.indexOf(10, start);
    if (end < 0) return false;
    if (at.parse(sample, start, end) || fields.parse(sample, start, end, at)) {
      const ns = at.sec * 1e9 + at.ns;
      if (last < 0 && ns !== 0) return false;
      if (ns < last) return true;
      last = ns;
    }
    start = end + 1;
  }
  return false;
}

/** The share of lines that are samples; frames, blanks and comments count for nothing. */
function strictScore(sample: Uint8Array): number {
  const prefix = new PerfPrefix();
  const limit = Math.min(sample.length, 1 << 16);
  let hits = 0;
  let other = 0;
  let start = 0;
  while (start < limit) {
    let end = sample.indexOf(10, start);
    if (end < 0 || end > limit) {
      if (hits + other > 0) break;
      end = limit;
    }
    let p = start;
    while (p < end && (sample[p] === BLANK || sample[p] === TAB)) p++;
    if (p < end && sample[start] !== 35 && sample[p] !== 13) {
      if (prefix.parse(sample, start, end)) {
        if (named(sample, prefix.body, end)) hits++;
        else if (!isRecord(sample, prefix.body, end)) other++;
      } else if (!(p > start && isFrame(sample, p, end))) other++;
    }
    start = end + 1;
  }
  return hits === 0 ? 0 : (hits / (hits + other)) * 0.97;
}

function score(sample: Uint8Array): number {
  return strictScore(sample) || fieldShare(sample, new PerfPrefix()) * 0.9;
}

const NAMED = /^\s*(?:\d+\s+)?[A-Za-z_][\w:./,=@-]*:(?:\s|$)/;
const named = (buf: Uint8Array, body: number, end: number): boolean =>
  NAMED.test(latin1(buf, body, Math.min(end, body + 120)));
