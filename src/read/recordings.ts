import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TraceError } from '../parsers/input/trace-error.js';

/** Texts that stand beside recordings: about them, or for --probes and --kernel-info. */
const BESIDE = /^README|\.md$|^kprobe_events|^kernel-info/i;

/** Whether a file of this name counts where a whole folder is given. */
export const isRecordingName = (name: string): boolean => !name.startsWith('.') && !BESIDE.test(name);

/** A folder stands for every file below it, in byte order of their paths; what is no folder stands for itself. */
export function recordingsOf(words: readonly string[]): string[] {
  return words.flatMap((word) => (isFolder(word) ? filesBelow(word) : [word]));
}

export const isFolder = (path: string): boolean =>
  path !== '-' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/**
 * Every plain file below a folder, but hidden ones and those called README*, *.md, kprobe_events* or
 * kernel-info*. Links to files count, links to
 * folders are not followed. Throws TraceError where there is none, or a folder cannot be read.
 */
function filesBelow(folder: string): string[] {
  const found: string[] = [];
  walk(folder, found);
  if (found.length === 0)
    throw new TraceError('is-directory', 'is a folder that holds no recording', { path: folder });
  return found.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function walk(folder: string, found: string[]): void {
  let entries: ReturnType<typeof list>;
  try {
    entries = list(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TraceError('unreadable', `is a folder that cannot be read (${code})`, {
      path: folder,
      cause: error,
    });
  }
  // Reading all of it would wait for events, and take them from others.
  if (entries.some((entry) => entry.name === 'trace_pipe'))
    throw new TraceError('is-directory', 'is a folder of tracefs', { path: folder });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) walk(path, found);
    else if (isRecordingName(entry.name) && (entry.isFile() || (entry.isSymbolicLink() && isFile(path))))
      found.push(path);
  }
}

const list = (folder: string) => readdirSync(folder, { withFileTypes: true });
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
