import { describe, expect, test } from 'vitest';
import { EXPLORE_DEFAULTS, type Exploration, explore } from '../../src/explore/explore.js';
import { exploreScenario, ftraceOf, litmusOf } from '../../src/explore/report.js';
import { RULE_SCENARIOS } from '../../src/explore/rule-scenarios.js';
import { type Reached, search } from '../../src/explore/search.js';
import { parseLitmus } from '../../src/litmus/parse.js';
import { asExpected, runOrder } from '../../src/litmus/run.js';
import { violatedIn } from '../../src/litmus/suite.js';
import { compile } from '../../src/machine/compile.js';
import { MMU_RULES } from '../../src/machine/rules.js';
import { DEFAULTS, machineOf, type Scenario } from '../../src/machine/scenario.js';
import { inTurn } from '../replay/support/in-turn.js';

const of = (scenario: Partial<Scenario>, options: Partial<typeof EXPLORE_DEFAULTS> = {}): Exploration =>
  explore(machineOf({ ...DEFAULTS, ...scenario }), { ...EXPLORE_DEFAULTS, ...options }).exploration;

/** Final states, stuck ones and kinds of unsafe ones, in one order. */
function ends(reached: Reached): string[] {
  const { arena, words, finals, stuck, unsafe } = reached;
  const told = (state: number): string => arena.subarray(state * words, (state + 1) * words).join(' ');
  return [
    ...finals.map((state) => `final ${told(state)}`),
    ...stuck.map((state) => `stuck ${told(state)}`),
    ...unsafe.map(({ bad }) => `unsafe ${bad}`),
  ].sort();
}

const RECLAIM = { program: 'madvise-dontneed' } as const;

describe('the argument of the series', () => {
  test('one table freed after an IPI is not safe for a walker that holds rcu_read_lock() only', () => {
    const e = of({ ...RECLAIM, variant: 'A2', readers: ['pte-offset-map'], memory: 'no' });
    expect(e.verdict).toBe('unsafe');
    expect(e.counterexamples[0]!.text).toBe('pte_offset_map() reads T0, which was freed directly');
  });
  test('for GUP-fast it is, and for the same walker beside munmap', () => {
    expect(of({ ...RECLAIM, variant: 'A2', readers: ['gup-fast', 'hardware'], memory: 'no' }).verdict).toBe(
      'safe',
    );
    expect(of({ variant: 'A2', readers: ['pte-offset-map'], memory: 'no' }).verdict).toBe('safe');
  });
  test.each(['B', 'C', 'D', 'E', 'En', 'F'])('%s is safe for all readers', (variant) => {
    for (const program of ['munmap', 'madvise-dontneed']) {
      const e = of({ program, variant, readers: ['gup-fast', 'pte-offset-map'], walkers: 'all' });
      expect([program, e.verdict]).toEqual([program, 'safe']);
    }
  });
  test('Fn skips the wait where the flush sent interrupts: right for munmap, and for the reclaim that it has not', () => {
    const at = (program: string): string =>
      of({ program, variant: 'Fn', readers: ['pte-offset-map'] }).verdict;
    expect([at('munmap'), at('madvise-dontneed')]).toEqual(['safe', 'unsafe']);
  });
  test('without the IPI it rests on RCU taking interrupts off for a reader only where the flush sends none', () => {
    const broken = ['gp-ignores-irqs-off'];
    const at = (flush: Scenario['flush']): string =>
      of({ ...RECLAIM, variant: 'D', readers: ['gup-fast'], flush, broken }).verdict;
    expect([at('ipi'), at('hypercall'), at('invlpgb')]).toEqual(['safe', 'unsafe', 'unsafe']);
  });
});

describe('each rule', () => {
  test('of the machine has a scenario', () => {
    const have = new Set(RULE_SCENARIOS.map((r) => r.rule));
    expect(MMU_RULES.filter((r) => !have.has(r.name)).map((r) => r.name)).toEqual([]);
  });
  test.each(RULE_SCENARIOS.map((r) => [r.rule, r.scenario] as const))('%s is needed', (rule, scenario) => {
    expect(of(scenario).verdict).toBe('safe');
    expect(of({ ...scenario, broken: [rule] }).verdict).toBe('unsafe');
  });
  test('that nothing follows is refused, as is one that does not exist', () => {
    expect(() => machineOf({ ...DEFAULTS, broken: ['no-tlbsync'] })).toThrow(
      'nothing in this program follows',
    );
    expect(() => machineOf({ ...DEFAULTS, broken: ['nope'] })).toThrow('there is no rule nope');
  });
});

