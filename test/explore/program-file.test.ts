import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXPLORE_DEFAULTS } from '../../src/explore/explore.js';
import { type Overrides, readProgramFile } from '../../src/explore/program-file.js';
import { exploreScenario, ftraceOf, litmusOf, type Reported } from '../../src/explore/report.js';
import { parseLitmus } from '../../src/litmus/parse.js';
import { asExpected, runOrder } from '../../src/litmus/run.js';
import { violatedIn } from '../../src/litmus/suite.js';
import { ROOT } from '../support/built.js';

const DIR = join(ROOT, 'fixtures/explore');
const explored = (text: string, over: Overrides = {}): Reported =>
  exploreScenario(readProgramFile(text, 'p.yaml', over), EXPLORE_DEFAULTS);
const example = (name: string): string => readFileSync(join(DIR, name), 'utf8');

/** What the first lines of an example promise. */
const EXAMPLES: readonly (readonly [string, Overrides, string, readonly string[]])[] = [
  ['two-freers.yaml', {}, 'safe', []],
  ['two-freers.yaml', { broken: ['single-without-flush'] }, 'unsafe', ['I02', 'I03', 'I07', 'I09']],
  ['own-gup.yaml', {}, 'safe', []],
  ['own-gup.yaml', { broken: ['batch-without-flush'] }, 'unsafe', ['I02', 'I03', 'I09']],
  ['walker-without-protection.yaml', {}, 'unsafe', ['I05']],
];

describe('the examples', () => {
  test('are all tried', () => {
    expect([...new Set(EXAMPLES.map(([name]) => name))].sort()).toEqual(readdirSync(DIR).sort());
  });
  test.each(EXAMPLES)(
    '%s with %o is %s, and its log and litmus test say so',
    async (name, over, verdict, ids) => {
      const reported = explored(example(name), over);
      expect(reported.report.exploration.verdict).toBe(verdict);
      if (verdict === 'safe') return;
      expect(reported.report.invariants[0]).toEqual(ids);
      expect(await violatedIn(ftraceOf(reported.explored), [reported.report.scenario.variant])).toEqual(ids);
      const litmus = parseLitmus(litmusOf(reported));
      expect(asExpected(litmus.orders[0]!, runOrder(litmus, litmus.orders[0]!))).toBe(true);
    },
  );
});

const thread = (...steps: string[]): string =>
  `threads:\n  - steps:\n${steps.map((s) => `      - ${s}\n`).join('')}`;

describe('steps', () => {
  const walker = '  - reader: hardware\n';
  test.each([
    [
      'free before flush',
      ['unlink T0', 'free T0', 'flush-tables'],
      'the page walker follows its cached entry to T0',
    ],
    ['a table that is still linked', ['free T0'], 'the page walker follows its cached entry to T0'],
    ['a table freed twice', ['unlink T0', 'flush-tables', 'free T0', 'free T0'], 'T0 is freed twice'],
    [
      'call_rcu() twice on one head',
      ['unlink T0', 'flush-tables', 'call-rcu T0', 'call-rcu T0'],
      'call_rcu() on the head of T0, which is queued already',
    ],
    [
      'sleeping under a spinlock',
      ['lock ptl:T0', 'sync-rcu', 'unlock ptl:T0'],
      'synchronize_rcu() sleeps with ptl_0 held',
    ],
    [
      'an entry read too late',
      ['unlink T0', 'move T0 new'],
      'T0 (new) is set to what T0 held, which is none by now',
    ],
  ])('%s', (_, steps, text) => {
    const entries = 'entries: { new: { table: T0, set: false } }\n';
    const { exploration } = explored(entries + thread(...steps) + walker).report;
    expect([exploration.verdict, exploration.counterexamples.some((c) => c.text.startsWith(text))]).toEqual([
      'unsafe',
      true,
    ]);
  });

  test('a translation cached before stays until its own flush', () => {
    const pages = 'pages: true\n';
    const at = (...steps: string[]): string =>
      explored(pages + thread(...steps) + walker).report.exploration.verdict;
    expect(at('zap T0', 'flush T0', 'free-page T0')).toBe('safe');
    expect(at('zap T0', 'free-page T0', 'flush T0')).toBe('unsafe');
    expect(at('zap T0', 'return T0', 'flush')).toBe('unsafe');
    expect(at('zap T0', 'flush', 'return T0')).toBe('safe');
  });

  test('a flush of one entry leaves what was cached by the other', () => {
    const text = (flush: string): string =>
      `pages: true\nentries: { new: { table: T0, set: false } }\n${thread('move T0 new', flush, 'zap new', 'flush new', 'free-page new')}${walker}`;
    expect(explored(text('flush new')).report.exploration.verdict).toBe('unsafe');
    expect(explored(text('flush T0')).report.exploration.verdict).toBe('safe');
  });

  test('what finds nothing goes on where the innermost section ends', () => {
    const e = explored(
      thread(
        'read-lock mmap_lock',
        'lock ptl:T0',
        'if-none T0',
        'free T0',
        'unlock ptl:T0',
        'read-unlock mmap_lock',
      ) + walker,
    ).report.exploration;
    expect(e.verdict).toBe('safe');
  });

  test('two threads that take two locks in two orders can wait forever', () => {
    const two = `threads:\n  - steps: [lock a, lock b, unlock b, unlock a]\n  - steps: [lock b, lock a, unlock a, unlock b]\n`;
    expect(explored(two).report.exploration.verdict).toBe('stuck');
  });
});

