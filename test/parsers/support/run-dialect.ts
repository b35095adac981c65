import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { DialectInfo, HeaderFacts, LineHost, LineKind } from '../../../src/parsers/input/dialect.js';
import { LINE, LINE_NAMES, newHeader } from '../../../src/parsers/input/dialect.js';
import { RecordBatch } from '../../../src/timeline/batch.js';
import { EventTable } from '../../../src/timeline/events.js';
import { Interner } from '../../../src/timeline/interner.js';
import { TimeBase } from '../../../src/timeline/time-base.js';

export interface Row {
  line: number;
  offset: number;
  ts: string;
  cpu: number;
  pid: number;
  tgid: number;
  comm: string;
  flags: number;
  kind: string;
  name: string;
  symbol: string;
  caller: string;
  stamp: string;
  body: string;
  aux: number;
}

export interface DialectRun {
  rows: Row[];
  facts: { event: number; cpu: number; aux: number; line: number }[];
  notes: { code: string; message: string }[];
  /** Kind of every line. */
  kinds: LineKind[];
  counts: Record<(typeof LINE_NAMES)[number], number>;
  skips: Map<string, number>;
  header: HeaderFacts;
  unit: 'ns' | 'ticks';
  resolutionNs: number;
}

const repo = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const fixture = (name: string): Uint8Array => load(join(repo, 'fixtures', name));
export const shared = join(repo, '..', 'shared');
export const hasShared = existsSync(join(shared, 'recordings'));
export const recording = (name: string): Uint8Array => load(join(shared, 'recordings', name));
export const corpus = (name: string): Uint8Array => load(join(shared, 'corpus', name));
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);

function load(path: string): Uint8Array {
  const raw = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(raw) : raw;
}

/**
 * Runs a dialect over whole lines, without a framer: what every line is and which rows it gives. `partly`: of a skipped
 * line something may have been read.
 */
export function runDialect(info: DialectInfo, input: Uint8Array, partly = false): DialectRun {
  const names = new Interner();
  const events = new EventTable();
  const time = new TimeBase();
  const batch = new RecordBatch(8);
  const run: DialectRun = {
    rows: [],
    facts: [],
    notes: [],
    kinds: [],
    counts: Object.fromEntries(LINE_NAMES.map((n) => [n, 0])) as DialectRun['counts'],
    skips: new Map(),
    header: newHeader(),
    unit: 'ns',
    resolutionNs: 0,
  };
  let lineNumber = 0;
  let lineOffset = 0;
  let lastReason = '';
  const host: LineHost = {
    names,
    events,
    time,
    batch,
    header: run.header,
    get lineNumber() {
      return lineNumber;
    },
    get lineOffset() {
      return lineOffset;
    },
    commit() {
      const head = events.head(batch.event[0]!);
      run.rows.push({
        line: lineNumber,
        offset: lineOffset,
        ts: time.absolute(batch.tsNs[0]!),
        cpu: batch.cpu[0]!,
        pid: batch.pid[0]!,
        tgid: batch.tgid[0]!,
        comm: names.text(batch.comm[0]!),
        flags: batch.flags[0]!,
        kind: head.kind,
        name: head.name,
        symbol: head.symbol,
        caller: head.caller,
        stamp: head.stamp ?? '',
        body: batch.body(0),
        aux: batch.aux[0]!,
      });
    },
    skip(reason) {
      run.skips.set(reason, (run.skips.get(reason) ?? 0) + 1);
      lastReason = reason;
      return LINE.skipped;
    },
    unskip() {
      run.skips.set(lastReason, run.skips.get(lastReason)! - 1);
      if (run.skips.get(lastReason) === 0) run.skips.delete(lastReason);
    },
    fact(event, cpu, aux) {
      run.facts.push({ event, cpu, aux, line: lineNumber });
    },
    note(code, message) {
      if (!run.notes.some((n) => n.code === code)) run.notes.push({ code, message });
    },
  };
  const dialect = info.open(input);
  let start = 0;
  while (start < input.length) {
    let end = input.indexOf(10, start);
    if (end < 0) end = input.length;
    const stop = end > start && input[end - 1] === 13 ? end - 1 : end;
    lineNumber++;
    lineOffset = start;
    // Surrounded by bytes that would show if a dialect looked outside its line.
    const line = new Uint8Array(stop - start + 8).fill(0x7c);
    line.set(input.subarray(start, stop), 4);
    batch.bytes = line;
    const before = run.rows.length;
    const kind = dialect.line(line, 4, line.length - 4, host);
    const some = run.rows.length > before;
    if ((kind === LINE.event) !== some && !(partly && some && kind === LINE.skipped)) {
      throw new Error(`line ${lineNumber}: kind ${LINE_NAMES[kind]} with ${run.rows.length - before} rows`);
    }
    run.kinds.push(kind);
    run.counts[LINE_NAMES[kind]]++;
    start = end + 1;
  }
  dialect.finish?.(host);
  run.unit = time.unit;
  run.resolutionNs = time.resolutionNs;
  return run;
}

/** One line per row, for golden files. */
export function golden(run: DialectRun): string {
  const counts = Object.entries(run.counts)
    .filter(([, n]) => n > 0)
    .map(([k, n]) => `${k} ${n}`);
  const head = [
    `# lines: ${counts.join(', ')}`,
    ...run.notes.map((n) => `# note ${n.code}: ${n.message}`),
    ...[...run.skips].map(([reason, n]) => `# skipped ${n}: ${reason}`),
    ...run.facts.map((f) => `# fact ${f.event} cpu ${f.cpu} aux ${f.aux} before line ${f.line}`),
  ];
  const rows = run.rows.map((r) => {
    const what = `${r.kind} ${r.name}${r.symbol !== r.name ? `[${r.symbol}]` : ''}${r.caller ? `<-${r.caller}` : ''}`;
    const aux = r.kind === 'span' ? ` ${r.stamp} ${r.aux}ns` : '';
    return `${r.line} ${r.ts} cpu${r.cpu} ${r.comm}-${r.pid} 0x${r.flags.toString(16)} ${what}${aux} | ${r.body}`;
  });
  return `${[...head, ...rows].join('\n')}\n`;
}

/** Every prefix of the input must be read without an exception and account for all its lines. */
export function cutEverywhere(info: DialectInfo, input: Uint8Array, from = 0): void {
  for (let n = from; n <= input.length; n++) {
    const run = runDialect(info, input.subarray(0, n));
    const total = Object.values(run.counts).reduce((a, b) => a + b, 0);
    const lines = text(input.subarray(0, n)).split('\n');
    const expected = lines.at(-1) === '' ? lines.length - 1 : lines.length;
    if (total !== expected) throw new Error(`cut at ${n}: ${total} lines for ${expected}`);
  }
}
