import { describe, expect, it } from 'vitest';
import { runBoth } from '../../src/litmus/suite.js';
import { BROKEN, SILENT, textOf } from './support/controls.js';
import { one } from './support/files.js';

describe('programs that are right', () => {
  it.each(SILENT)('%s', async (_, steps, violated) => {
    const outcome = await runBoth(...one(textOf(steps, violated)));
    expect(outcome.litmus).toEqual([]);
    expect(outcome.ftrace).toEqual([]);
  });
});

describe('programs that break a rule', () => {
  it.each(BROKEN)('%s', async (_, steps, violated) => {
    const outcome = await runBoth(...one(textOf(steps, violated)));
    expect(outcome.litmus).toEqual(violated);
    expect(outcome.ftrace).toEqual(violated);
  });
});
