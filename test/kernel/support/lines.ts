import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { RecordBatch } from '../../../src/timeline/batch.js';
import { cleanSymbol, EventTable } from '../../../src/timeline/events.js';
import { FLAG } from '../../../src/timeline/flags.js';

/** Line → batch for tests of the meaning of records. Only the default tracefs layout and perf-like `event:` heads. */
export const RECORDINGS = join(import.meta.dirname, '../../../../shared/recordings');
export const haveRecordings = existsSync(RECORDINGS);

export function readText(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
}

const LINE = /^ *(.*)-(\d+) +(?:\( *[\d-]+\) )?\[(\d+)\] (?:(\S+) +)?(\d+)\.(\d+): (.*)$/;
/** `perf script`: name and pid apart, the system in front of the event. */
const PERF_LINE = /^ *(.*?) +(\d+) +\[(\d+)\]( )+(\d+)\.(\d+): +\w+:(\w+: .*)$/;

function flagsOf(text: string | undefined): number {
  if (!text || text.length < 4) return 0;
  let f: number = FLAG.known;
  if ('dD'.includes(text[0]!)) f |= FLAG.irqsOff;
  if ('hH'.includes(text[2]!)) f |= FLAG.hardirq;
  if ('sH'.includes(text[2]!)) f |= FLAG.softirq;
  if ('zZ'.includes(text[2]!)) f |= FLAG.nmi;
  return f;
}

type Head = ReturnType<EventTable['head']>;

function splitBody(body: string): { head: Head; text: string; args: string } | null {
  const probe = /^([\w.]+): +\(([^)<]*?)(?: <- ([^)]*))?\)(.*)$/.exec(body);
  if (probe) {
    const ret = probe[3] !== undefined;
    const symbol = cleanSymbol(ret ? probe[3]! : probe[2]!);
    const head: Head = {
      kind: ret ? 'retprobe' : 'probe',
      name: probe[1]!,
      symbol: /^[0-9a-f]{8,}$/.test(symbol) ? '' : symbol,
      caller: ret ? cleanSymbol(probe[2]!) : '',
    };
    return { head, text: body.slice(0, body.length - probe[4]!.length), args: probe[4]! };
  }
  const exit = /^sys_(\w+) -> ?(.*)$/.exec(body) ?? /^sys_exit_(\w+): +(.*)$/.exec(body);
  if (exit) return simple('syscall-exit', exit[1]!, exit[2]!);
  const enter = /^sys_(\w+)\((.*)$/.exec(body) ?? /^sys_enter_(\w+): +(.*)$/.exec(body);
  if (enter) return simple('syscall-enter', enter[1]!, enter[2]!);
  const marker = /^(tracing_mark_write|\w+): (pttrace: .*)$/.exec(body);
  if (marker) return simple('print', marker[1]!, marker[2]!);
  const func = /^([\w.]+)(?:\((.*)\))? <-(\S+)$/.exec(body);
  if (func) {
    const head: Head = { kind: 'function', name: func[1]!, symbol: cleanSymbol(func[1]!), caller: '' };
    return { head, text: `${func[1]} <-`, args: func[2] ?? '' };
  }
  const event = /^([\w.]+): ?(.*)$/.exec(body);
  return event ? simple('tracepoint', event[1]!, event[2]!) : null;
}

function simple(kind: Head['kind'], name: string, args: string) {
  return { head: { kind, name, symbol: '', caller: '' }, text: `${kind} ${name}`, args };
}

export interface Loaded {
  readonly batches: RecordBatch[];
  readonly events: EventTable;
  readonly lines: string[];
}

/** Batches of at most `size` rows from lines of a trace; header lines are left out. */
export function load(text: string, options: { limit?: number; size?: number } = {}): Loaded {
  const size = options.size ?? 4096;
  const events = new EventTable();
  const rows: {
    line: string;
    m: RegExpExecArray;
    s: NonNullable<ReturnType<typeof splitBody>>;
    at: number;
  }[] = [];
  let at = 0;
  for (const line of text.split('\n')) {
    const m = line.startsWith('#') ? null : (LINE.exec(line) ?? PERF_LINE.exec(line));
    const s = m ? splitBody(m[7]!) : null;
    if (m && s) rows.push({ line, m, s, at });
    at += line.length + 1;
    if (rows.length >= (options.limit ?? Number.POSITIVE_INFINITY)) break;
  }
  const batches: RecordBatch[] = [];
  for (let i = 0; i < rows.length; i += size) batches.push(fill(rows.slice(i, i + size), events, i));
  return { batches, events, lines: rows.map((r) => r.line) };
}

function fill(
  rows: { m: RegExpExecArray; s: NonNullable<ReturnType<typeof splitBody>>; at: number }[],
  events: EventTable,
  firstRow: number,
): RecordBatch {
  const batch = new RecordBatch(rows.length);
  batch.bytes = Buffer.from(rows.map((r) => r.s.args).join('\n'), 'latin1');
  let p = 0;
  rows.forEach(({ m, s, at }, i) => {
    batch.tsNs[i] = Number(m[5]) * 1e9 + Number(m[6]!.padEnd(9, '0'));
    batch.offset[i] = at;
    batch.line[i] = firstRow + i + 1;
    batch.cpu[i] = Number(m[3]);
    batch.pid[i] = Number(m[2]);
    batch.tgid[i] = -1;
    batch.flags[i] = flagsOf(m[4]);
    batch.event[i] = events.internHead(s.text, s.head);
    batch.bodyStart[i] = p;
    batch.bodyEnd[i] = p + s.args.length;
    p += s.args.length + 1;
  });
  batch.length = rows.length;
  return batch;
}
