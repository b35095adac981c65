import { describe, expect, it } from 'vitest';
import { partOf } from '../support/part.js';
import { seededRandom } from './damage/edit.js';
import { replayFixtures } from './damage/fixtures.js';
import { perfScript, traceCmd } from './support/dialects.js';
import { inTurn } from './support/in-turn.js';
import { replayText, report, violatedIds } from './support/replay.js';
import {
  BASES,
  change,
  moveAfter,
  munmapRcu,
  munmapSync,
  print,
  type Step,
  without,
} from './support/story.js';

// Lines of which something is destroyed: what they told of is not known, so that its absence accuses nobody.

type Random = () => number;
const pick = (random: Random, n: number): number => Math.floor(random() * n);
const somewhere = (text: string, random: Random): number => pick(random, text.length + 1);
const ODD = ['\x01', '\x1b', '\x7f', '\x80', '\xff'];

/** One line becomes these. */
const DAMAGES: Readonly<Record<string, (text: string, random: Random, next: string) => string[]>> = {
  'a byte overwritten': (text, random) => {
    const at = pick(random, text.length);
    return [text.slice(0, at) + ODD[pick(random, ODD.length)]! + text.slice(at + 1)];
  },
  'a byte put in': (text, random) => {
    const at = somewhere(text, random);
    return [text.slice(0, at) + ODD[pick(random, ODD.length)]! + text.slice(at)];
  },
  // Of a line of blanks nobody knows what it was.
  'its end missing': (text, random) => {
    const first = text.search(/\S/);
    return [text.slice(0, first + 1 + pick(random, text.length - first - 1))];
  },
  'its begin missing': (text, random) => [text.slice(somewhere(text, random))],
  'run into the next': (text, _, next) => [text + next],
};

const HEADER = /^#/;
const PLACES = 12;

const NAME = /\d\.\d{6}: +([\w:]+)/;

/** `PLACES` lines of `lines`, damaged; the first of each event shows what belongs to it. */
function damaged(lines: readonly string[], kind: string, random: Random): string {
  const seen = new Set<string>();
  const events = lines.flatMap((text, i) => {
    const name = NAME.exec(text)?.[1] ?? '';
    const known = seen.has(name);
    seen.add(name);
    return known && name !== '' && !HEADER.test(text) ? [i] : [];
  });
  const at = new Set(Array.from({ length: PLACES }, () => events[pick(random, events.length - 1)]!));
  const out: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (!at.has(i)) out.push(lines[i]!);
    else {
      out.push(...DAMAGES[kind]!(lines[i]!, random, lines[i + 1] ?? ''));
      if (kind === 'run into the next') i++;
    }
  }
  return `${out.join('\n')}\n`;
}

const FORMS = { ftrace: (text: string) => text, traceCmd, perfScript };
const SEEDS = Number(process.env.PTTRACE_DOUBT_SEEDS ?? partOf(2, 1));

const FIXTURES = replayFixtures();
const PAIRS = Object.keys(FORMS).flatMap((form) => Object.keys(DAMAGES).map((kind) => [kind, form] as const));

describe.each(FIXTURES)('$name', ({ name, lines, kernel }) => {
  const cut = lines.slice(0, 1200);
  it.each(
    inTurn(
      PAIRS,
      3,
      FIXTURES.findIndex((f) => f.name === name),
    ),
  )('%s, as %s', async (kind, form) => {
    const text = FORMS[form as keyof typeof FORMS](`${cut.join('\n')}\n`);
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = seededRandom(seed * 7919 + kernel.length);
      const result = await replayText(damaged(text.split('\n').slice(0, -1), kind, random));
      expect([seed, violatedIds(result)]).toEqual([seed, []]);
    }
  });
});

describe('one line of a made log', () => {
  const plain = [...munmapRcu(1), ...munmapRcu(2), ...munmapRcu(3)];
  const third = (steps: readonly Step[]): Step[] => [
    ...munmapRcu(1),
    ...munmapRcu(2),
    ...steps,
    ...munmapRcu(4),
  ];
  const replay = (steps: readonly Step[]) => replayText(print(steps), BASES);

  it.each([
    ['table-free', / pfn=0x(\w+)/, ' pfn=0x\xff'],
    ['table-free', /pfn=/, 'p\x01n='],
    ['table-free', / pfn=.*/, ' pf'],
    ['table-free', /mm_page_free.*/, 'mm_page_free'],
    ['send', /func=flush_tlb_func/, 'func=flush_t\x80b_func'],
    ['send', /cpu=1/, 'cp\x01=1'],
    ['callback', /head=\w+/, 'head=0xffff\xff'],
    ['flushed', /\(tlb_finish_mmu.*/, '(tlb_fin'],
    ['enter', /len: .*/, 'le'],
    ['exit', /->.*/, ''],
    ['gp-end', / end$/, ' e\x01d'],
  ] as const)('%s %s %s accuses nobody', async (label, from, to) => {
    const whole = await replay(plain);
    const result = await replay(third(change(munmapRcu(3), label, from, to)));
    expect(violatedIds(whole)).toEqual([]);
    expect(violatedIds(result)).toEqual([]);
    // A line nobody can read is as good as one that was lost.
    expect(result.invariants.some((i) => i.instances.unknown > 0)).toBe(true);
  });

  it.each([
    '12 events may be missing here',
    '  sleep-11',
    'page=000000001c4bfefe pfn=0x118cd1 order=0',
    ' 40',
  ])('%j between events: some may be missing there', async (piece) => {
    const steps = third(without(munmapRcu(3), 'table-free'));
    const at = print(steps)
      .split('\n')
      .findIndex((l) => l.includes('nr=1') && l.includes(`0x13c003`.slice(2)));
    expect(at).toBeGreaterThan(0);
    const missing = print(steps).split('\n');
    expect(violatedIds(await replayText(missing.join('\n'), BASES))).not.toEqual([]);
    missing.splice(at + 1, 0, piece);
    expect(violatedIds(await replayText(missing.join('\n'), BASES))).toEqual([]);
  });

  it.each(['# a remark', '   # another', '', '\r', '\t'])(
    '%j between events changes nothing',
    async (line) => {
      const text = print(third(without(munmapRcu(3), 'table-free'))).split('\n');
      const want = violatedIds(await replayText(text.join('\n'), BASES));
      const between = text.flatMap((l) => (HEADER.test(l) ? [l] : [l, line]));
      expect(violatedIds(await replayText(between.join('\n'), BASES))).toEqual(want);
    },
  );

  it('a damaged line excuses nothing of what others say', async () => {
    const early = moveAfter(munmapSync(3), 'flushed', 'table-free');
    const steps = [
      ...change(munmapSync(1), 'exit', / ->.*/, ''),
      ...munmapSync(2),
      ...early,
      ...munmapSync(4),
    ];
    expect(violatedIds(await replayText(print(steps), BASES))).toEqual(expect.arrayContaining(['I03']));
  });

  it('an event that never shows a field is read without it', async () => {
    const steps = plain.map((s) => ({ ...s, rest: s.rest.replace(/ order=0$/, '') }));
    const result = await replay(steps);
    expect(violatedIds(result)).toEqual([]);
    expect(report(result, 'I04').verdict).toBe('pass');
  });
});
