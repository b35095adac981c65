import { Flags } from '@oclif/core';
import { UsageError } from '../src/result/usage-error.js';

export const hostFlag = {
  'host-of': Flags.string({
    description:
      'regular expression that finds the name of the host in a path (its group `host`, or its first); default: what the recording says',
    helpValue: 'REGEX',
    helpGroup: 'INPUT',
  }),
};

/** Throws UsageError for what is no regular expression with a group. */
export function checkHostOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  let groups: number;
  try {
    groups = new RegExp(`${text}|`).exec('')!.length - 1;
  } catch (error) {
    throw new UsageError(`--host-of: ${(error as Error).message}`);
  }
  if (groups === 0) throw new UsageError('--host-of wants a group around the name, e.g. runs/([^/]+)/');
  return text;
}
