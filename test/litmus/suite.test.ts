import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLitmus } from '../../src/litmus/parse.js';
import { asExpected, runOrder } from '../../src/litmus/run.js';
import { runBoth } from '../../src/litmus/suite.js';
import { ownOrders, ownTests } from './support/files.js';

describe('the litmus tests that come with the tool', () => {
  it('are the 50 pairs of the specification, each with a bug and a silent fix', () => {
    const tests = ownTests();
    expect(tests.map((t) => t.id)).toEqual(
      [...Array.from({ length: 43 }, (_, i) => i + 1), 45, 46, 47, 48, 50, 52, 54].map(
        (n) => `L${String(n).padStart(2, '0')}`,
      ),
    );
    for (const test of tests) {
      const [bug, fix] = test.orders;
      expect(bug!.violates.length, test.id).toBeGreaterThan(0);
      expect(fix!.violates, test.id).toEqual([]);
    }
  });

  it.each(ownOrders().map(([t, o]) => [`${t.id} ${o.name}`, t, o] as const))(
    '%s: as expected, as operations and as an ftrace log',
    async (_, test, order) => {
      const outcome = await runBoth(test, order);
      expect(outcome.findings.map((f) => f.id)).toEqual(outcome.litmus);
      expect(outcome.ftrace).toEqual(outcome.litmus);
      expect(outcome.ok, JSON.stringify(outcome)).toBe(true);
    },
  );

  it('a broken rule alone makes the difference where both orders are the same', () => {
    const same = ownTests().filter((t) => t.orders[0]!.broken.length > 0);
    expect(same.map((t) => t.id)).toEqual(['L18', 'L19', 'L20', 'L21', 'L25', 'L50']);
    for (const test of same) {
      const [bug] = test.orders;
      expect(runOrder(test, { ...bug!, broken: [] }).violated, test.id).toEqual([]);
    }
  });
});

const SUITE = new URL('../../../shared/reference/litmus-suite.json', import.meta.url);

describe.skipIf(!existsSync(SUITE))('the suite of the reference (skipped where ../shared is absent)', () => {
  it('gives 76 of 76 as written there, step for step', () => {
    const suite = JSON.parse(readFileSync(SUITE, 'utf8')) as Record<string, string | string[]>[];
    let right = 0;
    for (const t of suite) {
      const block = (steps: string | string[] | undefined): string => (steps as string[]).join('\n');
      const test = parseLitmus(
        `litmus ${t.id} ${t.title}\nsetup:\n${block(t.setup)}\nbug: violates ${t.inv}\n${block(t.bug)}\nfix: silent\n${block(t.fix)}\n`,
      );
      for (const order of test.orders) if (asExpected(order, runOrder(test, order))) right++;
    }
    expect(right).toBe(76);
  });
});
