import { beforeAll, describe, expect, it } from 'vitest';
import type { InvariantReport, Result } from '../../src/result/types.js';
import { partOf } from '../support/part.js';
import { CO_FIRING, DAMAGES, type Damage, damageLines, readRecording } from './damage/damage.js';
import { type Fixture, replayFixtures, undamaged as whole } from './damage/fixtures.js';
import { NEVER_DECIDED, SELDOM_DECIDED, UNDECIDED } from './damage/undecided.js';
import { inTurn } from './support/in-turn.js';
import { replayFile, replayLines, report, violatedIds } from './support/replay.js';

// Real recordings broken on purpose, through the whole path from bytes to verdicts.

const FIXTURES = replayFixtures().map((f) => ({ ...f, from: f, recording: readRecording(f.lines) }));
const KINDS = Object.keys(DAMAGES);
/** PTTRACE_DAMAGE_SEEDS=50: as many random places per kind and recording. */
const SEEDS = Array.from(
  { length: Number(process.env.PTTRACE_DAMAGE_SEEDS ?? partOf(3, 1)) },
  (_, i) => i + 1,
);

interface Run {
  readonly fixture: Fixture;
  readonly seed: number;
  readonly damage: Damage;
  readonly result: Result;
}

const undamaged = new Map<string, Result>();

/** Kinds with fewer places than these are tried in all of them. */
const FEW = 6;

async function runsOf(kind: string): Promise<Run[]> {
  const places = FIXTURES.flatMap((fixture) => {
    const seen = new Set<string>();
    return SEEDS.flatMap((seed) => {
      const damage = damageLines(kind, fixture.recording, seed);
      if (damage === null || seen.has(damage.where)) return [];
      seen.add(damage.where);
      return [{ fixture, seed, damage }];
    });
  });
  const runs: Run[] = [];
  for (const place of places.length < FEW ? places : inTurn(places, 2, KINDS.indexOf(kind)))
    runs.push({ ...place, result: await replayLines(place.damage.lines) });
  return runs;
}

/** Reasons given more often than for the undamaged recording. */
function newReasons(before: InvariantReport, after: InvariantReport): string[] {
  const old = new Map(before.unknowns.map((u) => [u.reason, u.count]));
  return after.unknowns.filter((u) => u.count > (old.get(u.reason) ?? 0)).map((u) => u.reason);
}

const nameOf = ({ fixture, seed, damage }: Run): string => `${fixture.name} seed ${seed} ${damage.where}`;

/** Empty when the damage was found, or is unknown where the table says it may be; else what is wrong. */
function judge(kind: string, run: Run): { found: boolean; wrong: string } {
  const { damage, result, fixture } = run;
  const violated = violatedIds(result);
  if ([damage.expected, ...damage.alternatives].some((id) => violated.includes(id)))
    return { found: true, wrong: '' };
  const after = report(result, damage.expected);
  const reasons = newReasons(report(undamaged.get(fixture.name)!, damage.expected), after);
  if (after.verdict !== 'unknown' || reasons.length === 0)
    return { found: false, wrong: `${nameOf(run)}: ${damage.expected} is ${after.verdict}` };
  const stray = reasons.filter(
    (reason) =>
      !UNDECIDED[kind]?.some(
        (u) => u.reason.test(reason) && (u.recordings?.some((r) => fixture.name.startsWith(r)) ?? true),
      ),
  );
  return { found: false, wrong: stray.length > 0 ? `${nameOf(run)}: unknown, ${stray.join(' | ')}` : '' };
}

beforeAll(async () => {
  for (const f of FIXTURES) undamaged.set(f.name, await whole(f.from));
});

describe('undamaged', () => {
  it('no recording has a finding', () => {
    for (const [name, result] of undamaged) expect(violatedIds(result), name).toEqual([]);
  });
});

describe('damaged', () => {
  /** Of each kind the first that was found. */
  const firstFound = new Map<string, Run>();
  const holes = ['events-lost'];

  it.each(KINDS.filter((kind) => !holes.includes(kind)))('%s', async (kind) => {
    const runs = await runsOf(kind);
    expect(runs.length).toBeGreaterThan(0);
    const verdicts = runs.map((run) => judge(kind, run));
    const first = runs[verdicts.findIndex((v) => v.found)];
    if (first !== undefined) firstFound.set(kind, first);
    expect(verdicts.map((v) => v.wrong).filter((wrong) => wrong !== '')).toEqual([]);
    const found = verdicts.filter((v) => v.found).length;
    if (kind in NEVER_DECIDED) expect(found).toBe(0);
    else expect(found).toBeGreaterThan(SELDOM_DECIDED.includes(kind) ? 0 : runs.length / 2);
    const allowed = Object.keys(CO_FIRING[kind]!);
    const alarms = runs.flatMap((run) =>
      violatedIds(run.result)
        .filter((id) => ![run.damage.expected, ...run.damage.alternatives, ...allowed].includes(id))
        .map((id) => `${nameOf(run)}: ${id} ${report(run.result, id).findings[0]?.message}`),
    );
    expect(alarms).toEqual([]);
  });

  it('a finding quotes the lines it rests on, in file order', async () => {
    for (const kind of ['enqueue-before-flush', 'free-before-callback', 'enqueue-doubled', 'sync-dropped']) {
      const run = firstFound.get(kind) ?? (await runsOf(kind)).find((r) => judge(kind, r).found)!;
      const quoted = await replayFile(`${run.damage.lines.join('\n')}\n`);
      const [finding] = report(quoted, run.damage.expected).findings;
      const lines = finding!.events.map((e) => e.line);
      expect(lines.length, kind).toBeGreaterThan(1);
      expect(lines).toEqual([...lines].sort((a, b) => a - b));
      for (const event of finding!.events) {
        expect(run.damage.lines[event.line - 1]).toBe(event.text);
        expect(event.role).not.toBe('');
      }
    }
  });

  it.each(holes)('%s: a hole proves nothing and hides nothing', async (kind) => {
    for (const run of await runsOf(kind)) {
      const { damage, result, fixture } = run;
      expect(violatedIds(result), nameOf(run)).toEqual([]);
      const after = report(result, damage.expected);
      expect(after.verdict, nameOf(run)).toBe('unknown');
      expect(newReasons(report(undamaged.get(fixture.name)!, damage.expected), after)).not.toEqual([]);
    }
  });
});
