import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { explain } from '../../src/explain/explain.js';
import { INVARIANT_WORDS } from '../../src/explain/invariant-words.js';
import { runOrder } from '../../src/litmus/run.js';
import { CATALOGUE } from '../../src/replay/invariants/catalogue.js';
import type { Result } from '../../src/result/types.js';
import { BROKEN, SILENT, textOf } from '../litmus/support/controls.js';
import { one, ownOrders } from '../litmus/support/files.js';
import { ALL_DAMAGES, damageLines, readRecording } from './damage/damage.js';
import { replayFixtures } from './damage/fixtures.js';
import { NOT_BY_DAMAGE } from './support/not-by-damage.js';
import { replayLines } from './support/replay.js';

// The catalogue holds itself to what it says: every rule is kept by some trace and broken by another, is explained,
// and fires when recordings of real kernels are damaged, or there is a reason why only a litmus test can break it.

/** Invariant → names of traces. */
type Traces = Map<string, string[]>;
const passing: Traces = new Map();
const failing: Traces = new Map();
const damagedBy: Traces = new Map();

const add = (traces: Traces, id: string, name: string): void => {
  traces.set(id, [...(traces.get(id) ?? []), name]);
};

function take(name: string, result: Result): string[] {
  const violated: string[] = [];
  for (const i of result.invariants) {
    if (i.instances.violated > 0) violated.push(i.id);
    else if (i.instances.pass > 0 && i.verdict === 'pass') add(passing, i.id, name);
  }
  for (const id of violated) add(failing, id, name);
  return violated;
}

const SEED = 3;

beforeAll(async () => {
  const programs = [
    ...ownOrders(),
    ...[...SILENT, ...BROKEN].map(([, steps, violated]) => one(textOf(steps, violated))),
  ];
  for (const [test, order] of programs) {
    const { violated, passed } = runOrder(test, order);
    for (const id of violated) add(failing, id, `${test.id} ${order.name}`);
    for (const id of passed) add(passing, id, `${test.id} ${order.name}`);
  }
  const fixtures = replayFixtures()
    .sort((a, b) => a.lines.length - b.lines.length)
    .map((f) => ({ ...f, recording: readRecording(f.lines) }));
  for (const { name, lines } of fixtures) take(name, await replayLines(lines));
  for (const kind of Object.keys(ALL_DAMAGES)) {
    // Until it is found in one recording: a place at the edge of one is rightly unknown.
    for (const { name, recording } of fixtures) {
      const damage = damageLines(kind, recording, SEED);
      if (damage === null) continue;
      const violated = take(`${name}, ${kind}`, await replayLines(damage.lines));
      // Only what the damage was made to break: what fires beside it may be of another cause.
      const wanted = [damage.expected, ...damage.alternatives].filter((id) => violated.includes(id));
      for (const id of wanted) add(damagedBy, id, kind);
      if (wanted.includes(damage.expected)) break;
    }
  }
}, 300_000);

describe.each(CATALOGUE.map((info) => [info.id, info] as const))('%s', (id, info) => {
  it('is kept by some trace', () => {
    expect(passing.get(id) ?? []).not.toEqual([]);
  });

  it('is broken by some trace', () => {
    expect(failing.get(id) ?? []).not.toEqual([]);
  });

  it('is broken by damage, or only litmus tests can', () => {
    const byDamage = damagedBy.get(id) ?? [];
    if (id in NOT_BY_DAMAGE) expect(byDamage, 'listed as never broken by damage').toEqual([]);
    else expect(byDamage).not.toEqual([]);
  });

  it('is explained, and printed in docs/invariants.md', () => {
    const words = INVARIANT_WORDS[info.number];
    expect(words?.words.length ?? 0).toBeGreaterThan(20);
    const { title, sections } = explain(id);
    expect(title).toBe(`${id} ${info.name}`);
    expect(sections.map((s) => s.heading)).toEqual(
      expect.arrayContaining([
        'In plain words',
        'The rule',
        'Why',
        'Decided from',
        'Kernel variants',
        'Source',
      ]),
    );
    const doc = readFileSync(new URL('../../docs/invariants.md', import.meta.url), 'utf8');
    expect(doc).toContain(`| ${id} | ${info.name} | ${info.severity} |`);
    const from = doc.search(new RegExp(`^## ${id}\\b`, 'm'));
    expect(from).toBeGreaterThan(-1);
    const rest = doc.slice(from + 3);
    const section = rest.slice(0, rest.search(/^## /m) >>> 0);
    expect(plain(section)).toContain(plain(info.statement));
  });

  it('says what it needs, why, and where the kernel has it', () => {
    expect(info.statement.length).toBeGreaterThan(20);
    expect(info.why.length).toBeGreaterThan(20);
    expect(info.source).toMatch(/\/\w|SDM|APM|trace|§|\(\)/);
    expect(info.idle).not.toBe('');
    expect(info.variants).not.toBe(0);
    for (const need of info.needs) expect(need.probe).not.toBe('');
  });
});

/** Without the marks and breaks of Markdown. */
const plain = (text: string): string => text.replace(/[\\`*|_]/g, '').replace(/\s+/g, ' ');

describe('the catalogue', () => {
  it('is I01 to I56, each once', () => {
    expect(CATALOGUE.map((i) => i.number)).toEqual(Array.from({ length: 56 }, (_, i) => i + 1));
    expect(new Set(CATALOGUE.map((i) => i.name)).size).toBe(56);
  });

  it('every kind of damage expects an id of it, and every exception is one', () => {
    const ids = CATALOGUE.map((i) => i.id);
    for (const id of [...damagedBy.keys(), ...Object.keys(NOT_BY_DAMAGE)]) expect(ids).toContain(id);
    for (const why of Object.values(NOT_BY_DAMAGE)) expect(why.length).toBeGreaterThan(20);
  });
});
