import { describe, expect, test } from 'vitest';
import { EXPLORE_DEFAULTS, explore } from '../../src/explore/explore.js';
import { DEFAULTS, machineOf, type Scenario } from '../../src/machine/scenario.js';

/** Steps of the first way to an unsafe state, each with the texts of those that it answers. */
function first(scenario: Partial<Scenario>): { text: string; answers: string[] }[] {
  const { exploration } = explore(machineOf({ ...DEFAULTS, ...scenario }), EXPLORE_DEFAULTS);
  const { steps } = exploration.counterexamples[0]!;
  return steps.map(({ text, causes }) => ({ text, answers: causes.map((i) => steps[i]!.text) }));
}
const named = (steps: ReturnType<typeof first>, text: RegExp) => steps.find((s) => text.test(s.text))!;

describe('what a step answers', () => {
  const steps = first({
    variant: 'C',
    program: 'madvise-dontneed',
    readers: ['pte-offset-map', 'gup-fast'],
    broken: ['callbacks-before-gp'],
  });

  test('an interrupt the step that sent it, the return of the flush all that were interrupted', () => {
    const sends = 'flushes A (tables freed): sends the interrupts';
    const handler = 'answers CPU 0: its caches are empty';
    expect(steps.filter((s) => s.text === handler).map((s) => s.answers)).toEqual([[sends], [sends]]);
    expect(named(steps, /the flush returns/).answers).toEqual([handler, handler]);
  });

  test('a callback that waits for no grace period answers call_rcu()', () => {
    expect(named(steps, /the callback of T0 runs/).answers).toEqual(['call_rcu() for T0']);
  });

  test('with one: call_rcu(), its beginning, its end, the callback', () => {
    const whole = first({
      variant: 'D',
      program: 'exit_mmap',
      readers: ['lazy'],
      broken: ['lazy-skips-freed-tables'],
    });
    expect(named(whole, /callback .*runs/).answers).toEqual([named(whole, /grace period ends/).text]);
    expect(named(whole, /grace period ends/).answers).toEqual([
      named(whole, /grace period (?:begins|starts)/).text,
    ]);
    expect(named(whole, /grace period (?:begins|starts)/).answers[0]).toMatch(/^call_rcu\(\) for /);
  });

  test('nothing answers itself, or what comes after it', () => {
    const { exploration } = explore(
      machineOf({ ...DEFAULTS, variant: 'A1', readers: ['hardware'], broken: ['no-wait'] }),
      EXPLORE_DEFAULTS,
    );
    for (const c of exploration.counterexamples)
      c.steps.forEach((s, i) => {
        for (const cause of s.causes) expect(cause).toBeLessThan(i);
      });
  });
});
