import { describe, expect, it } from 'vitest';
import { Contradictions } from '../../../src/replay/doubts/contradictions.js';
import type { Window } from '../../../src/replay/doubts/doubtful.js';
import type { UnseenNumbers } from '../../../src/replay/doubts/unseen-numbers.js';
import type { Evidence } from '../../../src/replay/evidence.js';
import { partOf } from '../../support/part.js';
import { ALL_DAMAGES } from '../damage/damage.js';
import { seededRandom } from '../damage/edit.js';
import { replayFixtures } from '../damage/fixtures.js';
import { readRecording } from '../damage/recording.js';
import { judged, replayLines, report, violatedIds } from '../support/replay.js';
import { again, munmapRcu } from '../support/story.js';

// A middle of a recording that somebody cut out: what goes across it is told by two things that jump there.

// In another one, of which a third is cut, the number of a grace period jumps and nothing else that is looked at: I41 and I49 are
// violated there (docs/limits.md).
const FIXTURES = replayFixtures().filter(
  ({ name }) => /mt-munmap|failpagealloc|gup-munmap/.test(name) && !name.startsWith('6.12.117-lab-semi/mt'),
);
const PLACES = [0.4, 0.25, 0.55].slice(0, partOf(3, 2));
const SHARES = [0.1, 0.3];

const cut = (lines: readonly string[], place: number, share: number): string[] => {
  const from = Math.floor(lines.length * place);
  return [...lines.slice(0, from), ...lines.slice(from + Math.floor(lines.length * share))];
};

describe.each(FIXTURES)('$name', ({ lines }) => {
  it.each(PLACES.flatMap((place) => SHARES.map((share) => [place, share] as const)))(
    'a cut at %d of it, as long as %d of it, accuses nobody',
    async (place, share) => {
      expect(violatedIds(await replayLines(cut(lines, place, share)))).toEqual([]);
    },
  );
});

describe('lines that were left out all along accuse nobody', () => {
  const TENTH = (_: string, i: number): boolean => i % 10 !== 7;
  const PAGES = (_: string, i: number): boolean => i % 60 < 57;
  // Grace periods that are counted and not shown are what I41 is about.
  const CASES: readonly (readonly [string, string, (line: string, i: number) => boolean])[] = [
    ['6.12.117-lab-n/ftrace-kprobes-nohash', 'three of sixty', PAGES],
    ['6.12.117-lab-semi/ftrace-kprobes-nohash', 'each tenth', TENTH],
    ['6.12.117-lab-semi/ftrace-kprobes-nohash', 'three of sixty', PAGES],
    ['6.12.117-lab-semi/mt-munmap', 'each tenth', TENTH],
    ['6.12.117-lab-semi/slowpath-failpagealloc', 'each tenth', TENTH],
    ['6.12.117-lab-y/ftrace-kprobes-nohash', 'three of sixty', PAGES],
    ['6.12.117-lab-y/gup-munmap', 'each tenth', TENTH],
    ['debian-6.16.12/mt-munmap', 'three of sixty', PAGES],
    ['debian-6.16.12/pt-reclaim-gup', 'each tenth', TENTH],
  ];
  it.each(CASES)('%s: %s', async (name, _, keep) => {
    const { lines } = replayFixtures().find((f) => f.name === `${name}.txt.gz`)!;
    const shown = lines.filter((line) => !line.startsWith('#')).filter(keep);
    const result = await replayLines(shown);
    expect(violatedIds(result).filter((id) => id !== 'I41')).toEqual([]);
    expect(JSON.stringify(result)).toContain('missing all along');
  });

  it('a double call_rcu again and again is a fault of the kernel', async () => {
    const cycles = Array.from({ length: 30 }, (_, n) => n + 1);
    const steps = cycles.flatMap((n) => (n % 2 > 0 ? munmapRcu(n) : again(munmapRcu(n), 'enqueue')));
    expect(steps.length).toBeGreaterThan(512);
    expect((await judged('I11', steps)).instances.violated).toBeGreaterThan(8);
  });
});

describe('switches that do not fit together, as many as say that lines are missing all along', () => {
  const doubted = (steps: number): number[] => {
    const told: number[] = [];
    const evidence = {
      state: { seq: steps },
      ledger: { now: 0, unseenIn: (windows: readonly Window[]) => told.push(windows.at(-1)!.to.seq) },
    } as unknown as Evidence;
    const contradictions = new Contradictions(evidence, {} as UnseenNumbers);
    const at = (seq: number) => ({ event: seq, seq, ref: seq });
    for (let n = 1; n <= 3; n++) contradictions.between(at(n * 100), at(n * 100 + 10));
    contradictions.end();
    return told;
  };

  it('say so of some ten thousand operations, and not of a long recording', () => {
    expect(doubted(20_000)).toEqual([Number.POSITIVE_INFINITY]);
    expect(doubted(1_000_000)).toEqual([]);
  });
});

describe('a violation beside a cut is found', () => {
  const { lines } = FIXTURES.find(({ name }) => name === '6.12.117-lab-y/gup-munmap.txt.gz')!;
  // The beginning: whatever is broken lies there, and is over by then.
  const begin = Math.floor(lines.length / 2);

  it.each([
    'callback-dropped',
    'gather-begin-dropped',
    'gather-end-dropped',
    'syscall-exit-dropped',
    'gp-number-skipped',
    'generation-repeated',
  ])('%s', async (kind) => {
    const first = lines.slice(0, begin);
    let places = 0;
    let found = 0;
    for (let seed = 1; seed <= 4; seed++) {
      const damage = ALL_DAMAGES[kind]!(readRecording(first), seededRandom(seed));
      if (!damage) continue;
      const alone = await replayLines(damage.lines);
      if (report(alone, damage.expected).instances.violated === 0) continue;
      places++;
      const rest = cut(lines.slice(begin), 0.3, 0.3);
      const both = await replayLines([...damage.lines, ...rest]);
      if (report(both, damage.expected).instances.violated > 0) found++;
    }
    expect(places).toBeGreaterThan(0);
    expect(found).toBe(places);
  });
});
