import { closeSync, openSync, statfsSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Bytes kept at most: evidence is quoted from the copy, it is no archive. */
const MOST = 4 * 2 ** 30;

/**
 * A copy of an input that can be read only once, for quoting its lines later. It ends where it would take more than
 * half of the free room (or 4 GiB): what unpacks from a pipe may have no end. Lines behind that are reported by number
 * and offset without their text.
 */
export class Spool {
  readonly file: string;
  /** The input went on behind what is kept. */
  cut = false;
  private readonly fd: number;
  private readonly room: number;
  private kept = 0;

  constructor(dir: string, input: number, most = MOST) {
    this.file = join(dir, `stdin-${input}`);
    this.fd = openSync(this.file, 'w', 0o600);
    this.room = Math.min(most, freeBytes(this.file) / 2);
  }

  write(chunk: Uint8Array): void {
    if (this.cut) return;
    if (this.kept + chunk.length > this.room) {
      this.cut = true;
      return;
    }
    try {
      let done = 0;
      while (done < chunk.length) done += writeSync(this.fd, chunk, done);
      this.kept += done;
    } catch {
      // Somebody else filled the disk: the input is judged all the same.
      this.cut = true;
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

function freeBytes(file: string): number {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize;
  } catch {
    return MOST;
  }
}
