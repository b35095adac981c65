import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/litmus/nearest.js';
import { STEPS } from '../../src/litmus/steps.js';

describe('the nearest word', () => {
  it('names the nearest word, and none that is far', () => {
    expect(nearest('unlik', Object.keys(STEPS))).toBe('unlink');
    expect(nearest('zzzzzzzz', Object.keys(STEPS))).toBeNull();
  });
});
