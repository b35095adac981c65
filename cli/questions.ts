import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import type { InfoQuestion, ReplayQuestion, ValidateQuestion } from '../src/fleet/question.js';
import { readBaseline } from '../src/gate/baseline.js';
import { loadPolicy } from '../src/gate/policy-file.js';
import { type InputFlagValues, readingOf } from './base-command.js';
import { filterOf, listOf } from './filter-flags.js';
import { checkHostOf } from './host-flag.js';

/** What a replay is asked. */
export const replayQuestionFlags = {
  variant: Flags.string({
    description: 'kernel variants it can be, e.g. C or A1,A2; default: what the trace allows',
  }),
  require: Flags.string({
    description: 'invariants that must be decided, e.g. I01,I09: unknown is then a finding',
    exclusive: ['what-if'],
  }),
  strict: Flags.boolean({ description: 'a skipped line is a finding', exclusive: ['what-if'] }),
  syscall: Flags.string({ description: 'measure the spans of this syscall', default: 'munmap' }),
  by: Flags.string({
    description: 'one histogram per task name',
    options: ['comm'],
    exclusive: ['what-if'],
  }),
  'max-findings': Flags.integer({ description: 'findings listed per invariant', default: 10, min: 1 }),
};

/** Of these, and how it reads. */
export interface ReplayQuestionFlags extends InputFlagValues, Readonly<Parameters<typeof filterOf>[0]> {
  readonly 'host-of'?: string | undefined;
  readonly strict: boolean;
  readonly require?: string | undefined;
  readonly variant?: string | undefined;
  readonly syscall: string;
  readonly by?: string | undefined;
  readonly 'max-findings': number;
}

export async function replayQuestion(flags: ReplayQuestionFlags): Promise<ReplayQuestion> {
  return {
    command: 'replay',
    reading: await readingOf(flags),
    hostOf: checkHostOf(flags['host-of']),
    strict: flags.strict,
    require: listOf(flags.require),
    variants: listOf(flags.variant),
    syscall: flags.syscall,
    groupBy: flags.by === 'comm' ? 'comm' : 'all',
    filter: filterOf(flags),
    maxFindings: flags['max-findings'],
  };
}

/** With the policy, and the baseline it names, as they are now. */
export async function validateQuestion(
  flags: InputFlagValues & { readonly policy?: string | undefined; readonly 'host-of'?: string | undefined },
): Promise<ValidateQuestion> {
  const policy = loadPolicy(flags.policy ?? null);
  const { baseline } = policy.policy;
  return {
    command: 'validate',
    reading: await readingOf(flags),
    hostOf: checkHostOf(flags['host-of']),
    // Where its files lie is of no use elsewhere.
    policy: { ...policy, baselineDir: '' },
    baseline: baseline ? readBaseline(resolve(policy.baselineDir, baseline.file)) : null,
  };
}

export async function infoQuestion(flags: InputFlagValues): Promise<InfoQuestion> {
  return { command: 'info', reading: await readingOf(flags) };
}
