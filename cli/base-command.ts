import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Flags } from '@oclif/core';
import { TraceError } from '../src/parsers/trace-error.js';
import type { PipelineOptions } from '../src/pipeline.js';
import { EXIT } from './exit-codes.js';
import { progressLine } from './progress.js';

/** Flags that say how to read the input; the same on every command that reads a trace. */
export const inputFlags = {
  format: Flags.string({
    description: 'read the input as this format instead of detecting it',
    helpGroup: 'INPUT',
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

interface InputFlagValues {
  readonly format?: string | undefined;
  readonly probes?: string | undefined;
  readonly vmemmap?: string | undefined;
  readonly 'direct-map'?: string | undefined;
}

/** A command that reads traces: interruption, progress, the copy of stdin that evidence is quoted from. */
export abstract class TraceCommand extends Command {
  /** Runs `work` with what every trace command needs; cleans up behind it. */
  protected async reading<T>(
    paths: readonly string[],
    flags: InputFlagValues,
    work: (options: PipelineOptions) => Promise<T>,
  ): Promise<T> {
    const abort = new AbortController();
    const interrupt = (): void => {
      if (abort.signal.aborted) process.exit(EXIT.interrupted);
      abort.abort();
      process.exitCode = EXIT.interrupted;
    };
    process.on('SIGINT', interrupt);
    const spoolDir = paths.includes('-') ? mkdtempSync(join(tmpdir(), 'pttrace-')) : undefined;
    const progress = progressLine(process.stderr);
    try {
      return await work({
        paths,
        stdin: process.stdin,
        spoolDir,
        format: flags.format,
        probesText: flags.probes === undefined ? undefined : readProbes(flags.probes),
        probesPath: flags.probes,
        vmemmap: flags.vmemmap,
        directMap: flags['direct-map'],
        signal: abort.signal,
        onProgress: progress.update,
      });
    } finally {
      progress.clear();
      process.off('SIGINT', interrupt);
      if (spoolDir !== undefined) rmSync(spoolDir, { recursive: true, force: true });
      // An open stdin would keep the process alive.
      if (paths.includes('-')) process.stdin.destroy();
    }
  }
}

function readProbes(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TraceError('probes-file', 'cannot be read', { path, cause: error });
  }
}
