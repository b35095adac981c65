import { describe, expect, it } from 'vitest';
import { runOrder } from '../../src/litmus/run.js';
import { BROKEN, SILENT, textOf } from '../litmus/support/controls.js';
import { one, ownOrders } from '../litmus/support/files.js';
import { type GoldenCase, goldenCases } from './golden/cases.js';
import { GoldenFile, heldOnly } from './golden/held.js';
import { litmusWords, words } from './golden/words.js';
import { replayFile } from './support/replay.js';
import { BASES } from './support/story.js';

// Everything that is said of a few dozen traces, in words: a change of a verdict, a count, a reason or a message is then a
// line in a review. What is said of some two thousand variations of them: golden-variations.test.ts.

const FINDINGS = 3;

const said = async (test: GoldenCase): Promise<string[]> =>
  words(await replayFile(test.text, { maxFindings: FINDINGS, ...(test.handMade ? BASES : {}) }));

describe('litmus orders', () => {
  const golden = new GoldenFile('litmus.txt', 'What the machine says of each order of the litmus suite.');

  it.each(ownOrders().map(([t, o]) => [`${t.id} ${o.name}`, t, o] as const))('%s', (name, test, order) => {
    golden.hold(name, litmusWords(runOrder(test, order)));
  });

  it.each([...SILENT, ...BROKEN].map((c) => [c[0], c] as const))('%s', (name, [, steps, violated]) => {
    const [test, order] = one(textOf(steps, violated));
    golden.hold(name, litmusWords(runOrder(test, order)));
  });

  it('nothing else', () => {
    expect(golden.unheld).toEqual([]);
  });
});

describe('whole traces', () => {
  const golden = new GoldenFile(
    'traces.txt',
    'What replay says of hand-made traces and recordings, in full.',
  );

  it.each(
    goldenCases()
      .filter((c) => c.of === '')
      .map((c) => [c.name, c] as const),
  )('%s', async (name, test) => {
    golden.hold(name, await said(test));
  });

  it('nothing else', () => {
    expect(golden.unheld).toEqual([]);
  });
});

describe('changed traces', () => {
  const golden = new GoldenFile(
    'changes.txt',
    'What replay says otherwise once a trace is changed: each kind of damage to a recording, and a step left out.',
  );
  const wholes = new Map<string, string[]>();
  const whole = async (name: string): Promise<string[]> => {
    const known = wholes.get(name) ?? (await said(goldenCases().find((c) => c.name === name)!));
    wholes.set(name, known);
    return known;
  };
  const chosen = goldenCases().filter(
    (c) => c.change === 'damage' || (c.change === 'without' && c.of === 'story batch by RCU'),
  );

  it.each(chosen.map((c) => [c.name, c] as const))('%s', async (name, test) => {
    const before = new Set(await whole(test.of));
    golden.hold(
      name,
      (await said(test)).filter((line) => !before.has(line)),
    );
  });

  it('nothing else', () => {
    expect(golden.unheld).toEqual([]);
  });
});

describe('a rule that the files do not know', () => {
  const rules = new Set(['I01']);
  const pass = (id: string): string => `${id} pass: 3 (3 0 0 0) violated 0 unknown 0 cut 0`;

  it('may pass, or have no instance: no file changes', () => {
    const lines = [pass('I01'), pass('I99'), 'I99 unknown: needs probe x', 'passed I01 I99'];
    expect(heldOnly(lines, rules)).toEqual([pass('I01'), 'passed I01']);
  });

  it('is a difference once it says more', () => {
    const more = [
      'I99 violated: 3 (3 0 0 0) violated 1 unknown 0 cut 0',
      'I99 unknown: 0 (0 0 0 0) violated 0 unknown 2 cut 0',
    ];
    expect(heldOnly(more, rules)).toEqual(more);
    const late = ['I99 pass: 3 (3 0 0 0) violated 0 unknown 1 cut 0', 'violated I99: why'];
    expect(heldOnly(late, rules)).toEqual(late);
  });
});
