import { describe, expect, it } from 'vitest';
import { partOf } from '../support/part.js';
import { type Change, type GoldenCase, goldenCases } from './golden/cases.js';
import { GoldenFile } from './golden/held.js';
import { replayText } from './support/replay.js';
import * as story from './support/story.js';

// Some two thousand variations of the traces of golden-said.test.ts, each judged against the whole trace in the same run:
// the same verdicts, except what golden/variations.txt lists. There a rule stands with each variation that makes it
// `violated`, or `pass` where it did not; where only a line is left out, twice, out of order or changed, also with
// those that make it anything else. How many losses, clocks and readers leave a rule undecided is counted, of clocks, which are
// two thirds, also for the part that `npm test` tries.

type Verdicts = ReadonlyMap<string, string>;

async function verdictsOf(test: GoldenCase): Promise<Verdicts> {
  const result = await replayText(test.text, test.handMade ? story.BASES : {});
  return new Map(result.invariants.map((i) => [i.id, i.verdict]));
}

/** Rules by what they say now, where that is not what they said of the whole trace: `I12 violated`. */
const changed = (before: Verdicts, after: Verdicts): string[] =>
  [...after].filter(([id, verdict]) => before.get(id) !== verdict).map(([id, verdict]) => `${id} ${verdict}`);

const violatedIn = (verdicts: Verdicts): string[] =>
  [...verdicts].filter(([, verdict]) => verdict === 'violated').map(([id]) => id);

/** Undecided is what is expected of these: it is counted. */
const COUNTED: readonly Change[] = ['loss', 'clock', 'reader'];

const golden = new GoldenFile(
  'variations.txt',
  'Where variations of a trace have other verdicts than the whole trace: the changes, and the variations that have them.',
);
const cases = goldenCases();
const byName = new Map(cases.map((c) => [c.name, c]));
/** Every so many-th clock is tried; all in the whole run, and where the file is written anew. */
const PART = 3;
const WHOLE = process.env.PTTRACE_GOLDEN !== undefined || partOf(1, PART) === 1;
const wholes = cases.filter((c) => c.change === 'whole');
const steps = story.munmapRcu(2).map((s) => s.label);

/** Rules of readers that one over steps [from, to) of the cycle breaks: it began before the first and ends after the second. */
function brokenBy([from, to]: readonly [number, number]): string[] {
  const over = (first: string, second: string): boolean =>
    from <= steps.indexOf(first) && to > steps.indexOf(second);
  return [
    ...(over('unlink', 'table-free') ? ['I05'] : []),
    ...(over('enqueue', 'invoke') ? ['I37'] : []),
    ...(over('gp-start', 'gp-end') ? ['I40'] : []),
  ];
}

describe.each(wholes.map((whole) => [whole.name, whole] as const))('%s', (name, whole) => {
  const all = cases.filter((c) => c.of === name);
  const clocks = all.filter((c) => c.change === 'clock');
  const part = new Set(clocks.filter((_, i) => i % PART === 0));
  const mine = all.filter((c) => WHOLE || c.change !== 'clock' || part.has(c));
  const judged = new Map<string, Verdicts>();
  const run = async (test: GoldenCase): Promise<Verdicts> => {
    const known = judged.get(test.name) ?? (await verdictsOf(test));
    judged.set(test.name, known);
    return known;
  };
  const of = (change: Change): GoldenCase[] => mine.filter((c) => c.change === change);
  const own = (test: GoldenCase): string => test.name.slice(name.length + 2);

  /** Lines of the golden file, those of clocks left out that were not tried. */
  const tried = (lines: readonly string[]): readonly string[] => {
    if (WHOLE) return lines;
    const left = new Set(clocks.filter((c) => !part.has(c)).map((c) => `  ${own(c)}`));
    return lines
      .filter((line) => !left.has(line) && !/^\d+ with clock,/.test(line))
      .filter((line, i, kept) => !line.endsWith(':') || kept[i + 1]?.startsWith('  '));
  };

  it('lost events only take verdicts away', async () => {
    const before = await run(whole);
    for (const test of of('loss')) {
      for (const [id, verdict] of await run(test)) {
        if (verdict !== before.get(id))
          expect(`${test.name}: ${id} ${verdict}`).toBe(`${test.name}: ${id} unknown`);
      }
    }
  });

  it('a probe that is not there breaks no rule', async () => {
    for (const test of of('probe')) expect(violatedIn(await run(test)), test.name).toEqual([]);
  });

  it('a reader breaks the rules of what it reads over, and no other', async () => {
    for (const test of of('reader')) {
      expect(violatedIn(await run(test)), test.name).toEqual(brokenBy(test.reads!));
    }
  });

  it('has the same verdicts in every variation, except as listed', async () => {
    const before = await run(whole);
    const listed = new Map<string, string[]>();
    const counts = new Map<string, Map<string, number>>();
    const count = (what: string, id: string): void => {
      const rules = counts.get(what) ?? new Map<string, number>();
      counts.set(what, rules.set(id, (rules.get(id) ?? 0) + 1));
    };
    for (const test of mine) {
      const after = await run(test);
      // A clock that is off is judged against the same trace with it right.
      const like = test.inTime === undefined ? before : await run(byName.get(test.inTime)!);
      const counted = COUNTED.includes(test.change);
      const changes = changed(like, after).filter((change) => {
        const [id, verdict] = change.split(' ') as [string, string];
        if (!counted) return true;
        if (verdict === 'unknown') {
          if (part.has(test)) count(`${part.size} of ${clocks.length} with clock`, id);
          if (WHOLE || test.change !== 'clock') count(`${of(test.change).length} with ${test.change}`, id);
        }
        return like.get(id) === 'violated' || verdict === 'violated' || verdict === 'pass';
      });
      if (changes.length === 0 || test.change === 'reader') continue;
      const held = changes.filter(
        (change) => golden.rules.has(change.slice(0, change.indexOf(' '))) || change.endsWith(' violated'),
      );
      if (held.length === 0) continue;
      const group = listed.get(held.join(', ')) ?? [];
      listed.set(held.join(', '), group);
      group.push(own(test));
    }
    const lines = [...counts].map(([what, rules]) => {
      const held = [...rules].filter(([id]) => golden.rules.has(id)).sort(([a], [b]) => (a < b ? -1 : 1));
      return `${what}, undecided: ${held.map(([id, n]) => `${id} ${n}`).join(', ')}`;
    });
    for (const [changes, names] of [...listed].sort(([a], [b]) => (a < b ? -1 : 1))) {
      lines.push(`${changes}:`, ...names.map((n) => `  ${n}`));
    }
    golden.hold(name, lines, tried);
  });
});

it('nothing else is listed', () => {
  expect(golden.unheld).toEqual([]);
});
