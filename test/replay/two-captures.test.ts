import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { replayFixtures } from './damage/fixtures.js';
import { HARMLESS } from './damage/harmless.js';
import { perfScript, traceCmd } from './support/dialects.js';
import { inTurn } from './support/in-turn.js';
import { replayText, report, verdicts, violatedIds } from './support/replay.js';
import { moveBefore, munmapRcu, print, type Step } from './support/story.js';

// Captures put one behind the other (`cat a b`): what was learnt of one kernel and its recorder is not held against the next.

const LINES = 900;
const fixtures = replayFixtures();
const text = (lines: readonly string[]): string => `${lines.slice(0, LINES).join('\n')}\n`;
const passes = (result: Result): number => result.invariants.reduce((sum, i) => sum + i.instances.pass, 0);

describe.each(fixtures.map((fixture, i) => ({ ...fixture, i })))('behind $name', ({ lines, i }) => {
  const first = text(lines);
  const other = fixtures[(i + 4) % fixtures.length]!;
  const elsewhere = text(HARMLESS['shift-bases']!(other, 5).lines);
  // trace-cmd report tells no capture of its own from another where it is the dialect of both.
  const forms = {
    'as it is': text(other.lines),
    'another boot': elsewhere,
    'as perf script': perfScript(elsewhere),
    'as trace-cmd report': traceCmd(elsewhere),
  };

  it.each(inTurn(Object.entries(forms), 2, i))(`${other.name}, %s`, async (_, second) => {
    const [one, two, both] = [
      await replayText(first),
      await replayText(second),
      await replayText(first + second, { format: undefined }),
    ];
    expect(violatedIds(both)).toEqual([]);
    // Both are judged as they are by themselves.
    expect(passes(both)).toBeGreaterThan(0.98 * (passes(one) + passes(two)));
  });
});

/** Bases as a recording says them. */
const based = (vmemmap: string, directMap: string, steps: readonly Step[]): string =>
  print(steps)
    .replaceAll('ffffea00', vmemmap)
    .replaceAll('ffff8880', directMap)
    .replace(
      /^/,
      `# pttrace: base vmemmap 0x${vmemmap}00000000\n# pttrace: base direct-map 0x${directMap}00000000\n`,
    );

describe('bases that each capture says', () => {
  const right = [1, 2, 3, 4].flatMap((n) => munmapRcu(n));
  const wrong = [
    munmapRcu(1),
    munmapRcu(2),
    moveBefore(munmapRcu(3), 'table-free', 'request'),
    munmapRcu(4),
  ].flat();
  const [here, there] = [
    ['ffffea00', 'ffff8880'],
    ['fffff8d3', 'ffff91c0'],
  ] as const;

  it('are used for it', async () => {
    const one = await replayText(based(...here, right));
    const both = await replayText(based(...here, right) + based(...there, right));
    for (const id of ['I01', 'I03', 'I04', 'I09', 'I12']) {
      expect([id, report(both, id).instances.pass]).toEqual([id, 2 * report(one, id).instances.pass]);
    }
    expect(violatedIds(both)).toEqual([]);
    expect(both.inputs[0]!.notes.map((n) => n.code)).toContain('recording-conflict');
  });

  it('are not those of a capture that says none', async () => {
    const silent = (steps: readonly Step[]): string =>
      based(...there, steps).replace(/^# pttrace: base .*\n/gm, '');
    const many = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((n) => munmapRcu(n));
    const both = await replayText(based(...here, right) + silent(many));
    expect(violatedIds(both)).toEqual([]);
    expect(report(both, 'I12').instances.pass).toBe(right.length / munmapRcu(1).length + 8);
  });

  it('a fault in the second is found', async () => {
    const both = await replayText(based(...here, right) + based(...there, wrong));
    expect(violatedIds(both)).toEqual(expect.arrayContaining(['I03']));
  });
});

describe('excerpts of one capture that overlap', () => {
  it.each(fixtures.map(({ name, lines }) => [name, lines] as const))('%s', async (_, lines) => {
    const half = lines.slice(0, LINES);
    const twice = [...half.slice(0, 600), ...half.slice(400)].join('\n');
    // Of one CPU alone its clock may have gone back.
    expect(violatedIds(await replayText(`${twice}\n`)).filter((id) => id !== 'I52')).toEqual([]);
  });

  it('a capture read twice says the same twice', async () => {
    const { lines } = fixtures[0]!;
    const once = await replayText(text(lines));
    const twice = await replayText(text(lines) + text(lines));
    for (const [id, said] of Object.entries(verdicts(once)))
      expect([id, verdicts(twice)[id]!.verdict]).toEqual([id, said.verdict]);
  });
});
