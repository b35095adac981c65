import type { Policy } from './types.js';

/**
 * What holds for every recording of a correct kernel, whatever was probed: no violation, no line that could not be
 * used, no loss that would hide one. What a recording cannot decide is printed and passes.
 */
export const DEFAULT_POLICY: Policy = {
  version: 1,
  invariants: { mayBeUnknown: 'all' },
  loss: { maxFraction: 0.01 },
  lines: { maxSkipped: 0 },
};
