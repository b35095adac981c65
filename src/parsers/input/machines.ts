import { existsSync } from 'node:fs';
import { latin1 } from '../../timeline/batch.js';
import { isStored } from './chunks.js';
import { readSource } from './source.js';

/**
 * `trace-cmd report -i A -i B` puts several machines into one text, each line behind the name of its file:
 *
 *      trace-host.dat: cpus=4
 *     trace-guest.dat:             make-901   [000]  120.145450: sys_enter_munmap:     addr: 0x7f00f6646000, …
 *
 * Their threads, CPUs and addresses have nothing in common: each machine is an input of its own, `FILE#MACHINE`.
 * Source: trace-cmd tracecmd/trace-read.c, read_data_info() and print_handle_file().
 */
const HEADING = /^ *(\S+): cpus=\d+[ \t]*\r?$/gm;
const HEAD = 64 << 10;

/** Names of the machines that a text begins with, in order; empty unless there are several. */
export function machinesIn(text: string): string[] {
  const names = new Set([...text.matchAll(HEADING)].map((m) => m[1]!));
  return names.size > 1 ? [...names] : [];
}

/** `report.txt#guest.dat` → file and machine; a file that is really called so is taken whole. */
export function splitMachine(path: string): { path: string; machine: string } {
  const at = path.indexOf('#');
  if (at <= 0 || existsSync(path)) return { path, machine: '' };
  return { path: path.slice(0, at), machine: path.slice(at + 1) };
}

/** The machines of a stored file; empty unless there are several. A file that cannot be read has none. */
export async function machinesOf(path: string): Promise<string[]> {
  if (path === '-' || !isStored(path)) return [];
  const parts: Buffer[] = [];
  let size = 0;
  const stop = new AbortController();
  try {
    await readSource({ path, signal: stop.signal }, (chunk) => {
      if (size < HEAD) parts.push(Buffer.from(chunk));
      size += chunk.length;
      if (size >= HEAD) stop.abort();
    });
  } catch {
    // The reading proper says it with all it knows.
    return [];
  }
  const head = Buffer.concat(parts);
  return machinesIn(latin1(head, 0, Math.min(head.length, HEAD)));
}

/** Names of machines by the number of their input, known when all are read; a key part of `GroupKeys`. */
export class MachineNames {
  readonly machines: string[] = [];
  /** Whether these inputs are told apart by machine. */
  readonly several: boolean;

  constructor(paths: readonly string[]) {
    this.several = paths.length > 1 && paths.some((path) => splitMachine(path).machine !== '');
  }

  /** In the order of reading. */
  learn(paths: readonly string[]): void {
    for (const path of paths) this.machines.push(splitMachine(path).machine || path);
  }
}

/** The inputs with each report of several machines as one input a machine. */
export async function machinesApart(paths: readonly string[]): Promise<string[]> {
  const out: string[] = [];
  for (const path of paths) {
    const names = await machinesOf(path);
    if (names.length === 0) out.push(path);
    else out.push(...names.map((name) => `${path}#${name}`));
  }
  return out;
}
