import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { InputReport, LineCounts } from '../result/types.js';
import { RESERVED } from '../timeline/events.js';
import { Reorder } from '../timeline/reorder.js';
import { type Detection, SAMPLE } from './detect.js';
import { type DialectInfo, LINE_NAMES } from './dialect.js';
import { FormatFinder } from './format-finder.js';
import { LineScanner } from './line-scanner.js';
import type { ScanInputOptions, ScannedInput } from './scanned-input.js';
import { type Compression, readSource } from './source.js';
import { isTraceDatFile, scanTraceDat } from './trace-dat-input.js';
import type { TraceError } from './trace-error.js';

export type { QuotedLine, ScanInputOptions, ScannedInput } from './scanned-input.js';

/**
 * Reads one input into batches. Throws TraceError when it cannot be read at all (nothing was delivered);
 * damage in the middle is told in `report.error`, with what came before in the counts.
 */
export async function scanInput(path: string, options: ScanInputOptions): Promise<ScannedInput> {
  if (options.format === undefined && isTraceDatFile(path)) return scanTraceDat(path, options);
  const spool =
    path === '-' && options.spoolDir !== undefined ? openSpool(options.spoolDir, options.input) : null;
  let scanner: LineScanner | null = null;
  let dialect: DialectInfo | null = null;
  let why = '';
  let reorder: Reorder | null = null;
  const finder = new FormatFinder(path, options.format);

  const start = (found: Detection): LineScanner => {
    const head = finder.take();
    const info = found.dialect;
    // Lines are quoted by the same columns later.
    dialect = { ...info, open: () => info.open(head.subarray(0, SAMPLE)) };
    why = found.why;
    if (info.unordered) reorder = new Reorder(options.sink);
    const made = new LineScanner(
      dialect.open(),
      reorder ? { ...options, sink: (batch) => reorder!.push(batch) } : options,
    );
    scanner = made;
    if (info.silentLoss !== undefined) {
      made.fact(RESERVED.silentLoss, -1, 0);
      made.note('silent-loss', info.silentLoss);
    }
    made.push(head);
    return made;
  };
  try {
    const end = await readSource(
      {
        path,
        stdin: options.stdin,
        signal: options.signal,
        onBytes: (bytes, totalBytes) =>
          options.onProgress?.({ bytes, totalBytes, events: scanner?.counts[0] ?? 0 }),
      },
      (chunk) => {
        if (spool) writeSync(spool.fd, chunk);
        if (scanner) {
          scanner.push(chunk);
          return;
        }
        const found = finder.add(chunk);
        if (found) start(found);
      },
    );
    if (!scanner && end.error && finder.bytes === 0) throw end.error;
    const done = scanner ?? start(finder.finish());
    done.finish();
    if (reorder) putInOrder(reorder, done);
    return {
      report: report(path, done, dialect!, why, end.compression, end.error),
      header: done.header,
      dialect: dialect!,
      checkpoints: done.checkpoints,
      file: path === '-' ? (spool?.file ?? '') : path,
      compression: path === '-' ? 'none' : end.compression,
    };
  } finally {
    if (spool) closeSync(spool.fd);
  }
}

function putInOrder(reorder: Reorder, scanner: LineScanner): void {
  reorder.finish();
  const { displaced, worst, late } = reorder;
  if (displaced > 0) {
    scanner.note(
      'sorted',
      `${displaced} lines stood behind later ones, by up to ${worst} ns: sorted by time`,
    );
  }
  if (late > 0) {
    scanner.note(
      'out-of-order',
      `${late} lines came too late to be put in their place: what is absent around them proves nothing`,
    );
  }
}

function report(
  path: string,
  scanner: LineScanner,
  dialect: DialectInfo,
  formatWhy: string,
  compression: Compression,
  error: TraceError | null,
): InputReport {
  const lines = Object.fromEntries(
    LINE_NAMES.map((name, kind) => [name, scanner.counts[kind]!]),
  ) as unknown as Omit<LineCounts, 'total'>;
  const notes = [...scanner.notes];
  if (scanner.unterminated) {
    notes.push({
      code: 'no-final-newline',
      message: 'the last line has no newline: the file may be cut in it',
    });
  }
  return {
    path,
    format: dialect.id,
    formatWhy,
    compression,
    bytes: scanner.bytes,
    lines: { total: scanner.lineNumber, ...lines },
    skips: scanner.skips.map((s) => ({
      reason: s.reason,
      count: s.count,
      firstLine: s.firstLine,
      offset: s.firstOffset,
      text: s.text,
    })),
    notes,
    ...(error
      ? {
          error: {
            code: error.code,
            message: error.message,
            line: scanner.lineNumber,
            offset: scanner.bytes,
          },
        }
      : {}),
  };
}

function openSpool(dir: string, input: number): { fd: number; file: string } {
  const file = join(dir, `stdin-${input}`);
  return { fd: openSync(file, 'w', 0o600), file };
}