describe('the search', () => {
  const scenarios = RULE_SCENARIOS.flatMap((r) => [r.scenario, { ...r.scenario, broken: [r.rule] }]);
  // Three does not divide pairs: whole rules and broken ones by turns.
  const some = (first: number) => inTurn(scenarios, 3, first);
  test('gives the same verdict and the same number of interleavings with and without symmetry', () => {
    let smaller = 0;
    for (const scenario of some(0)) {
      const [all, one] = [of(scenario, { symmetry: false }), of(scenario)];
      expect([scenario.program, one.verdict, one.interleavings]).toEqual([
        scenario.program,
        all.verdict,
        all.interleavings,
      ]);
      expect(one.counterexamples[0]?.steps.length).toBe(all.counterexamples[0]?.steps.length);
      if (one.states < all.states) smaller++;
    }
    expect(smaller).toBeGreaterThan(some(0).length / 4);
  });
  test('reaches the same final states and kinds of unsafe states without the orders that commute', () => {
    let fewer = 0;
    for (const scenario of some(1)) {
      const compiled = compile(machineOf(scenario));
      for (const symmetry of [true, false]) {
        const options = { maxStates: 1e6, maxBytes: 2 ** 28, edges: false, symmetry };
        const [all, few] = [false, true].map((reduce) => search(compiled, { ...options, reduce }));
        expect([scenario.program, scenario.broken, ends(few!)]).toEqual([
          scenario.program,
          scenario.broken,
          ends(all!),
        ]);
        if (few!.states * 2 < all!.states) fewer++;
      }
    }
    expect(fewer).toBeGreaterThan(some(1).length / 2);
  });
  test('stops at a bound and says so', () => {
    const e = of({ variant: 'C', ...RECLAIM }, { maxStates: 50 });
    expect([e.verdict, e.ended, e.interleavings]).toEqual(['bounded', 'max-states', null]);
    expect(e.states).toBe(50);
  });
  test.each([
    { variant: 'A1', program: 'collapse', readers: ['hardware'], cpus: 2 },
    { variant: 'A1', readers: ['gup-fast'], cpus: 2 },
    { variant: 'D', readers: ['hardware'], broken: ['batch-without-flush'] },
  ])('counts as many interleavings as there are, walked one by one: %o', (scenario) => {
    const compiled = compile(machineOf({ ...DEFAULTS, ...scenario }));
    const count = (state: Int32Array): number => {
      const next: Int32Array[] = [];
      compiled.from.set(state);
      compiled.successors(() => next.push(compiled.to.slice()));
      return next.length === 0 ? 1 : next.reduce((sum, s) => sum + count(s), 0);
    };
    expect(of(scenario).interleavings).toBe(String(count(compiled.initial)));
  });
});

describe('a counterexample', () => {
  test.each(RULE_SCENARIOS.map((r) => [r.rule, r.scenario] as const))(
    'of %s, as a log and as a litmus test, is what replay finds violated',
    async (rule, scenario) => {
      const reported = exploreScenario({ ...scenario, broken: [rule] }, EXPLORE_DEFAULTS);
      const expected = reported.report.invariants[0]!;
      // Leaving the mm counts as its invalidation for replay, which is so as long as the CPU catches up on return.
      if (rule === 'switch-in-without-catch-up') expect(expected).toEqual([]);
      else expect(expected.length).toBeGreaterThan(0);
      expect(await violatedIn(ftraceOf(reported.explored), [scenario.variant])).toEqual(expected);
      const litmus = parseLitmus(litmusOf(reported));
      expect(asExpected(litmus.orders[0]!, runOrder(litmus, litmus.orders[0]!))).toBe(true);
    },
  );
});
