import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compile } from '../../src/machine/compile.js';
import { Emitter } from '../../src/machine/emitter.js';
import { Run, Steps } from '../../src/machine/run.js';
import { DEFAULTS, machineOf, type Scenario } from '../../src/machine/scenario.js';

const SCENARIOS: readonly Scenario[] = [
  DEFAULTS,
  { ...DEFAULTS, variant: 'B', readers: ['gup-fast', 'pte-offset-map-lock', 'lazy'], cpus: 4, tables: 2 },
  { ...DEFAULTS, variant: 'A1', pages: true, preempt: true, expedited: true },
  { ...DEFAULTS, program: 'madvise-dontneed', variant: 'En' },
];

test('an execution followed in place takes the steps that the search finds, to the same states', () => {
  const machines = SCENARIOS.map((s) => {
    const machine = machineOf(s);
    return { compiled: compile(machine), steps: new Steps(machine) };
  });
  fc.assert(
    fc.property(fc.nat(SCENARIOS.length - 1), fc.array(fc.nat(), { maxLength: 80 }), (which, choices) => {
      const { compiled, steps } = machines[which]!;
      const run = new Run(steps);
      for (const choice of choices) {
        const next: { command: number; state: Int32Array }[] = [];
        compiled.from.set(run.state);
        compiled.successors((command) => next.push({ command, state: compiled.to.slice() }));
        if (next.length === 0) return;
        const enabled = [...steps.actors.keys()].flatMap((actor) => run.enabled(actor));
        expect(enabled.sort((a, b) => a - b)).toEqual(next.map((n) => n.command).sort((a, b) => a - b));
        const { command, state } = next[choice % next.length]!;
        run.take(command);
        expect(run.state).toEqual(state);
      }
    }),
    { numRuns: 150 },
  );
});

test('a step whose guard does not hold is refused, and changes nothing', () => {
  const run = new Run(new Steps(machineOf(DEFAULTS)));
  const all = run.steps.machine.commands.map((_, i) => i);
  const enabled = new Set([...run.steps.actors.keys()].flatMap((actor) => run.enabled(actor)));
  const not = all.filter((i) => !enabled.has(i));
  expect(not.length).toBeGreaterThan(20);
  for (const i of not) expect(() => run.take(i)).toThrow('the machine does not allow');
  expect(run.state).toEqual(run.steps.initial);
});

test('what a step shows is told of the state before it', () => {
  const run = new Run(new Steps(machineOf(DEFAULTS)));
  const e = new Emitter();
  const [first] = run.enabled('thread 0');
  run.take(first!, e);
  expect(e.ops.length).toBeGreaterThan(0);
  run.reset();
  expect(run.enabled('thread 0')).toEqual([first]);
  expect(run.read('no such variable')).toBe(0);
});
