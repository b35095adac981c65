import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MARKER_OPS } from '../../src/kernel/marker.js';
import { parseLitmus } from '../../src/litmus/parse.js';
import { asExpected, runOrder } from '../../src/litmus/run.js';
import { STEPS } from '../../src/litmus/steps.js';
import { LITMUS_RULES } from '../../src/machine/rules.js';

const DOC = readFileSync(new URL('../../docs/litmus.md', import.meta.url), 'utf8');

describe('docs/litmus.md', () => {
  it.each(Object.keys(STEPS))('has the step %s', (step) => {
    expect(DOC).toMatch(new RegExp(`\`${step}[ \`]`));
  });
  it.each(Object.keys(MARKER_OPS))('has the marker %s', (marker) => {
    expect(DOC).toMatch(new RegExp(`\\b${marker}\\b`));
  });
  it.each(LITMUS_RULES.map((r) => r.name))('has the rule %s', (rule) => {
    expect(DOC).toContain(`\`${rule}\``);
  });
  it('its example works', () => {
    const example = /```\n(litmus mine[\s\S]*?)```/.exec(DOC)![1]!;
    const test = parseLitmus(example);
    expect(test.orders).toHaveLength(2);
    for (const order of test.orders) expect(asExpected(order, runOrder(test, order))).toBe(true);
  });
});
