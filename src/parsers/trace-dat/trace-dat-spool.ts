import { closeSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuotedLine, ScanInputOptions, ScannedInput } from '../input/scanned-input.js';
import { readSource, type SourceEnd } from '../input/source.js';
import { type TemporaryFolder, temporaryFolder } from '../input/temporary-folder.js';
import { TraceError } from '../input/trace-error.js';
import { quoteRecords, scanTraceDat } from './trace-dat-input.js';

/** Enough of trace-cmd's magic to be nothing else: no text begins so. */
const MAGIC = [0x17, 0x08, 0x44];

/** Does a stream begin as a trace.dat does? */
export const beginsTraceDat = (chunk: Uint8Array): boolean => MAGIC.every((byte, i) => chunk[i] === byte);

/**
 * A trace.dat that comes from a pipe or is compressed. It is read by position, so its bytes are gathered in a file of
 * the system's temporary folder first; that file is gone when the scan ends. A copy that is kept anyway (`given`, for
 * quoting from standard input) serves too.
 */
export class TraceDatSpool {
  private readonly folder: TemporaryFolder | null;
  private readonly given: { readonly file: string; readonly cut?: boolean } | null;
  private readonly file: string;
  private fd: number;

  constructor(given: { readonly file: string; readonly cut?: boolean } | null) {
    this.given = given;
    this.folder = given ? null : temporaryFolder('pttrace-dat-');
    this.file = given?.file ?? join(this.folder!.path, 'trace.dat');
    this.fd = given ? -1 : openSync(this.file, 'w', 0o600);
  }

  /** The next bytes; nothing to do where the copy is made by somebody else. */
  write(chunk: Uint8Array): void {
    if (this.fd < 0) return;
    try {
      let done = 0;
      while (done < chunk.length) done += writeSync(this.fd, chunk, done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new TraceError('unreadable', `no room for a copy of the trace.dat in ${tmpdir()} (${code})`, {
        cause: error,
      });
    }
  }

  /** Reads what was gathered. Throws as `scanTraceDat`, or what ended the source if that explains it. */
  async finish(path: string, options: ScanInputOptions, end: SourceEnd): Promise<ScannedInput> {
    if (this.given?.cut)
      throw new TraceError('unreadable', `no room for a copy of the trace.dat in ${tmpdir()}`, { path });
    try {
      const scanned = await scanTraceDat(this.file, { ...options, onProgress: undefined }, path);
      const { report } = scanned;
      const error = end.error ? { error: { code: end.error.code, message: end.error.message } } : {};
      return {
        ...scanned,
        report: { ...report, compression: end.compression, ...error },
        ...(this.folder === null ? {} : { quote: (offsets) => quoteAgain(path, options, offsets) }),
      };
    } catch (error) {
      throw error instanceof TraceError && end.error ? end.error : error;
    }
  }

  quote(options: ScanInputOptions, offsets: ReadonlySet<number>): Promise<Map<number, QuotedLine>> {
    return quoteRecords(this.file, options, offsets);
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
    this.folder?.release();
  }
}

/** The copy is gone: it is made once more. */
async function quoteAgain(
  path: string,
  options: ScanInputOptions,
  offsets: ReadonlySet<number>,
): Promise<Map<number, QuotedLine>> {
  if (path === '-') return new Map();
  const spool = new TraceDatSpool(null);
  try {
    await readSource({ path }, (chunk) => spool.write(chunk));
    return spool.quote(options, offsets);
  } finally {
    spool.close();
  }
}
