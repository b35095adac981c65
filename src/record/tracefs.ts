import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** tracefs as far as recording needs it; paths are relative to its root. Methods throw what the system says. */
export interface TracefsDir {
  readonly root: string;
  exists(path: string): boolean;
  read(path: string): string;
  /** A file that may be long, in chunks of any size. */
  stream(path: string): Iterable<Uint8Array>;
  /** Sets a value, as `echo value > path`. */
  write(path: string, value: string): void;
  /** Adds a line, as `echo line >> path`: files that hold lists lose what they have on `write`. */
  append(path: string, line: string): void;
  /** Empties a file, as `: > path`. */
  clear(path: string): void;
  list(path: string): string[];
  mkdir(path: string): void;
  rmdir(path: string): void;
  /** Closes files that are still being streamed: an instance with an open file cannot be removed. */
  closeFiles(): void;
}

const CHUNK = 1 << 20;

/** Where tracefs is usually mounted, newest first. */
export const TRACEFS_PLACES = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

/** tracefs at `root`. */
export function tracefsAt(root: string): TracefsDir {
  const at = (path: string): string => join(root, path);
  const open = new Set<number>();
  const close = (fd: number): void => {
    if (open.delete(fd)) closeSync(fd);
  };
  return {
    root,
    exists: (path) => existsSync(at(path)),
    read: (path) => readFileSync(at(path), 'utf8'),
    *stream(path) {
      const fd = openSync(at(path), 'r');
      open.add(fd);
      try {
        for (;;) {
          const chunk = new Uint8Array(CHUNK);
          const n = readSync(fd, chunk);
          if (n === 0) return;
          yield chunk.subarray(0, n);
        }
      } finally {
        close(fd);
      }
    },
    write: (path, value) => writeFileSync(at(path), `${value}\n`),
    append: (path, line) => appendFileSync(at(path), `${line}\n`),
    clear: (path) => closeSync(openSync(at(path), 'w')),
    list: (path) => readdirSync(at(path)),
    mkdir: (path) => mkdirSync(at(path)),
    rmdir: (path) => rmdirSync(at(path)),
    closeFiles: () => [...open].forEach(close),
  };
}