describe('what cannot be meant is refused with its place', () => {
  test.each([
    [thread('unlink T0', 'nonsense T0'), 'p.yaml:4:9: nonsense T0: there is no such verb'],
    [thread('read'), 'p.yaml:3:9: read: comes before any walk'],
    [
      thread('irq-off', 'walk T0', 'irq-on', 'read'),
      'p.yaml:6:9: read: comes before any walk, or after its end',
    ],
    [thread('unlock mmap_lock'), 'p.yaml:3:9: unlock mmap_lock: mmap_lock is not held'],
    [thread('lock mmap_lock'), 'p.yaml:2:5: thread 0: mmap_lock is still held at the end'],
    [thread('unlink T7'), 'p.yaml:3:9: unlink T7: there is no entry T7; known: T0'],
    [thread('unlink'), 'p.yaml:3:9: unlink: takes ENTRY'],
    [thread('zap T0'), 'p.yaml:3:9: zap T0: needs data pages'],
    [thread('flush unless nope'), 'p.yaml:3:9: flush: there is no rule nope'],
    [thread('flush unless'), 'p.yaml:3:9: unless RULE or only RULE comes last'],
    [thread('lock Äh'), 'p.yaml:3:9: lock Äh: Äh is no name of a lock'],
    [
      thread('lock a', 'if-linked T0', 'lock b', 'unlock a', 'unlock b'),
      'p.yaml:6:9: unlock a: b is still held',
    ],
    ['threads:\n  - program: nope\n', 'p.yaml:2:5: there is no program nope'],
    ['threads:\n  - reader: nope\n', 'p.yaml:2:5: there is no reader nope'],
    [
      'threads:\n  - steps: [flush]\n    reader: lazy\n',
      'p.yaml:2:5: threads.0: one of program, reader and steps',
    ],
    ['variant: Z\nthreads: [{ reader: lazy }]\n', 'p.yaml:1:1: there is no kernel variant Z'],
    ['broken: [nope]\nthreads: [{ reader: lazy }]\n', 'p.yaml:1:10: there is no rule nope'],
    ['threads: [{ reader: lazy }]\nthread: 1\n', 'p.yaml:2:1: unknown key thread'],
    ['threads: [{ reader: lazy }, { reader: lazy }]\ncpus: 1\n', 'p.yaml:2:1: 2 threads need as many CPUs'],
    ['threads: [{ reader: lazy }]\ncpus: 2\n', 'p.yaml:2:1: no thread for 1 of the CPUs'],
    ['threads: [}\n', 'p.yaml:1:'],
    ['name: "\\e[31m"\nthreads: [{ reader: lazy }]\n', 'p.yaml:1:1: name must match pattern'],
  ])('%j', (text, message) => {
    expect(() => readProgramFile(text, 'p.yaml')).toThrow(message);
  });
});
