/**
 * The traces of golden-*.test.ts, as text: hand-made stories, the recordings under fixtures/replay, and these
 * with one thing wrong, missing or lost. Nothing here knows the code under test; made once, on demand.
 */
import { ALL_DAMAGES, damageLines, type Recording, readRecording } from '../damage/damage.js';
import { type Fixture, replayFixtures } from '../damage/fixtures.js';
import { DOUBTS } from '../robust/doubts.js';
import { BROKEN_TRACES, KEPT } from '../support/made.js';
import * as story from '../support/story.js';

/** How a trace was changed; `whole`: it was not. */
export type Change =
  | 'whole'
  | 'without'
  | 'again'
  | 'later'
  | 'loss'
  | 'clock'
  | 'reader'
  | 'damage'
  | 'doubt'
  | 'probe';

export interface GoldenCase {
  readonly name: string;
  /** The case that this one changes, '' for none: what it says is told as a difference. */
  readonly of: string;
  readonly change: Change;
  /** The case that has all but the clock in common with it. */
  readonly inTime?: string;
  /** `reader`: the steps of the cycle that it begins before and ends before. */
  readonly reads?: readonly [from: number, to: number];
  /** Where it is long, put together each time it is asked for: a hundred MB of them would live as long as the tests. */
  readonly text: string;
  /** Hand-made: too short for bases to be learnt from. */
  readonly handMade: boolean;
}

const three = (cycle: (n: number) => story.Step[]): story.Step[] => [1, 2, 3].flatMap((n) => cycle(n));

const SKEWED = { ...story.SPIN_IRQ, flags: '.....' };

/** Whole cycles of every free path, each also with any one step left out, done twice, out of order, or lost. */
function stories(): GoldenCase[] {
  const cycles: Record<string, (n: number) => story.Step[]> = {
    'batch by RCU': story.munmapRcu,
    'single by RCU': story.singleRcu,
    'single by IPI': story.singleSync,
    'no RCU': story.munmapSync,
  };
  const made: GoldenCase[] = [];
  for (const [path, cycle] of Object.entries(cycles)) {
    const of = `story ${path}`;
    const skewed = (name: string, text: string): void => {
      for (const us of [-35, 15]) {
        const off = { name: `${name}, clock of CPU 1 ${us} us off`, text: shifted(text, 1, us) };
        made.push({ ...off, of, change: 'clock', inTime: name, handMade: true });
      }
    };
    const add = (change: Change, what: string, second: readonly story.Step[]): void => {
      const text = story.print([...cycle(1), ...second, ...cycle(3)]);
      made.push({ name: `${of}, ${what}`, of, change, text, handMade: true });
      skewed(`${of}, ${what}`, text);
    };
    const whole = story.print(three(cycle));
    made.push({ name: of, of: '', change: 'whole', text: whole, handMade: true });
    skewed(of, whole);
    const steps = cycle(2);
    steps.forEach(({ label }, i) => {
      add('without', `without ${label}`, [...steps.slice(0, i), ...steps.slice(i + 1)]);
      add('again', `${label} again`, [...steps.slice(0, i + 1), ...steps.slice(i)]);
      const next = steps.slice(i + 1, i + 2);
      add('later', `${label} later`, [...steps.slice(0, i), ...next, steps[i]!, ...steps.slice(i + 2)]);
      for (const cpu of [0, 1]) {
        add('loss', `loss on CPU ${cpu} before ${label}`, [
          ...steps.slice(0, i),
          story.LOST(cpu),
          ...steps.slice(i),
        ]);
      }
    });
  }
  return made;
}

/** The stamps of one CPU moved, lines in the order of stamps again, or as they stood. */
function shifted(text: string, cpu: number, us: number, inOrder = true): string {
  const lines = text.split('\n').map((line) => {
    const m = new RegExp(`^(.*\\[00${cpu}\\].*? +)(\\d+)\\.(\\d{6}): (.*)$`).exec(line);
    if (!m) return line;
    const at = Number(m[2]) * 1e6 + Number(m[3]) + us;
    return `${m[1]}${Math.floor(at / 1e6)}.${String(at % 1e6).padStart(6, '0')}: ${m[4]}`;
  });
  if (!inOrder) return lines.join('\n');
  const stampOf = (line: string): number => Number(/ (\d+\.\d{6}): /.exec(line)?.[1] ?? Number.NaN);
  let last = 0;
  const sorted = lines.map((line, i) => {
    const stamp = stampOf(line);
    if (stamp === stamp) last = stamp;
    return { line, last, i };
  });
  return sorted
    .sort((x, y) => x.last - y.last || x.i - y.i)
    .map((x) => x.line)
    .join('\n');
}

