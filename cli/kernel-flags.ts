import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Flags } from '@oclif/core';
import { parseRelease } from '../src/kernel/releases.js';
import { TraceError } from '../src/parsers/input/trace-error.js';
import { type KernelInfo, parseKernelInfo } from '../src/record/kernel-info.js';
import { UsageError } from '../src/result/usage-error.js';

/** Flags that say which kernel was recorded; the same on every command that judges by its rules. */
export const kernelFlags = {
  kernel: Flags.string({
    description: 'release of the recorded kernel, e.g. 7.3; default: what the recording says',
    helpValue: 'RELEASE',
    helpGroup: 'INPUT',
  }),
  'kernel-info': Flags.string({
    description:
      'kernel-info file of the recorded machine: its release, its options, and what it has (pttrace record --print kernel-info)',
    helpValue: 'FILE',
    helpGroup: 'INPUT',
  }),
};

export interface KernelFlagValues {
  readonly kernel?: string | undefined;
  readonly 'kernel-info'?: string | undefined;
}

/** As facts of a recording, `kernel Linux 7.3`. Throws UsageError for what is no release, TraceError for no kernel-info file. */
export function knownOf(flags: KernelFlagValues): string[] {
  const facts: string[] = [];
  if (flags.kernel !== undefined) {
    if (!parseRelease(flags.kernel))
      throw new UsageError(`'${flags.kernel}' is no kernel release, e.g. 7.3 or 6.12.117`);
    facts.push(`kernel Linux ${flags.kernel}`);
  }
  if (flags['kernel-info'] === undefined) return facts;
  const info = readKernelInfo(flags['kernel-info']);
  if (flags.kernel === undefined && info.release !== '') facts.push(`kernel Linux ${info.release}`);
  for (const [name, value] of info.config ?? []) facts.push(`config ${name}=${value}`);
  for (const [name, has] of info.features) facts.push(`feature ${name} ${has ? 'yes' : 'no'}`);
  return facts;
}

/** Throws TraceError when it cannot be read, or is none. */
export function readKernelInfo(path: string): KernelInfo {
  let text: string;
  try {
    const bytes = readFileSync(path);
    text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    throw new TraceError('kernel-info', 'cannot be read', { path, cause: error });
  }
  try {
    return parseKernelInfo(text);
  } catch (error) {
    throw new TraceError('kernel-info', (error as Error).message, { path });
  }
}
