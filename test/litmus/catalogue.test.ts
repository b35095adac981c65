import { describe, expect, it } from 'vitest';
import { programOf } from '../../src/litmus/program.js';
import { runOrder } from '../../src/litmus/run.js';
import { toFtrace } from '../../src/litmus/to-ftrace.js';
import { NAMED_READER } from '../../src/replay/coverage.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';
import { ipiNotRcu } from '../../src/replay/rules/ipi-not-rcu.js';
import { mightSleep } from '../../src/replay/rules/might-sleep.js';
import { pgdNeverViaGather } from '../../src/replay/rules/pgd-never-via-gather.js';
import { partOf } from '../support/part.js';
import { BROKEN, SILENT, textOf } from './support/controls.js';
import { one, ownOrders } from './support/files.js';
import { verdictOf } from './support/verdict.js';

/** Rules that recordings rarely show: trace markers in a log, steps in a litmus test (docs/litmus.md), or no grace period. */
const FROM_FACTS = CATALOGUE.filter(
  (rule) =>
    rule.needs.some((need) => need.probe.startsWith('`pttrace:') && need.op !== NAMED_READER) ||
    [ipiNotRcu, pgdNeverViaGather, mightSleep].includes(rule),
).map((rule) => rule.id);

const everything = [
  ...ownOrders(),
  ...[...SILENT, ...BROKEN].map(([, steps, violated]) => one(textOf(steps, violated))),
];

describe('rules decided from facts', () => {
  const violated = new Set<string>();
  const passed = new Set<string>();
  for (const [test, order] of everything) {
    const verdict = runOrder(test, order);
    for (const id of verdict.violated) violated.add(id);
    for (const id of verdict.passed) passed.add(id);
  }
  it.each(FROM_FACTS)('%s is broken by some program', (id) => {
    expect([...violated]).toContain(id);
  });
  it.each(FROM_FACTS)('%s is kept by some program that could break it', (id) => {
    expect([...passed]).toContain(id);
  });
});

describe('lost events', () => {
  const bugs = ownOrders().filter(([, o]) => o.violates.length > 0);
  it.each(bugs.map(([t, o]) => [t.id, t, o] as const))(
    '%s: wherever events are lost, the violation stays or becomes unknown',
    async (_, test, order) => {
      const program = programOf(test, order);
      const cpus = [...new Set(program.ops.map((op) => op.cpu))];
      const lines = toFtrace(program).split('\n');
      const first = lines.findIndex((l) => !l.startsWith('#'));
      for (let at = first + 1; at < lines.length - 1; at += partOf(5, 11)) {
        for (const cpu of cpus) {
          const log = [...lines.slice(0, at), `CPU:${cpu} [LOST 7 EVENTS]`, ...lines.slice(at)].join('\n');
          const verdicts = await verdictOf(log, order.variants);
          for (const id of order.violates) {
            expect(['violated', 'unknown'], `${id}, CPU ${cpu}, line ${at}`).toContain(verdicts.get(id));
          }
        }
      }
    },
  );
});
