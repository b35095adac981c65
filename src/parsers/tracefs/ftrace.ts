import { latin1, MAX_CPUS, type RecordBatch } from '../../timeline/batch.js';
import { RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { CaptureEntries } from './capture-entries.js';
import { COMM_WIDTH, CommColumn, internComm } from './column-caches.js';
import { FtraceColumns } from './ftrace-columns.js';
import { headerLine, lossLine, NEW_CAPTURE, NO_HEADER } from './ftrace-header.js';
import {
  BLANK,
  behindBlanks,
  DASH,
  isBlank,
  isHead,
  isStackTrace,
  looksLikeEvent,
  MAX_TASK_COLUMN,
  OPEN,
  score,
  TAB,
} from './ftrace-shape.js';
import { HeadCache } from './head-cache.js';
import { StampBytes } from './stamp-bytes.js';

const HASH = 35;
const COLON = 58;
const LESS = 60;
const UPPER_C = 67;
const NOT_AN_EVENT = -1;
/** CPUs of one capture are never this far apart. */
const JUMP_BACK_NS = 1e9;

/** Puts a body into the form the plain format has, in place. */
export interface BodyRewriter {
  /** New end of the line whose body, behind the stamp's colon and a blank, is `buf[from, end)`. */
  rewrite(buf: Uint8Array, from: number, end: number, host: LineHost): number;
}

/**
 * tracefs `trace` and `trace_pipe` in the default format.
 *
 *             ptwork-1195    [001] d.h1.    38.692642: sys_munmap -> 0x0
 *             ptwork-1195    (   1195) [001] .....    38.692833: tlb_flush: pages:-1 reason:… (3)
 *
 * Grammar: kernel/trace/trace_output.c `trace_print_context()`, `trace_print_lat_fmt()`; kernel/trace/trace.c
 * `print_func_help_header_irq()`. Traps: a task name may hold anything, `-123 [000]` and blanks included; tgid and
 * flags columns are optional; a clock that is not in ns prints bare integers.
 */
export class FtraceDialect implements LineDialect {
  readonly id = 'ftrace';
  readonly wholeLines = true;
  private inStack = false;
  /** From `# tracer:` to the first event every comment line is header. */
  private inHeader = false;
  /** Event that a line which is nothing else goes on; -1 none. */
  private lastEvent = -1;
  private blankSince = false;
  private lastNs = Number.NEGATIVE_INFINITY;
  private readonly capture = new CaptureEntries();
  /** Last stamp of each CPU that this capture shows. */
  private readonly lastOfCpu = new Float64Array(MAX_CPUS).fill(Number.NEGATIVE_INFINITY);
  /** Where another event begins within the line of the last one; -1: nowhere. */
  private second = -1;
  /** Byte of the line at which the event being read begins. */
  private within = 0;
  /** Decimals of the last stamp; -1 before the first, 0 for tick clocks. */
  private readonly stamp = new StampBytes();
  private decimals = -1;
  private readonly comms = new CommColumn();
  private readonly columns = new FtraceColumns();
  private readonly heads = new HeadCache();
  private readonly bodies: BodyRewriter | null;
  /** Where the line ends, bodies being rewritten. */
  private end = 0;
  /** The scanner's buffer and a view of it, to read it by words. */
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(this.bytes.buffer);

  constructor(bodies: BodyRewriter | null = null) {
    this.bodies = bodies;
  }

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    this.end = end;
    if (buf !== this.bytes) {
      this.bytes = buf;
      this.view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    }
    const dash = start + COMM_WIDTH;
    let kind: LineKind | -1 = NOT_AN_EVENT;
    if (dash < end && buf[dash] === DASH && buf[start] !== HASH)
      kind = this.event(buf, start, dash, end, host);
    if (kind === NOT_AN_EVENT) kind = this.other(buf, start, end, host);
    return this.second >= 0 ? this.onSameLine(buf, start, this.end, host, kind) : kind;
  }

  /**
   * An event whose format begins with `%s` prints nothing, not even its newline, on kernels that check formats in the
   * buffer they rewrote for `hash-ptr=0` (kernel/trace/trace.c trace_check_vprintf(), seen in 6.1): the next event
   * follows on the same line. A line of which something is lost counts as skipped, whatever was read of it.
   */
  private onSameLine(buf: Uint8Array, start: number, end: number, host: LineHost, first: LineKind): LineKind {
    let kind = first;
    while (this.second >= 0) {
      const at = this.second;
      this.second = -1;
      this.within = at - start;
      if (
        this.event(buf, at, at + COMM_WIDTH, end, host) === NOT_AN_EVENT &&
        this.trimmed(buf, at, end, host) === NOT_AN_EVENT
      ) {
        kind = host.skip('what follows an event that printed nothing is damaged');
        break;
      }
      this.capture.glued++;
    }
    this.within = 0;
    return kind;
  }

  finish(host: LineHost): void {
    this.capture.end(host);
  }

  /** Everything that is no event with its dash where the kernel puts it. */
  private other(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    const inStack = this.inStack;
    this.inStack = false;
    if (isBlank(buf, start, end)) {
      this.blankSince = true;
      return LINE.blank;
    }
    const first = buf[start]!;
    if (first === HASH && this.header(buf, start, end, host)) return LINE.header;
    if (first === UPPER_C || first === HASH) {
      const lost = lossLine(buf, start, end);
      if (lost) {
        host.fact(lost.event, lost.cpu, lost.count);
        this.lastEvent = -1;
        return lost.event === RESERVED.lost ? LINE.lost : LINE.header;
      }
    }
    // ` => symbol` (kernel frames), ` => path[+0x]` and ` =>  <addr>` (user frames).
    if (first === BLANK && start + 3 < end && buf[start + 1] === 61 && buf[start + 2] === 62) {
      this.inStack = true;
      return LINE.stack;
    }
    const kind = this.trimmed(buf, start, end, host);
    if (kind !== NOT_AN_EVENT) return kind;
    // Pasted text is often indented. A task may be called "# comment", so events go first.
    if (first === BLANK || first === TAB) {
      const p = behindBlanks(buf, start, end);
      if (buf[p] === HASH && this.header(buf, p, end, host)) return LINE.header;
    }
    if (first === OPEN && latin1(buf, start, Math.min(end, start + 14)) === '[LINE TOO BIG]') {
      return host.skip('[LINE TOO BIG]: the kernel cut this entry');
    }
    if (inStack) {
      this.inStack = true;
      return LINE.stack;
    }
    const goesOn = this.goesOn(host);
    if (looksLikeEvent(buf, start, end) && !(goesOn && this.afterPrint(host))) {
      return host.skip('an event line that is damaged or breaks off');
    }
    return goesOn ? LINE.continuation : LINE.foreign;
  }

  private header(buf: Uint8Array, start: number, end: number, host: LineHost): boolean {
    const what = headerLine(buf, start, end, this.inHeader, host);
    if (what === NO_HEADER) return false;
    if (what === NEW_CAPTURE) this.newCapture(host);
    this.lastEvent = -1;
    return true;
  }

  private afterPrint(host: LineHost): boolean {
    return host.events.head(this.lastEvent).kind === 'print';
  }

  /** What user space writes to trace_marker may hold blank lines; any other event's text ends at one. */
  private goesOn(host: LineHost): boolean {
    if (this.lastEvent < 0) return false;
    if (this.blankSince && host.events.head(this.lastEvent).kind !== 'print') this.lastEvent = -1;
    return this.lastEvent >= 0;
  }

  /** Lines whose leading blanks a mailer or wiki removed: the last `-PID [CPU]` that a stamp follows. */
  private trimmed(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind | -1 {
    const limit = Math.min(end - 2, start + MAX_TASK_COLUMN);
    for (let p = limit; p > start; p--) {
      if (buf[p] !== DASH || p === start + COMM_WIDTH) continue;
      const c = buf[p + 1]!;
      if (c < 48 || c > 57) continue;
      const kind = this.event(buf, start, p, end, host);
      if (kind !== NOT_AN_EVENT) return kind;
    }
    return NOT_AN_EVENT;
  }

  /** `-PID [ (TGID)] [CPU] [FLAGS] TIME: BODY` from the dash on; NOT_AN_EVENT changes nothing. */
  private event(buf: Uint8Array, start: number, dash: number, end: number, host: LineHost): LineKind | -1 {
    const { columns, stamp } = this;
    if (!columns.read(buf, this.view, dash, end) || !stamp.read(buf, columns.end, end)) return NOT_AN_EVENT;
    const { cpu } = columns;
    if (stamp.decimals !== this.decimals) this.clockForm(stamp.decimals, host);
    const ts =
      stamp.decimals > 0
        ? host.time.relative(stamp.hi * 1e9 + stamp.lo, stamp.frac)
        : host.time.relative(stamp.hi, stamp.lo);
    let p = stamp.end;
    if (p < end && buf[p] === BLANK) p++;
    if (p < end && buf[p] === LESS && isStackTrace(buf, p, end)) {
      this.inStack = true;
      this.capture.stacks++;
      return LINE.stack;
    }
    if (this.bodies !== null) this.end = end = this.bodies.rewrite(buf, p, end, host);
    if (ts < this.lastNs - JUMP_BACK_NS) this.jumpedBack(ts, cpu, host);
    else if (ts < this.lastOfCpu[cpu]!) this.capture.wentBack(cpu, host);
    this.lastNs = this.lastOfCpu[cpu] = ts;
    const { batch } = host;
    const i = batch.length;
    put(batch, i, ts, columns);
    batch.comm[i] =
      dash - start === COMM_WIDTH
        ? this.comms.intern(buf, this.view, start, host.names)
        : internComm(buf, start, dash, host.names);
    this.heads.intern(buf, this.view, p, end, host);
    this.seen(batch.event[i]!);
    this.endEarly(buf, i, p, end, host);
    host.commit(this.within);
    return LINE.event;
  }

  private seen(event: number): void {
    this.capture.events++;
    this.inStack = false;
    this.inHeader = false;
    this.blankSince = false;
    this.lastEvent = event;
  }

  /** Cuts the row off where another event begins: `NAME: ` and then a whole task column. */
  private endEarly(buf: Uint8Array, i: number, name: number, end: number, host: LineHost): void {
    const { batch } = host;
    const body = batch.bodyStart[i]!;
    const blank = body - 2 > name && buf[body - 1] === BLANK && buf[body - 2] === BLANK;
    if (!blank && buf[body] !== BLANK) return;
    let at = body;
    while (at > name && buf[at - 1] === BLANK) at--;
    at++;
    if (at <= name || buf[at - 2] !== COLON) return;
    if (!isHead(buf, at, end) || host.events.head(batch.event[i]!).kind === 'print') return;
    batch.bodyStart[i] = batch.bodyEnd[i] = at;
    this.second = at;
  }

  private clockForm(decimals: number, host: LineHost): void {
    const first = this.decimals < 0;
    this.decimals = decimals;
    if (decimals === 0) {
      host.time.unit = 'ticks';
      host.time.resolutionNs = 1;
      host.note(
        'tick-clock',
        'the stamps are clock ticks (counter, x86-tsc or uptime), not ns: no times are given',
      );
    } else if (host.time.unit === 'ns') {
      const resolution = decimals === 9 ? 1 : 1000;
      host.time.resolutionNs = first ? resolution : Math.max(host.time.resolutionNs, resolution);
    }
  }

  /**
   * Captures put end to end without their headers (`trace_pipe`): nothing may be carried across. A CPU that only goes on where it
   * was is read from a file of its own (`per_cpu/cpuN/trace_pipe`): no capture begins, its lines are in another's place.
   */
  private jumpedBack(ts: number, cpu: number, host: LineHost): void {
    if (host.time.unit !== 'ns' || ts >= this.lastOfCpu[cpu]!) return;
    this.lastOfCpu.fill(Number.NEGATIVE_INFINITY);
    host.fact(RESERVED.segment, -1, 0);
    host.note(
      'time-back',
      'the time jumps back by more than a second: taken as the begin of another capture',
    );
  }

  private newCapture(host: LineHost): void {
    this.inHeader = true;
    this.lastNs = Number.NEGATIVE_INFINITY;
    this.lastOfCpu.fill(Number.NEGATIVE_INFINITY);
    this.capture.begin(host);
  }
}

export const FTRACE: DialectInfo = {
  id: 'ftrace',
  title: 'tracefs trace text (default format)',
  score,
  open: () => new FtraceDialect(),
};

function put(batch: RecordBatch, i: number, tsNs: number, columns: FtraceColumns): void {
  batch.tsNs[i] = tsNs;
  batch.cpu[i] = columns.cpu;
  batch.pid[i] = columns.pid;
  batch.tgid[i] = columns.tgid;
  batch.flags[i] = columns.flags;
  batch.aux[i] = 0;
}
