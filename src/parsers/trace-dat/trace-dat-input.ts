import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import type { LineCounts } from '../../result/types.js';
import type { RecordBatch } from '../../timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../../timeline/events.js';
import { readHead } from '../input/chunks.js';
import { newHeader } from '../input/dialect.js';
import { FACT_PREFIX } from '../input/recording-facts.js';
import type { QuotedLine, ScanInputOptions, ScannedInput } from '../input/scanned-input.js';
import { fileSource } from './byte-source.js';
import { type Codec, nodeCodec } from './codec.js';
import { openRecording } from './recording.js';
import { scanSteps, type TraceDatSummary } from './scan.js';

const MAGIC = [0x17, 0x08, 0x44, 0x74, 0x72, 0x61, 0x63, 0x69, 0x6e, 0x67];

/** A regular file that begins with trace-cmd's magic. */
export function isTraceDatFile(path: string): boolean {
  if (path === '-' || !existsSync(path) || !statSync(path).isFile()) return false;
  let head: Uint8Array;
  try {
    head = readHead(path, MAGIC.length);
  } catch {
    return false;
  }
  return MAGIC.every((byte, i) => head[i] === byte);
}

/** zstd through Node where it can, else through the program; null names the missing decompressor. */
const codec: Codec = (name, bytes, full) => {
  const own = nodeCodec(name, bytes, full);
  if (own !== null || name !== 'zstd') return own;
  const run = spawnSync('zstd', ['-dc'], { input: bytes, maxBuffer: full + 65536 });
  return run.status === 0 ? run.stdout : null;
};

/**
 * Reads a trace.dat (v6, v7), which the user calls `name`. Its records count as lines: `line` is the ordinal of a record in report order,
 * `offset` where its data lies. Throws TraceError when the head cannot be used; damage further on is in the report.
 */
export async function scanTraceDat(
  path: string,
  options: ScanInputOptions,
  name = path,
): Promise<ScannedInput> {
  const header = newHeader();
  let lost = 0;
  const size = statSync(path).size;
  let events = 0;
  const told = (bytes: number): void =>
    options.onProgress?.({ bytes: Math.min(bytes, size), totalBytes: size, events });
  const summary = await reading(path, options, told, (batch) => {
    for (let row = 0; row < batch.length; row++) {
      if (batch.event[row] === RESERVED.lost) lost++;
    }
    events += batch.length;
    options.sink(batch);
  });
  const { recording } = summary;
  header.tracer = 'trace-cmd';
  header.cpus = recording.head.cpus;
  header.captures = 1;
  const lines: LineCounts = {
    total: summary.records + lost,
    event: summary.records,
    header: 0,
    lost,
    stack: 0,
    continuation: 0,
    blank: 0,
    foreign: 0,
    skipped: 0,
  };
  const [first] = summary.problems;
  return {
    report: {
      path: name,
      format: 'trace-dat',
      formatWhy: `it begins with the magic of trace.dat (version ${recording.head.version}); records count as lines`,
      compression: 'none',
      bytes: size,
      lines,
      skips: [],
      notes:
        summary.unknown > 0
          ? [
              {
                code: 'unknown-events',
                message: `${summary.unknown} records are of events the file does not describe`,
              },
            ]
          : [],
      ...(first
        ? {
            error: {
              code: first.code,
              message: `${first.message}${summary.problemCount > 1 ? ` (and ${summary.problemCount - 1} more places)` : ''}`,
              ...(first.offset === undefined ? {} : { offset: first.offset }),
            },
          }
        : {}),
    },
    header,
    dialect: null,
    checkpoints: [],
    file: path,
    compression: 'none',
    quote: (offsets) => quoteRecords(path, options, offsets),
  };
}

/** `uname` of the machine, its node name second: known once the head is read, before the first event. */
function tellKernel(uname: string, options: ScanInputOptions): void {
  const release = /^Linux \S+ (\d+\.\d+\S*)/.exec(uname)?.[1];
  if (release === undefined || !options.facts) return;
  const line = Buffer.from(`${FACT_PREFIX}kernel Linux ${release}`, 'latin1');
  options.facts.take(line, 0, line.length);
}

/** Lets the process breathe between batches: signals arrive, the progress line moves. */
async function reading(
  path: string,
  options: ScanInputOptions,
  onBytes: (bytes: number) => void,
  sink: (batch: RecordBatch) => void,
): Promise<TraceDatSummary> {
  const fd = openSync(path, 'r');
  try {
    const recording = openRecording(fileSource(fd, path), codec);
    tellKernel(recording.head.options.uname, options);
    const steps = scanSteps(recording, options.context, sink, { input: options.input, codec });
    let step = steps.next();
    while (!step.done) {
      onBytes(step.value);
      await new Promise((resolve) => setImmediate(resolve));
      step = steps.next(options.signal?.aborted === true);
    }
    return step.value;
  } finally {
    closeSync(fd);
  }
}

/** One more pass over the file; records have no text of their own, so it is put together as trace-cmd report would. */
export async function quoteRecords(
  path: string,
  options: ScanInputOptions,
  offsets: ReadonlySet<number>,
): Promise<Map<number, QuotedLine>> {
  const { names, events, time } = options.context;
  const found = new Map<number, QuotedLine>();
  // Asked for by an interrupted run too, to quote what it found.
  const whole = { ...options, signal: undefined, facts: undefined };
  await reading(
    path,
    whole,
    () => {},
    (batch) => {
      for (let row = 0; row < batch.length; row++) {
        const offset = batch.offset[row]!;
        if (!offsets.has(offset) || batch.event[row]! <= LAST_RESERVED) continue;
        const task = `${names.text(batch.comm[row]!)}-${batch.pid[row]!}`;
        const stamp = time.absolute(batch.tsNs[row]!).padStart(10, '0');
        const head = events.head(batch.event[row]!);
        const at = `[${String(batch.cpu[row]!).padStart(3, '0')}] ${stamp.slice(0, -9)}.${stamp.slice(-9)}`;
        found.set(offset, {
          line: batch.line[row]!,
          offset,
          text: `${task} ${at}: ${head.name}: ${batch.body(row)}`.slice(0, 512),
          tsNs: batch.tsNs[row]!,
          cpu: batch.cpu[row]!,
          pid: batch.pid[row]!,
          task,
        });
      }
    },
  );
  return found;
}