/** A reader on another CPU, from any step of a cycle to any later one. */
function readers(): GoldenCase[] {
  const of = 'story batch by RCU';
  const steps = story.munmapRcu(2);
  const mark = (what: string, kind: string): story.Step =>
    story.step(
      'reader',
      SKEWED,
      story.marker(`${what} kind=${kind} pfn=0x${story.tablePfn(2).toString(16)}`),
    );
  const made: GoldenCase[] = [];
  for (let i = 0; i < steps.length; i++) {
    for (let j = i + 1; j <= steps.length; j += 3) {
      const kind = (i + j) % 2 === 0 ? 'rcu' : 'irqoff';
      const text = story.print([
        ...story.munmapRcu(1),
        ...steps.slice(0, i),
        mark('RB', kind),
        ...steps.slice(i, j),
        mark('RE', kind),
        ...steps.slice(j),
        ...story.munmapRcu(3),
      ]);
      const name = `${of}, ${kind} reader from ${i} to ${j}`;
      made.push({ name, of, change: 'reader', reads: [i, j], text, handMade: true });
      const off = { of, change: 'clock', inTime: name, handMade: true } as const;
      made.push({ ...off, name: `${name}, clock off`, text: shifted(text, 1, -25) });
      made.push({ ...off, name: `${name}, not sorted`, text: shifted(text, 1, -25, false) });
    }
  }
  return made;
}

/** Traces of rules about what comes much later, each line of them also left out, or lost. */
function later(): GoldenCase[] {
  return Object.entries({ kept: KEPT, broken: BROKEN_TRACES }).flatMap(([how, traces]) =>
    Object.entries(traces).flatMap(([id, text]) => {
      const of = `${id} ${how}`;
      const lines = text.trimEnd().split('\n');
      const made: GoldenCase[] = [{ name: of, of: '', change: 'whole', text, handMade: true }];
      for (let i = 2; i < lines.length; i++) {
        const [before, after] = [lines.slice(0, i), lines.slice(i)];
        made.push({
          name: `${of}, without ${i}`,
          of,
          change: 'without',
          text: joined([...before, ...after.slice(1)]),
          handMade: true,
        });
        const lost = joined([...before, 'CPU:0 [LOST 3 EVENTS]', ...after]);
        made.push({ name: `${of}, loss before ${i}`, of, change: 'loss', text: lost, handMade: true });
      }
      return made;
    }),
  );
}

interface Read extends Fixture {
  readonly recording: Recording;
}

const joined = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
const short = (name: string): string => name.replace('.txt.gz', '');

const recorded = (name: string, of: string, change: Change, lines: readonly string[]): GoldenCase => ({
  name,
  of,
  change,
  handMade: false,
  get text() {
    return joined(lines);
  },
});

const recordings = (fixtures: readonly Read[]): GoldenCase[] =>
  fixtures.map((f) => recorded(short(f.name), '', 'whole', f.lines));

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
      return [recorded(`${of}, ${kind}`, of, 'damage', damage.lines)];
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
    return recorded(`${of}, no ${name}`, of, 'probe', kept);
  });
}

/** Kinds of damage that other CPUs have a part in, where clocks and losses matter most. */
const CROSSING = [
  'return-before-handler',
  'rcu-reader-spliced',
  'irq-off-reader-spliced',
  'reader-over-grace-period',
  'table-freed-before-hand-over',
  'callback-before-gp-end',
  'sync-dropped',
];

/** Recordings, whole and damaged, with every doubt cast on them. */
function doubted(fixtures: readonly Read[]): GoldenCase[] {
  const made: GoldenCase[] = [];
  DOUBTS.forEach((doubt, d) => {
    const [fixture, other] = inTurn(fixtures, d);
    const of = short(fixture!.name);
    const whole = doubt.cast(fixture!.lines, SEED, other!.lines);
    made.push(recorded(`${of}, ${doubt.name}`, of, 'doubt', whole));
    if (doubt.name !== 'skew' && doubt.name !== 'loss') return;
    for (const [k, kind] of CROSSING.entries()) {
      for (const { name, recording } of inTurn(fixtures, d + k)) {
        const damage = damageLines(kind, recording, SEED);
        if (damage === null) continue;
        const lines = doubt.cast(damage.lines, SEED + k, []);
        made.push(recorded(`${short(name)}, ${kind}, ${doubt.name}`, short(name), 'doubt', lines));
        break;
      }
    }
  });
  // The same recording again: stamps jump back, a new capture begins, with a hole in the first.
  const [first] = fixtures;
  const twice = [
    ...DOUBTS[0]!.cast(first!.lines, SEED, []),
    ...first!.lines.filter((l) => !l.startsWith('#')),
  ];
  const name = short(first!.name);
  made.push(recorded(`${name}, twice`, name, 'doubt', twice));
  return made;
}

let all: readonly GoldenCase[] | null = null;

export function goldenCases(): readonly GoldenCase[] {
  if (all) return all;
  const fixtures = replayFixtures().map((f) => ({ ...f, recording: readRecording(f.lines) }));
  fixtures.sort((a, b) => a.lines.length - b.lines.length || (a.name < b.name ? -1 : 1));
  all = [
    ...stories(),
    ...readers(),
    ...later(),
    ...recordings(fixtures),
    ...damaged(fixtures),
    ...doubted(fixtures),
    ...withoutProbes(fixtures),
  ];
  return all;
}
