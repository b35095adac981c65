import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

// Where a table of kinds stands before a switch over them, a case that the table does not name would never be reached.

const SRC = join(import.meta.dirname, '../../src/replay');

it.each([
  ['steps/walks.ts', 'WALK_KINDS'],
  ['steps/mech.ts', 'OBSERVED_KINDS'],
  ['walks/promises.ts', 'PROMISE_KINDS'],
  ['walks/collapse.ts', 'COLLAPSE_KINDS'],
  ['walks/returns.ts', 'RETURN_KINDS'],
  ['walks/switches.ts', 'SWITCH_KINDS'],
])('%s: %s names every case of its switch, and nothing else', (file, table) => {
  const text = readFileSync(join(SRC, file), 'utf8');
  const named = [
    ...new RegExp(`const ${table} = kindSet\\(([^)]*)\\)`).exec(text)![1]!.matchAll(/OP\.(\w+)/g),
  ];
  const gate = text.indexOf(`if (${table}[op.kind] === 0) return;`);
  expect(gate).toBeGreaterThan(0);
  // To the brace in the column of the switch.
  const [whole, indent] = /\n( *)switch \(op\.kind\) \{[\s\S]*?\n\1\}/.exec(text.slice(gate))!;
  const cases = [...whole.matchAll(new RegExp(`^ {${indent!.length + 2}}case OP\\.(\\w+)`, 'gm'))];
  expect(cases.length).toBeGreaterThan(5);
  expect(new Set(named.map((m) => m[1]))).toEqual(new Set(cases.map((m) => m[1])));
});
