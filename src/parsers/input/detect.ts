import { readHistograms } from '../../latency/printed/read-hist.js';
import { BCC_TRACE } from '../bcc/bcc-trace.js';
import { BPFTRACE_JSON_LOG } from '../bpftrace/bpftrace-json-log.js';
import { BPFTRACE_LOG } from '../bpftrace/bpftrace-log.js';
import { CSV } from '../columns/csv.js';
import { JSON_LINES } from '../columns/json-lines.js';
import { LATENCY_TABLE } from '../columns/latency-table.js';
import { LINE_FORMAT_ID, lineFormat } from '../columns/line-format.js';
import { BABELTRACE } from '../lttng/babeltrace.js';
import { PERF_JSON } from '../perf/perf-json.js';
import { PERF_SCRIPT } from '../perf/perf-script.js';
import { PERF_TRACE } from '../perf/perf-trace.js';
import { isHistTrigger } from '../printed/hist-trigger.js';
import { holdsHistogram } from '../printed/histogram-rows.js';
import { mapValues } from '../printed/map-values.js';
import { otherReport } from '../printed/other-reports.js';
import { STRACE } from '../strace/strace.js';
import { FTRACE } from '../tracefs/ftrace.js';
import { FTRACE_DUMP } from '../tracefs/ftrace-dump.js';
import { FTRACE_FIELDS } from '../tracefs/ftrace-fields.js';
import { FUNCTION_GRAPH } from '../tracefs/function-graph.js';
import { LATENCY_FORMAT } from '../tracefs/latency-format.js';
import { SYSTRACE_HTML } from '../tracefs/systrace-html.js';
import { TRACE_CMD_REPORT } from '../tracefs/trace-cmd-report.js';
import { recogniseRefusal } from '../tracefs/tracefs-refusals.js';
import { base64From } from './base64-text.js';
import type { DialectInfo } from './dialect.js';
import { machinesIn } from './machines.js';
import { behindFacts } from './recording-facts.js';
import { sampleText } from './sample-text.js';
import { compressionOf } from './source.js';
import { TraceError, type TraceErrorCode } from './trace-error.js';

/** Every text format that can be read. Order breaks ties: the more special first. */
export const DIALECTS: readonly DialectInfo[] = [
  SYSTRACE_HTML,
  FTRACE_FIELDS,
  FTRACE,
  TRACE_CMD_REPORT,
  FUNCTION_GRAPH,
  LATENCY_FORMAT,
  FTRACE_DUMP,
  PERF_JSON,
  PERF_SCRIPT,
  PERF_TRACE,
  STRACE,
  BABELTRACE,
  JSON_LINES,
  CSV,
  LATENCY_TABLE,
  BCC_TRACE,
  BPFTRACE_JSON_LOG,
  BPFTRACE_LOG,
];

/** Formats whose single lines tell what they are: a file may change between them, see `BlockDialect`. */
export const BLOCK_DIALECTS: readonly DialectInfo[] = [
  FTRACE,
  TRACE_CMD_REPORT,
  FUNCTION_GRAPH,
  LATENCY_FORMAT,
  FTRACE_DUMP,
  PERF_SCRIPT,
  PERF_TRACE,
];
/** May be followed by blocks of the others, but not follow them: its columns show in many lines only. */
const OPENS_BLOCKS: readonly DialectInfo[] = [...BLOCK_DIALECTS, BPFTRACE_LOG];
export const opensBlocks = (dialect: DialectInfo): boolean => OPENS_BLOCKS.some((d) => d.id === dialect.id);

/** Bytes looked at. */
export const SAMPLE = 64 << 10;
const ENOUGH = 0.25;

export interface Detection {
  readonly dialect: DialectInfo;
  readonly why: string;
  /** False: only a few lines are of this format, a later part of the input may show another. */
  readonly sure: boolean;
}

