import { describe, expect, test } from 'vitest';
import { EXPLORE_DEFAULTS, type Exploration, explore } from '../../src/explore/explore.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { DEFAULTS, machineOf, type Scenario } from '../../src/machine/scenario.js';

const of = (scenario: Partial<Scenario>): Exploration =>
  explore(
    machineOf({ ...DEFAULTS, program: 'munmap-full', tables: 2, cpus: 3, ...scenario }),
    EXPLORE_DEFAULTS,
  ).exploration;

describe('a batch that fills up on the way', () => {
  test.each(VARIANTS.map((v) => v.id))('is safe on %s', (variant) => {
    const full = of({ variant, readers: ['gup-fast', 'hardware'] });
    expect([full.verdict, full.ended]).toEqual(['safe', 'complete']);
    const munmap = of({ variant, readers: ['gup-fast', 'hardware'], program: 'munmap' });
    expect(full.states).toBeGreaterThan(munmap.states);
  });

  test('and unsafe where it is handed over with its flush left out', () => {
    expect(of({ variant: 'C', readers: ['hardware'], broken: ['batch-without-flush'] }).verdict).toBe(
      'unsafe',
    );
  });

  test('the callback of one batch frees no table of another', () => {
    // A walk that begins after the first grace period has begun: no interrupt waits for it, only the second one does.
    const e = of({ variant: 'E', readers: ['gup-fast'], flush: 'hypercall', cpus: 2 });
    expect(e.verdict).toBe('safe');
  });

  test('a head that is queued twice is one of a batch too', () => {
    const e = of({ variant: 'C', readers: ['hardware'], memory: 'yes', broken: ['queue-twice'] });
    expect(e.counterexamples[0]!.text).toBe('call_rcu() on the head of the batch, which is queued already');
  });
});
