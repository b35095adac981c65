import { latin1 } from '../../timeline/batch.js';
import { RESERVED } from '../../timeline/events.js';
import { type DialectInfo, LINE, type LineDialect, type LineHost, type LineKind } from '../input/dialect.js';
import { lostLine } from '../input/kernel-pieces.js';
import { FUNCTION_GRAPH } from './function-graph.js';
import { writeLatencyRow } from './latency-format.js';
import { LatencyPrefix, TIME } from './latency-prefix.js';
import { afterPrintkPrefix } from './printk-prefix.js';

/**
 * The ring buffer as `ftrace_dump()` sends it through printk (`ftrace_dump_on_oops`, sysrq-z, rcutorture, a
 * panic), inside a dmesg, console or syslog file:
 *
 *     [  191.085601] Dumping ftrace buffer:
 *     [  191.085650] ---------------------------------
 *     [  191.085702]  rcuop/0-12        0.... 75782125us : rcu_invoke_callback: …
 *     [  191.085904] ---------------------------------
 *
 * Event lines are those of latency format with absolute µs of the trace clock, or function_graph lines when that
 * tracer was on. Every other kernel message, before, after and between (another CPU's printk), is foreign.
 * Dump lines outside the markers (log cut, grep) are read as well when they carry a printk prefix or µs stamps.
 * Source: kernel/trace/trace.c `ftrace_dump_one()`, `trace_printk_seq()` (lines end at about 1000 bytes).
 */
export const FTRACE_DUMP: DialectInfo = {
  id: 'ftrace-dump',
  title: 'ftrace_dump output in a kernel log',
  score: scoreFtraceDump,
  open: () => new FtraceDumpDialect(),
};

/** printk's own limit on a record's text is 1024 less the prefix; the dump is cut a little below. */
const CUT_LENGTH = 992;

class FtraceDumpDialect implements LineDialect {
  readonly id = 'ftrace-dump';
  readonly amongOthers = true;
  private readonly prefix = new LatencyPrefix();
  private readonly graph = FUNCTION_GRAPH.open();
  /** 0 outside a dump, 1 between title and first rule, 2 inside. */
  private state = 0;
  private graphRows = 0;
  private dumps = 0;
  private saidCut = false;

  line(buf: Uint8Array, start: number, end: number, host: LineHost): LineKind {
    if (start === end) return LINE.blank;
    const p = afterPrintkPrefix(buf, start, end);
    if (this.prefix.parse(buf, p, end) && this.prefix.time !== TIME.seconds) {
      this.noteCut(end - p, host);
      return writeLatencyRow(buf, end, this.prefix, host);
    }
    const text = latin1(buf, p, Math.min(end, p + 64)).trim();
    if (text.startsWith('Dumping ftrace ') && text.endsWith('buffer:')) {
      this.state = 1;
      this.dumps++;
      host.header.captures++;
      if (this.dumps > 1) host.fact(RESERVED.segment, -1, 0);
      return LINE.header;
    }
    if (/^-{20,}$/.test(text) && this.state > 0) {
      // Context switch blocks of function_graph hold rules of another length.
      if (text.length !== 33 && this.state === 2) return this.graph.line(buf, p, end, host);
      this.state = this.state === 1 ? 2 : 0;
      return LINE.header;
    }
    if (text === '(ftrace buffer empty)') return LINE.header;
    if (this.state === 0) return LINE.foreign;
    const lost = lostLine(buf, p, end, host);
    if (lost >= 0) return lost as LineKind;
    if (text.startsWith('=> ')) return LINE.stack;
    if (/^(?:\d+\.\d{6} \| +)?\d+\)/.test(text) || (this.graphRows > 0 && text.startsWith('('))) {
      const before = host.batch.length;
      const kind = this.graph.line(buf, p, end, host);
      if (kind === LINE.event || host.batch.length !== before) this.graphRows++;
      return kind;
    }
    return text === '' ? LINE.blank : LINE.foreign;
  }

  finish(host: LineHost): void {
    if (this.state === 2) host.note('dump-cut', 'the kernel log ends inside the ftrace dump');
  }

  private noteCut(length: number, host: LineHost): void {
    if (length < CUT_LENGTH || this.saidCut) return;
    this.saidCut = true;
    host.note(
      'long-line',
      'the kernel cuts dump lines at about 1000 bytes: the ends of long events are missing',
    );
  }
}

/** The title of a dump, or event lines behind a printk prefix. */
function scoreFtraceDump(sample: Uint8Array): number {
  const prefix = new LatencyPrefix();
  let title = false;
  let prefixed = 0;
  let start = 0;
  const limit = sample.length;
  while (start < limit) {
    let end = sample.indexOf(10, start);
    if (end < 0 || end > limit) end = limit;
    const p = afterPrintkPrefix(sample, start, end);
    if (prefix.parse(sample, p, end)) {
      if (p > start && prefix.time !== TIME.seconds) prefixed++;
    } else if (/^\s*Dumping ftrace (?:instance \S+ )?buffer:/.test(latin1(sample, p, Math.min(end, p + 64))))
      title = true;
    start = end + 1;
  }
  if (title) return 0.97;
  return prefixed > 2 ? 0.9 : prefixed > 0 ? 0.6 : 0;
}
