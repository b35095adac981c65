import { Flags } from '@oclif/core';
import { UsageError } from '../src/result/usage-error.js';
import type { FilterSpec } from '../src/timeline/filter.js';

const HELP = 'FILTER';

export const filterFlags = {
  since: Flags.string({
    description: 'from this stamp on (seconds, as printed in the trace)',
    helpGroup: HELP,
  }),
  until: Flags.string({ description: 'up to this stamp (seconds)', helpGroup: HELP }),
  cpu: Flags.string({ description: 'CPUs, e.g. 0,2-3', helpGroup: HELP }),
  pid: Flags.string({ description: 'thread ids, e.g. 901,902', helpGroup: HELP }),
  comm: Flags.string({ description: 'task names, e.g. stress-ng-mmap', helpGroup: HELP }),
  mm: Flags.string({ description: 'mm_struct addresses (hex)', helpGroup: HELP }),
};

interface FilterFlagValues {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly cpu?: string | undefined;
  readonly pid?: string | undefined;
  readonly comm?: string | undefined;
  readonly mm?: string | undefined;
}

/** Throws UsageError naming the flag whose value is malformed. */
export function filterOf(flags: FilterFlagValues): FilterSpec {
  const sinceNs = flags.since === undefined ? undefined : secondsToNs(flags.since, '--since');
  const untilNs = flags.until === undefined ? undefined : secondsToNs(flags.until, '--until');
  if (sinceNs !== undefined && untilNs !== undefined && BigInt(sinceNs) > BigInt(untilNs))
    throw new UsageError(`--since ${flags.since} is after --until ${flags.until}: nothing would be left`);
  return {
    sinceNs,
    untilNs,
    cpus: numbersOf(flags.cpu, '--cpu'),
    pids: numbersOf(flags.pid, '--pid'),
    comms: listOf(flags.comm),
    mms: listOf(flags.mm),
  };
}

export function listOf(text: string | undefined): string[] | undefined {
  const list = text?.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
  return list?.length ? list : undefined;
}

/** `12.345678` → `12345678000`, exact. */
export function secondsToNs(text: string, flag: string): string {
  const m = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text.trim());
  if (!m)
    throw new UsageError(`${flag} wants seconds as the trace prints them, e.g. 51.114697, not "${text}"`);
  return (BigInt(m[1]!) * 1_000_000_000n + BigInt((m[2] ?? '').padEnd(9, '0'))).toString();
}

function numbersOf(text: string | undefined, flag: string): number[] | undefined {
  const parts = listOf(text);
  return parts?.flatMap((part) => {
    const m = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!m) throw new UsageError(`${flag} wants numbers or ranges, e.g. 0,2-3, not "${part}"`);
    const low = Number(m[1]);
    const high = m[2] === undefined ? low : Number(m[2]);
    if (high < low || high - low > 65535) throw new UsageError(`${flag}: "${part}" is no range`);
    return Array.from({ length: high - low + 1 }, (_, i) => low + i);
  });
}
