import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asExpected, runOrder } from '../../src/litmus/run.js';
import { runBoth } from '../../src/litmus/suite.js';
import { partOf } from '../support/part.js';
import { disguise } from './support/disguise.js';
import { ownOrders } from './support/files.js';

const orders = ownOrders();
const drawn = fc.tuple(fc.nat({ max: orders.length - 1 }), fc.integer({ min: 0, max: 2 ** 31 }));

describe('disguised litmus tests', () => {
  it('every order keeps its verdict in every disguise', () => {
    const wrong: string[] = [];
    for (const [test, order] of orders) {
      for (let seed = 0; seed < partOf(40, 4); seed++) {
        const [t, o] = disguise(test, order, seed * 7919 + 13);
        const verdict = runOrder(t, o);
        if (!asExpected(o, verdict)) wrong.push(`${test.id} ${order.name} seed ${seed}: ${verdict.violated}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('any order in any disguise keeps its verdict', () => {
    fc.assert(
      fc.property(drawn, ([i, seed]) => {
        const [test, order] = orders[i]!;
        const [t, o] = disguise(test, order, seed);
        return asExpected(o, runOrder(t, o));
      }),
      { numRuns: partOf(3000, 300) },
    );
  });

  it('and as an ftrace log through the whole replay', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async ([i, seed]) => {
        const [test, order] = orders[i]!;
        const [t, o] = disguise(test, order, seed);
        const outcome = await runBoth(t, o);
        expect(outcome.ftrace).toEqual(outcome.litmus);
        return outcome.ok;
      }),
      { numRuns: partOf(300, 60) },
    );
  });
});
