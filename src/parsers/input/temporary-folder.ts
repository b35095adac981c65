import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of this process under the system's temporary one, gone when it is released or the process ends. */
export interface TemporaryFolder {
  readonly path: string;
  release(): void;
}

const open = new Set<string>();

/** Throws what `mkdtemp` throws where the system has no room for one. */
export function temporaryFolder(prefix: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  // A signal or a reader that left ends the process without unwinding.
  if (open.size === 0) process.on('exit', removeAll);
  open.add(path);
  return {
    path,
    release: () => {
      rmSync(path, { recursive: true, force: true });
      if (open.delete(path) && open.size === 0) process.off('exit', removeAll);
    },
  };
}

function removeAll(): void {
  for (const path of open) rmSync(path, { recursive: true, force: true });
}
