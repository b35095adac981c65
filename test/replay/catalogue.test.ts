import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { explain } from '../../src/explain/explain.js';
import { runOrder } from '../../src/litmus/run.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';
import type { Result } from '../../src/result/types.js';
import { BROKEN, SILENT, textOf } from '../litmus/support/controls.js';
import { one, ownOrders } from '../litmus/support/files.js';
import { ALL_DAMAGES, damageLines, readRecording } from './damage/damage.js';
import { replayFixtures, undamaged } from './damage/fixtures.js';
import { IN_WHOLE_RECORDINGS, NEVER_VIOLATED, NOT_BY_DAMAGE } from './support/exceptions.js';
import { BROKEN_TRACES, KEPT } from './support/made.js';
import { replayLines, replayText } from './support/replay.js';
import { BASES } from './support/story.js';

// The catalogue holds itself to what it says: every rule is kept by some trace and broken by another, is explained,
// and fires when recordings of real kernels are damaged, or there is a reason why only a litmus test can break it.

/** Invariant → names of traces. */
type Traces = Map<string, string[]>;
const passing: Traces = new Map();
const failing: Traces = new Map();
const damagedBy: Traces = new Map();
/** Unknown, of something that the trace does show. */
const undecided: Traces = new Map();

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
  for (const i of result.invariants) if (i.instances.unknown > 0) add(undecided, i.id, name);
  return violated;
}

/** Kind of damage → the id it is made to break. */
const expectedBy = new Map<string, string>();

const REPORT = readFileSync(new URL('../../docs/damage.md', import.meta.url), 'utf8');

/** Row of docs/damage.md, of the whole recordings: [id, places, violated]. */
function reported(id: string): [string, number, number] {
  const row = new RegExp(`^\\| ${id} \\| [^|]+ \\| (\\d+) \\| (\\d+) \\|`, 'm').exec(REPORT);
  return [id, Number(row?.[1] ?? 0), Number(row?.[2] ?? 0)];
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
  for (const [id, text] of Object.entries(KEPT)) take(`${id} kept`, await replayText(text, BASES));
  for (const [id, text] of Object.entries(BROKEN_TRACES)) take(`${id} broken`, await replayText(text, BASES));
  const fixtures = [...replayFixtures()]
    .sort((a, b) => a.lines.length - b.lines.length)
    .map((f) => ({ name: f.name, from: f, recording: readRecording(f.lines) }));
  for (const { name, from } of fixtures) take(name, await undamaged(from));
  for (const kind of Object.keys(ALL_DAMAGES)) {
    // Until it is found in one recording: a place at the edge of one is rightly unknown.
    for (const { name, recording } of fixtures) {
      const damage = damageLines(kind, recording, SEED);
      if (damage === null) continue;
      expectedBy.set(kind, damage.expected);
      const violated = take(`${name}, ${kind}`, await replayLines(damage.lines));
      // Only what the damage was made to break: what fires beside it may be of another cause.
      const wanted = [damage.expected, ...damage.alternatives].filter((id) => violated.includes(id));
      for (const id of wanted) add(damagedBy, id, kind);
      if (wanted.includes(damage.expected)) break;
    }
  }
});

describe.each(CATALOGUE.map((info) => [info.id, info] as const))('%s', (id, info) => {
  it('is kept by some trace', () => {
    expect(passing.get(id) ?? []).not.toEqual([]);
  });

  it('is broken by some trace', () => {
    if (!(id in NEVER_VIOLATED)) return expect(failing.get(id) ?? []).not.toEqual([]);
    expect(failing.get(id) ?? [], 'listed as never violated').toEqual([]);
    expect(undecided.get(id) ?? []).not.toEqual([]);
  });

  it('is broken by damage, or only litmus tests can', () => {
    const byDamage = damagedBy.get(id) ?? [];
    const [, places, violated] = reported(id);
    if (id in NOT_BY_DAMAGE) {
      expect(byDamage, 'listed as never broken by damage').toEqual([]);
      expect(violated, 'listed as never broken by damage').toBe(0);
    } else {
      if (!(id in IN_WHOLE_RECORDINGS)) expect(byDamage).not.toEqual([]);
      const only = byDamage.length > 0 && byDamage.every((kind) => expectedBy.get(kind) !== id);
      // Fires as another name of what a damage broke: the report has no row of its own.
      if (only) return;
      expect(places).toBeGreaterThan(0);
      expect(violated).toBeGreaterThan(0);
    }
  });

  it('is explained, and printed in docs/invariants.md', () => {
    expect(info.words.length).toBeGreaterThan(20);
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
  it('numbers its rules without a gap, in order, and each has a name of its own', () => {
    expect(CATALOGUE.map((i) => i.number)).toEqual(CATALOGUE.map((_, i) => i + 1));
    expect(new Set(CATALOGUE.map((i) => i.name)).size).toBe(CATALOGUE.length);
  });

  it('every kind of damage expects an id of it, and every exception is one', () => {
    const ids = CATALOGUE.map((i) => i.id);
    const exceptions = { ...NOT_BY_DAMAGE, ...NEVER_VIOLATED, ...IN_WHOLE_RECORDINGS };
    for (const id of [...expectedBy.values(), ...Object.keys(exceptions)]) expect(ids).toContain(id);
    for (const why of Object.values(exceptions)) expect(why.length).toBeGreaterThan(20);
  });
});
