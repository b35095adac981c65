import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXPLORE_DEFAULTS } from '../../src/explore/explore.js';
import { LITMUS_PROGRAMS } from '../../src/explore/litmus-scenarios.js';
import { exploreScenario } from '../../src/explore/report.js';
import { RULE_SCENARIOS } from '../../src/explore/rule-scenarios.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';
import { ROOT } from '../support/built.js';

const page = readFileSync(join(ROOT, 'docs/catalogue.md'), 'utf8');
const tableOf = (heading: string): string[][] =>
  page
    .slice(page.indexOf(heading))
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.slice(2, -2).split(' | '));

// The page comes from hours of executions (scripts/referee.mjs): what it says is held to what can be seen at once.
describe('docs/catalogue.md', () => {
  test('has every S1 invariant, with a program or a reason', () => {
    const rows = tableOf('## Needed');
    expect(rows.map(([id]) => id)).toEqual(CATALOGUE.filter((r) => r.severity === 'S1').map((r) => r.id));
    for (const [, , program] of rows) expect(program!.length).toBeGreaterThan(10);
  });

  test('has more than a million executions, none judged wrongly', () => {
    const rows = [...tableOf('## Complete'), ...tableOf('## Silent')].filter(
      (r) => r.length === 6 && r[1] !== '---',
    );
    const executions = rows.map((r) => Number.parseInt(r[1]!, 10)).filter((n) => n > 0);
    expect(executions.reduce((a, b) => a + b, 0)).toBeGreaterThan(1_000_000);
    for (const row of rows) if (/^\d+$/.test(row[5]!)) expect([row[0], row[5]]).toEqual([row[0], '0']);
    for (const row of tableOf('## Silent')) {
      const reclaim = /^I06 \d+$/.test(row[4]!) && row[0]!.startsWith('madvise');
      expect([row[0], row[4] === 'silent' || reclaim]).toEqual([row[0], true]);
    }
  });

  test('has every rule that the machine can break', () => {
    const titles = tableOf('## Complete').map(([title]) => title!);
    for (const { rule } of RULE_SCENARIOS) {
      if (rule === 'switch-in-without-catch-up') continue;
      expect([rule, titles.some((t) => t.endsWith(`without ${rule}`))]).toEqual([rule, true]);
    }
  });
});

test('what the shortest ways violate is in the table', () => {
  const rows = tableOf('## Complete');
  for (const { bug, rule } of LITMUS_PROGRAMS.slice(0, 31)) {
    if (rule === null) continue;
    const { exploration, invariants } = exploreScenario(bug, EXPLORE_DEFAULTS).report;
    const row = rows.find(([title]) => title === exploration.title);
    // Random executions need not take the shortest way.
    if (row?.[1]?.endsWith('(all)') !== true) continue;
    for (const id of invariants[0]!)
      expect([exploration.title, row[4]]).toEqual([exploration.title, expect.stringContaining(id)]);
  }
});
