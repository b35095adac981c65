import { readFileSync, statSync } from 'node:fs';
import { Flags } from '@oclif/core';
import type { Reading } from '../src/fleet/question.js';
import { nearest } from '../src/litmus/nearest.js';
import { LINE_FORMAT_ID } from '../src/parsers/columns/line-format.js';
import { isStored } from '../src/parsers/input/chunks.js';
import { temporaryFolder } from '../src/parsers/input/temporary-folder.js';
import { TraceError } from '../src/parsers/input/trace-error.js';
import type { PipelineOptions } from '../src/read/pipeline.js';
import { UsageError } from '../src/result/usage-error.js';
import { EXIT } from './exit-codes.js';
import { Interrupted } from './interrupted.js';
import { type KernelFlagValues, knownOf } from './kernel-flags.js';
import { progressLine } from './progress.js';
import { PttraceCommand } from './pttrace-command.js';

/** Flags that say how to read the input; the same on every command that reads a trace. */
export const inputFlags = {
  format: Flags.string({
    description: 'read the input as this format instead of detecting it',
    helpGroup: 'INPUT',
  }),
  'line-format': Flags.string({
    description:
      'read lines by a regular expression with named groups: ts (or tsNs, tsUs, tsMs, tsS) and event; cpu, pid, tid, comm, flags, body; any other group is an argument',
    helpValue: 'REGEX',
    helpGroup: 'INPUT',
    exclusive: ['format'],
  }),
  probes: Flags.string({
    description: "the recording's kprobe_events file: says which argument is which",
    helpValue: 'FILE',
    helpGroup: 'INPUT',
  }),
  vmemmap: Flags.string({
    description: 'vmemmap_base of the recorded kernel (hex); default: inferred from the trace',
    helpGroup: 'INPUT',
  }),
  'direct-map': Flags.string({
    description: 'page_offset_base of the recorded kernel (hex); default: inferred from the trace',
    helpGroup: 'INPUT',
  }),
};

export interface InputFlagValues extends KernelFlagValues {
  readonly format?: string | undefined;
  readonly 'line-format'?: string | undefined;
  readonly probes?: string | undefined;
  readonly vmemmap?: string | undefined;
  readonly 'direct-map'?: string | undefined;
}

/** A command that reads traces: interruption, progress, the copy of stdin that evidence is quoted from. */
export abstract class TraceCommand extends PttraceCommand {
  /** Runs `work` with what every trace command needs; cleans up behind it. */
  protected async reading<T>(
    paths: readonly string[],
    flags: InputFlagValues,
    work: (options: PipelineOptions) => Promise<T>,
  ): Promise<T> {
    if (paths.filter((path) => path === '-').length > 1)
      throw new UsageError('standard input (-) can be read only once');
    if (!this.mayRepeat) refuseRepeated(paths);
    const asked = await readingOf(flags);
    const spool = paths.some((path) => !isStored(path)) ? temporaryFolder('pttrace-') : undefined;
    // A terminal that shows the output while it is made has no room for a line about it.
    const mixed = this.streamsOutput && process.stdout.isTTY === true;
    const progress = progressLine(mixed ? { write: () => {} } : process.stderr);
    let read = 0;
    const interruption = onInterrupt();
    try {
      const result = await work({
        paths,
        stdin: process.stdin,
        spoolDir: spool?.path,
        ...asked,
        signal: interruption.signal,
        onProgress: (p) => {
          read = p.bytes;
          progress.update(p);
        },
      });
      progress.clear();
      if (interruption.signal.aborted) {
        const covers = read > 0 ? `covers the first ${read} bytes of input` : 'covers what was read so far';
        process.stderr.write(`pttrace: interrupted: partial, ${covers}\n`);
      }
      return result;
    } catch (error) {
      // What a torn beginning looks like says nothing about the input.
      if (interruption.signal.aborted && error instanceof TraceError) throw new Interrupted();
      throw error;
    } finally {
      progress.clear();
      interruption.off();
      spool?.release();
      // An open stdin would keep the process alive.
      if (paths.includes('-')) process.stdin.destroy();
    }
  }

  /** True where the same file may be given twice, as in a comparison of a run with itself. */
  protected get mayRepeat(): boolean {
    return false;
  }

  /** True where output is written while the input is being read. */
  protected get streamsOutput(): boolean {
    return false;
  }
}

/** What the flags say of how to read. Throws UsageError for a format that nobody knows, TraceError for a file beside. */
export async function readingOf(flags: InputFlagValues): Promise<Reading> {
  await checkFormat(flags.format);
  return {
    format: formatOf(flags),
    probesText: flags.probes === undefined ? undefined : readProbes(flags.probes),
    probesPath: flags.probes,
    vmemmap: flags.vmemmap,
    directMap: flags['direct-map'],
    known: knownOf(flags),
  };
}

/** A file given twice would count twice. */
export function refuseRepeated(paths: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const path of paths) {
    if (!isStored(path)) continue;
    const { dev, ino } = statSync(path);
    const known = seen.get(`${dev} ${ino}`);
    if (known === path) throw new UsageError(`${path} is given twice`);
    if (known !== undefined) throw new UsageError(`${path} is the same file as ${known}`);
    seen.set(`${dev} ${ino}`, path);
  }
}

/** The first Ctrl-C asks for the report of what was read, the second ends at once. Exit code 130 either way. */
export function onInterrupt(): { readonly signal: AbortSignal; off(): void } {
  const abort = new AbortController();
  const interrupt = (): void => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    process.exitCode = EXIT.interrupted;
    abort.abort();
  };
  process.on('SIGINT', interrupt);
  return { signal: abort.signal, off: () => process.off('SIGINT', interrupt) };
}

/** Before any input is opened: a name nobody knows is no fault of the input. */
async function checkFormat(format: string | undefined): Promise<void> {
  if (format === undefined) return;
  const { DIALECTS } = await import('../src/parsers/input/detect.js');
  const ids = DIALECTS.map((d) => d.id);
  if (ids.includes(format)) return;
  const near = nearest(format, ids);
  throw new UsageError(
    `there is no format "${format}"${near ? `; did you mean ${near}?` : ''} Known: ${ids.join(', ')}`,
  );
}

/** A line format is a format that carries its pattern with it. */
function formatOf(flags: InputFlagValues): string | undefined {
  const pattern = flags['line-format'];
  return pattern === undefined ? flags.format : `${LINE_FORMAT_ID}:${pattern}`;
}

function readProbes(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TraceError('probes-file', 'cannot be read', { path, cause: error });
  }
}
