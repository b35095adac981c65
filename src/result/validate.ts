import { Ajv2020 } from 'ajv/dist/2020.js';
import { readSchema } from '../schema/read-schema.js';
import type { Result } from './types.js';

/** Whether a value is a result as published; throws TypeError naming the first place that is not. */
export function assertResult(value: unknown): asserts value is Result {
  const check = new Ajv2020({ strict: true, allowUnionTypes: true }).compile<Result>(readSchema('result'));
  if (check(value)) return;
  const first = check.errors?.[0];
  throw new TypeError(`not a pttrace result: ${first?.instancePath || '/'} ${first?.message ?? ''}`);
}
