import { describe, expect, it } from 'vitest';
import { validatorOf } from '../../src/schema/validator.js';

describe('a validator', () => {
  it('is made once, when it is first asked for', () => {
    let adapted = 0;
    const validator = validatorOf<unknown>('baseline', {}, (schema) => {
      adapted++;
      return schema;
    });
    expect(adapted).toBe(0);
    expect(validator()).toBe(validator());
    expect(adapted).toBe(1);
    expect(validator()({})).toBe(false);
    expect(validator().errors![0]!.message).toContain('must have required property');
  });

  it('of a schema as it is meant here', () => {
    const validator = validatorOf<unknown>('baseline', {}, () => ({ type: 'number' }));
    expect([validator()(1), validator()('1')]).toEqual([true, false]);
  });
});