const PERF_WITHOUT_TIME =
  /^(?!.*\d\.\d{6}(?:\d{3})?:\s)\S.{0,40}? +\d+(?:\/\d+)? +(?:\[\d+\] +)?(?:\d+ +)?[A-Za-z][\w:./-]*: *\r?\n[ \t]+[0-9a-f]{4,16} /m;

/** `-F comm,tid,event,trace`: a task, an event with its group, and no stamp between. */
const PERF_NO_TIME =
  /^ *\S.{0,40}? +\d+(?:\/\d+)? +(?:\[\d{3,}\] +)?(?:\d+ +)?[a-z][\w-]*:[a-z][\w-]*: [\s\S]*^ *\S.{0,40}? +\d+(?:\/\d+)? +(?:\[\d{3,}\] +)?(?:\d+ +)?[a-z][\w-]*:[a-z][\w-]*: /m;

/** What is unpacked on the way here, once. */
const PACKED: ReadonlySet<string> = new Set(['gzip', 'zstd', 'xz']);

/** Contents that are recognised but not read, and what they are. */
const REFUSED: readonly {
  code: TraceErrorCode;
  what: string;
  is: (text: string, bytes: Uint8Array) => boolean;
}[] = [
  {
    code: 'unsupported-format',
    what: 'is a perf.data file: run `perf script --ns` on it and give its output',
    is: (text) => text.startsWith('PERFILE2') || text.startsWith('2ELIFREP'),
  },
  {
    code: 'unsupported-format',
    what: 'is a raw dump (`perf script -D`): give the output of `perf script --ns`',
    is: (text) => /^0x[0-9a-f]+@\S+ \[0x[0-9a-f]+\]: event: \d+/m.test(text.slice(0, 400)),
  },
  {
    code: 'no-times',
    what: 'is perf script output without times: run `perf script --ns -F +time`',
    is: (text) => PERF_WITHOUT_TIME.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is a trace-cmd report of several machines: save it to a file and give that, its machines are then read one by one (FILE#MACHINE names one of them)',
    is: (text) => machinesIn(text).length > 0,
  },
  {
    code: 'no-times',
    what: 'is perf script output without times: run `perf script --ns -F +time`',
    is: (text) => PERF_NO_TIME.test(text) && !/\d\.\d{6}(?:\d{3})?: /.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is UTF-32 text: turn it into UTF-8 first (`iconv -f UTF-32 -t UTF-8`)',
    is: (text) => text.startsWith('\xff\xfe\0\0') || text.startsWith('\0\0\xfe\xff'),
  },
  {
    code: 'unsupported-format',
    what: 'is UTF-16 text: turn it into UTF-8 first (`iconv -f UTF-16 -t UTF-8`)',
    is: (text) => text.startsWith('\xff\xfe') || text.startsWith('\xfe\xff'),
  },
  {
    code: 'unsupported-format',
    what: 'is UTF-16 text, little-endian: turn it into UTF-8 first (`iconv -f UTF-16LE -t UTF-8`)',
    is: (text) => /^(?:[\t\n\r -~]\0){16}/.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is UTF-16 text, big-endian: turn it into UTF-8 first (`iconv -f UTF-16BE -t UTF-8`)',
    is: (text) => /^(?:\0[\t\n\r -~]){16}/.test(text),
  },
  {
    code: 'unsupported-format',
    what: 'is packed once more: unpack it (`gzip -dc`, `zstd -dc`, `xz -dc`) and give what comes out',
    is: (_, bytes) => PACKED.has(compressionOf(bytes)),
  },
  {
    code: 'unsupported-format',
    what: 'has lines that end with CR alone: put line feeds there (`tr "\\r" "\\n"`)',
    is: (text) => !text.includes('\n') && text.split('\r').length > 8,
  },
  {
    code: 'unsupported-format',
    what: 'is a kprobe_events definition file, no trace: give it with --probes',
    is: (text) => /^[pr]\d*:\S+ \S+/.test(text) && !/\[\d{3}\]/.test(text),
  },
];

/**
 * Chooses the dialect from the first bytes. `format` overrides the choice by id.
 * Throws TraceError: `empty`, `binary`, `no-times`, `unsupported-format`, `unknown-format`.
 */
export function detect(sample: Uint8Array, path: string, format?: string): Detection {
  if (format?.startsWith(`${LINE_FORMAT_ID}:`)) {
    const dialect = lineFormat(format.slice(LINE_FORMAT_ID.length + 1));
    return { dialect, why: 'given by --line-format', sure: true };
  }
  if (format !== undefined) {
    const dialect = DIALECTS.find((d) => d.id === format);
    if (!dialect) {
      const known = DIALECTS.map((d) => d.id).join(', ');
      throw new TraceError('unknown-format', `there is no format "${format}"; known: ${known}`, { path });
    }
    return { dialect, why: 'given by --format', sure: true };
  }
  sample = behindFacts(sample);
  if (sample.length === 0) throw new TraceError('empty', 'is empty', { path });
  const text = sampleText(sample, 4096);
  for (const refused of REFUSED) {
    if (refused.is(text, sample)) throw new TraceError(refused.code, refused.what, { path, offset: 0 });
  }
  let best: DialectInfo | null = null;
  let bestScore = 0;
  for (const dialect of DIALECTS) {
    const score = dialect.score(sample);
    if (score > bestScore) {
      best = dialect;
      bestScore = score;
    }
  }
  const refusal = recogniseRefusal(sample);
  if (refusal && bestScore < 0.9) {
    const code = refusal.id === 'trace-no-context' ? 'no-times' : 'unsupported-format';
    throw new TraceError(code, refusal.message, { path, line: 1, offset: 0 });
  }
  if (best && bestScore >= ENOUGH) {
    const why = `its lines are ${best.title} (score ${bestScore.toFixed(2)})`;
    return { dialect: best, why, sure: true };
  }
  if (isBinary(sample))
    throw new TraceError('binary', 'is binary data of no known format', { path, offset: 0 });
  if (best && bestScore > 0)
    return { dialect: best, why: `a few lines are ${best.title}, the rest is other text`, sure: false };
  if (holdsHistogram(sample) && readHistograms(sampleText(sample, LOOKED_AT)).histograms.length > 0) {
    const what =
      'holds printed histograms and no trace lines: `pttrace info` lists them, `pttrace hist` and `pttrace compare` read them';
    throw new TraceError('unknown-format', what, { path, line: 1, offset: 0 });
  }
  if (isHistTrigger(sample) || mapValues(text.split('\n')).values.length >= 2) {
    const what = isHistTrigger(sample)
      ? 'tables of a hist trigger whose keys are no durations'
      : 'maps that bpftrace printed, none of them a histogram,';
    const message = `holds ${what} and no trace lines: \`pttrace info\` lists them`;
    throw new TraceError('unknown-format', message, { path, line: 1, offset: 0 });
  }
  const other = otherReport(sampleText(sample, LOOKED_AT));
  if (other !== null) throw new TraceError(other.code, other.what, { path, line: 1, offset: 0 });
  const coded = base64From(sampleText(sample, LOOKED_AT));
  const what =
    coded === null
      ? 'holds no trace lines of a known format'
      : `holds no trace lines; from line ${coded} on it looks like base64: tail -n +${coded} '${path}' | base64 -di > decoded, and give that`;
  throw new TraceError('unknown-format', what, { path, line: 1, offset: 0 });
}

/** Bytes that tables and reports are looked for in. */
const LOOKED_AT = 64 << 10;

/** Text has hardly any control bytes; NULs of a cut console log are tolerated up to a tenth. */
function isBinary(sample: Uint8Array): boolean {
  let control = 0;
  for (const c of sample) if (c < 9 || (c > 13 && c < 32 && c !== 27)) control++;
  return control * 10 > sample.length;
}
