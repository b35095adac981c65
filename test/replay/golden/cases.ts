/**
 * The traces of golden-verdicts.test.ts, as text: hand-made stories, the recordings under fixtures/replay, and these
 * with one thing wrong, missing or lost. Nothing here knows the code under test; made once, on demand.
 */
import { ALL_DAMAGES, damageLines, type Recording, readRecording } from '../damage/damage.js';
import { type Fixture, replayFixtures } from '../damage/fixtures.js';
import * as story from '../support/story.js';

export interface GoldenCase {
  readonly name: string;
  /** The case that this one changes: what it says is told as a difference. */
  readonly of: string;
  readonly text: string;
  /** Hand-made: too short for bases to be learnt from. */
  readonly handMade: boolean;
}

const three = (cycle: (n: number) => story.Step[]): story.Step[] => [1, 2, 3].flatMap((n) => cycle(n));

/** Whole cycles of every free path, each also with any one of its steps left out or done twice. */
function stories(): GoldenCase[] {
  const cycles: Record<string, (n: number) => story.Step[]> = {
    'batch by RCU': story.munmapRcu,
    'single by RCU': story.singleRcu,
    'single by IPI': story.singleSync,
    'no RCU': story.munmapSync,
  };
  const made: GoldenCase[] = [];
  const add = (name: string, of: string, steps: readonly story.Step[]): void => {
    made.push({ name, of, text: story.print(steps), handMade: true });
  };
  for (const [path, cycle] of Object.entries(cycles)) {
    const of = `story ${path}`;
    add(of, '', three(cycle));
    for (const label of new Set(cycle(2).map((s) => s.label))) {
      add(`${of}, without ${label}`, of, [
        ...cycle(1),
        ...cycle(2).filter((s) => s.label !== label),
        ...cycle(3),
      ]);
      add(`${of}, ${label} again`, of, [...cycle(1), ...story.again(cycle(2), label), ...cycle(3)]);
      add(`${of}, loss before ${label}`, of, [
        ...cycle(1),
        ...story.insertBefore(cycle(2), label, story.LOST(0)),
        ...cycle(3),
      ]);
    }
  }
  return made;
}

interface Read extends Fixture {
  readonly recording: Recording;
}

const joined = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
const short = (name: string): string => name.replace('.txt.gz', '');

function recordings(fixtures: readonly Read[]): GoldenCase[] {
  return fixtures.map((f) => ({ name: short(f.name), of: '', text: joined(f.lines), handMade: false }));
}

const SEED = 5;
/** The long recordings only where no other has what is looked for: they take a third of the time of all. */
const LONG = 4000;

/** From another recording on for each `n`, so that all are used; long ones last. */
function inTurn(fixtures: readonly Read[], n: number): Read[] {
  const brief = fixtures.filter((f) => f.lines.length < LONG);
  const turned = brief.map((_, i) => brief[(n + i) % brief.length]!);
  return [...turned, ...fixtures.filter((f) => f.lines.length >= LONG)];
}

function damaged(fixtures: readonly Read[]): GoldenCase[] {
  return Object.keys(ALL_DAMAGES).flatMap((kind, k) => {
    for (const fixture of inTurn(fixtures, k)) {
      const damage = damageLines(kind, fixture.recording, SEED);
      if (damage === null) continue;
      const of = short(fixture.name);
      return [{ name: `${of}, ${kind}`, of, text: joined(damage.lines), handMade: false }];
    }
    return [];
  });
}

const EVENT = /^.{16,}?-\d+\s+\[\d+\] \S+\s+\d+\.\d+: (\S+?)(?::| ->|\()/;

/** Without one of the probes: each of them once, in one recording that has it. */
function withoutProbes(fixtures: readonly Read[]): GoldenCase[] {
  const nameOf = (line: string): string => EVENT.exec(line)?.[1] ?? '';
  const shown = new Map(fixtures.map((f) => [f, new Set(f.lines.map(nameOf))]));
  const names = new Set([...shown.values()].flatMap((s) => [...s]).filter((n) => n !== ''));
  return [...names].sort().map((name, n) => {
    const fixture = inTurn(fixtures, n).find((f) => shown.get(f)!.has(name))!;
    const of = short(fixture.name);
    const kept = fixture.lines.filter((l) => nameOf(l) !== name);
    return { name: `${of}, no ${name}`, of, text: joined(kept), handMade: false };
  });
}

let all: readonly GoldenCase[] | null = null;

export function goldenCases(): readonly GoldenCase[] {
  if (all) return all;
  const fixtures = replayFixtures().map((f) => ({ ...f, recording: readRecording(f.lines) }));
  fixtures.sort((a, b) => a.lines.length - b.lines.length || (a.name < b.name ? -1 : 1));
  all = [...stories(), ...recordings(fixtures), ...damaged(fixtures), ...withoutProbes(fixtures)];
  return all;
}
