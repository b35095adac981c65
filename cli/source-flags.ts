import { Flags } from '@oclif/core';
import { parseMatch, type SpanSource } from '../src/latency/span-source.js';

const MEASURE = 'MEASURE';
const KINDS = ['syscall', 'func', 'span', 'rcu', 'from'] as const;

/** What is measured; hist and compare take the same flags. */
export const sourceFlags = {
  syscall: Flags.string({
    description: 'a syscall, enter to exit; what is measured where no flag says it: munmap',
    helpGroup: MEASURE,
    exclusive: others('syscall'),
  }),
  func: Flags.string({
    description: 'a function, kprobe to kretprobe',
    helpGroup: MEASURE,
    exclusive: others('func'),
  }),
  span: Flags.string({
    description: 'a function of function_graph, or a column of a table: durations that the lines carry',
    helpGroup: MEASURE,
    exclusive: others('span'),
  }),
  rcu: Flags.string({
    description: 'an RCU callback, call_rcu to its start',
    helpGroup: MEASURE,
    exclusive: others('rcu'),
  }),
  from: Flags.string({
    description: 'an event (event, group:event, sys_enter_x, function, function%return) …',
    helpGroup: MEASURE,
    dependsOn: ['to'],
  }),
  to: Flags.string({ description: '… to another', helpGroup: MEASURE, dependsOn: ['from'] }),
  match: Flags.string({
    description: 'how they belong together: tid, cpu, none, arg:NAME, arg:A=B; default tid',
    helpGroup: MEASURE,
    dependsOn: ['from'],
  }),
};

function others(kind: string): string[] {
  return KINDS.filter((k) => k !== kind);
}

interface SourceFlagValues {
  readonly syscall?: string | undefined;
  readonly func?: string | undefined;
  readonly span?: string | undefined;
  readonly rcu?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly match?: string | undefined;
}

/** Undefined when no flag says it. */
export function sourceOf(flags: SourceFlagValues): SpanSource | undefined {
  if (flags.syscall !== undefined) return { kind: 'syscall', name: flags.syscall.replace(/^sys_/, '') };
  if (flags.func !== undefined) return { kind: 'func', name: flags.func };
  if (flags.span !== undefined) return { kind: 'span', name: flags.span };
  if (flags.rcu !== undefined) return { kind: 'rcu', name: flags.rcu };
  if (flags.from === undefined || flags.to === undefined) return undefined;
  return { kind: 'events', from: flags.from, to: flags.to, match: parseMatch(flags.match ?? 'tid') };
}
