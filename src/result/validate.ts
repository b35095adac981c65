import { validatorOf } from '../schema/validator.js';
import type { Result } from './types.js';

const validator = validatorOf<Result>('result', { strict: true, allowUnionTypes: true });

/** Whether a value is a result as published; throws TypeError naming the first place that is not. */
export function assertResult(value: unknown): asserts value is Result {
  const check = validator();
  if (check(value)) return;
  const first = check.errors?.[0];
  throw new TypeError(`not a pttrace result: ${first?.instancePath || '/'} ${first?.message ?? ''}`);
}
