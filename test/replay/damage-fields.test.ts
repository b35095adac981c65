import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { partOf } from '../support/part.js';
import { damageLines, readRecording } from './damage/damage.js';
import { FIELD_DAMAGES } from './damage/damage-fields.js';
import { replayFixtures, undamaged as whole } from './damage/fixtures.js';
import { inTurn } from './support/in-turn.js';
import { replayLines, report, violatedIds } from './support/replay.js';

// As damage.test.ts, for damages that change what a line says. The same over whole recordings, in many more places:
// scripts/damage-report.mjs (docs/damage.md).

const FIXTURES = replayFixtures().map((f) => ({ ...f, from: f, recording: readRecording(f.lines) }));
const KINDS = Object.keys(FIELD_DAMAGES);
/** Kinds with fewer places than these are tried in all of them. */
const FEW = 6;
const SEEDS = [1, 2, 3].slice(0, partOf(3, 1));
/** No fixture is long enough: decided in docs/damage.md. */
const NO_PLACE = ['table-left-at-exit', 'flush-after-exit'];

/** Reported beside the expected id, and why. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  // The CPU that is not told keeps what the flush should have removed.
  'target-dropped': ['I24'],
  // Grace periods are numbered: the odd one out has no end of its own.
  'gp-number-skipped': ['I36', 'I40'],
  'reader-over-grace-period': ['I37', 'I05', 'I36'],
  // Everything pending is as late, and the stamps of CPUs jump.
  'callback-stalled': ['I52'],
  'callback-in-interrupt': ['I04'],
  'hash-changed': ['I36', 'I38', 'I42'],
  'exit-before-return': ['I48', 'I49'],
  'reclaimed-by-sync': ['I07', 'I15', 'I01'],
  // The callback releases fewer tables than the batch counts.
  'batch-count-changed': ['I12'],
  'single-storm': ['I07', 'I09', 'I38', 'I42'],
};

const undamaged = new Map<string, Result>();
beforeAll(async () => {
  for (const f of FIXTURES) undamaged.set(f.name, await whole(f.from));
});

describe('damaged lines', () => {
  it.each(KINDS)('%s', async (kind) => {
    let places = 0;
    let found = 0;
    const wrong: string[] = [];
    const having = FIXTURES.filter(({ recording }) =>
      SEEDS.some((seed) => damageLines(kind, recording, seed) !== null),
    );
    for (const { name, recording } of having.length < FEW ? having : inTurn(having, 2, KINDS.indexOf(kind))) {
      const seen = new Set<string>();
      for (const seed of SEEDS) {
        const damage = damageLines(kind, recording, seed);
        if (damage === null || seen.has(damage.where)) continue;
        seen.add(damage.where);
        expect(damage.lines).not.toEqual(recording.text);
        expect(damageLines(kind, recording, seed)!.lines).toEqual(damage.lines);
        places++;
        const result = await replayLines(damage.lines);
        const after = report(result, damage.expected);
        if (after.instances.violated > 0) found++;
        else {
          const before = report(undamaged.get(name)!, damage.expected).instances.unknown;
          if (after.instances.unknown <= before) wrong.push(`${name} ${damage.where}: ${after.verdict}`);
        }
        const allowed = [damage.expected, ...damage.alternatives, ...(BESIDE[kind] ?? [])];
        const alarms = violatedIds(result).filter((id) => !allowed.includes(id));
        if (alarms.length > 0) wrong.push(`${name} ${damage.where}: also ${alarms}`);
      }
    }
    expect(wrong).toEqual([]);
    if (NO_PLACE.includes(kind)) return;
    expect(places).toBeGreaterThan(0);
    expect(found).toBeGreaterThan(places / 2);
  });
});

describe('docs/co-firing.md', () => {
  const doc = readFileSync(new URL('../../docs/co-firing.md', import.meta.url), 'utf8');

  it.each(Object.keys(FIELD_DAMAGES))('%s: what is expected and what may be beside it', (kind) => {
    const from = doc.indexOf(`### ${kind}\n`);
    expect(from).toBeGreaterThan(-1);
    const section = doc.slice(from, doc.indexOf('\n##', from + 4) >>> 0);
    const listed = [...section.matchAll(/^- (I\d\d): /gm)].map((m) => m[1]!);
    expect(listed.sort()).toEqual([...(BESIDE[kind] ?? [])].sort());
    for (const { recording } of FIXTURES) {
      const damage = damageLines(kind, recording, 1);
      if (!damage) continue;
      expect(section).toContain(`Expected: **${damage.expected}**`);
      for (const id of damage.alternatives) expect(section).toContain(id);
    }
  });
});
