import { describe, expect, it } from 'vitest';
import { partOf } from '../support/part.js';
import { damageLines, readRecording, seededRandom } from './damage/damage.js';
import { replayFixtures } from './damage/fixtures.js';
import { parseLine } from './damage/recording-lines.js';
import { inTurn } from './support/in-turn.js';
import { replayLines, replayStory, replayText, report, verdicts, violatedIds } from './support/replay.js';
import {
  BASES,
  insertAfter,
  LOST,
  MUNMAP,
  munmapRcu,
  munmapSync,
  print,
  SPIN_IRQ,
  type Step,
  step,
  without,
} from './support/story.js';

// The ring buffer says where it lost events. What is absent there may have happened: never a violation.

/** Of the longer recordings. */
const LINES = partOf(10_000, 2500);
const FIXTURES = replayFixtures().map((f) => ({ ...f, lines: f.lines.slice(0, LINES) }));
const HOLES = partOf(6, 2);
const MAX_HOLE = 60;
const DROPPED = [
  'flush-dropped',
  'enqueue-dropped',
  'sync-dropped',
  'syscall-exit-dropped',
  'gather-end-dropped',
  'gather-begin-dropped',
];

/** Lines `from … from + length` of one CPU replaced by what tracefs prints for them. */
function withHole(lines: readonly string[], from: number, length: number): string[] {
  const cpu = parseLine(lines[from]!, from)!.cpu;
  const out = lines.slice(0, from);
  let lost = 0;
  const rest: string[] = [];
  lines.slice(from).forEach((text, i) => {
    if (i < length && parseLine(text, from + i)?.cpu === cpu) lost++;
    else rest.push(text);
  });
  return [...out, `CPU:${cpu} [LOST ${lost} EVENTS]`, ...rest];
}

describe.each(FIXTURES)('$name', (fixture) => {
  it('random holes raise no alarm, and are counted', async () => {
    const random = seededRandom(fixture.lines.length);
    const alarms: string[] = [];
    for (let i = 0; i < HOLES; i++) {
      const from = 12 + Math.floor(random() * (fixture.lines.length - 12));
      const length = 1 + Math.floor(random() * MAX_HOLE);
      const result = await replayLines(withHole(fixture.lines, from, length));
      expect(result.inputs[0]!.lines.lost).toBe(1);
      expect(report(result, 'I53').verdict).toBe('unknown');
      const ids = violatedIds(result);
      if (ids.length > 0)
        alarms.push(
          `line ${from + 1}, ${length} lines: ${ids.map((id) => `${id} ${report(result, id).findings[0]?.message}`)}`,
        );
    }
    expect(alarms).toEqual([]);
  });

  it('lines that break off raise no alarm: what stood in them may be what seems absent', async () => {
    const random = seededRandom(fixture.lines.length + 1);
    for (let i = 0; i < HOLES; i++) {
      const lines = [...fixture.lines];
      for (let n = 0; n < 12; n++) {
        const at = 12 + Math.floor(random() * (lines.length - 12));
        lines[at] = lines[at]!.slice(0, 20 + Math.floor(random() * 25));
      }
      const result = await replayLines(lines);
      expect(result.inputs[0]!.lines.skipped).toBeGreaterThan(0);
      expect(violatedIds(result)).toEqual([]);
    }
  });

  it.each(inTurn(DROPPED, 2, FIXTURES.indexOf(fixture)))(
    '%s is no finding where the dropped lines were lost',
    async (kind) => {
      for (const seed of [1, 2].slice(0, partOf(2, 1))) {
        const damage = damageLines(kind, readRecording(fixture.lines), seed);
        if (damage === null) continue;
        const gone = new Set([...damage.where.matchAll(/\d+/g)].map((m) => Number(m[0]) - 1));
        const lines = fixture.lines.map((text, i) =>
          gone.has(i) ? `CPU:${parseLine(text, i)!.cpu} [LOST 1 EVENTS]` : text,
        );
        const result = await replayLines(lines);
        expect(violatedIds(result), damage.where).toEqual([]);
        // Without the LOST lines the same removal is a finding, or unknown without later lines.
        const silent = report(await replayLines(damage.lines), damage.expected).instances;
        expect(silent.violated + silent.unknown, damage.where).toBeGreaterThan(0);
      }
    },
  );
});

describe('a cut file', () => {
  it('is not ring loss: what lies past its end is unknown or censored, and the cut is told', async () => {
    const steps = [...munmapRcu(1), ...munmapRcu(2)];
    const whole = await replayText(print(steps), BASES);
    expect(whole.inputs[0]!.notes.filter((n) => /cut/.test(n.code))).toEqual([]);
    const text = print(steps.slice(0, -8), 2, steps.length);
    const cut = await replayText(text, BASES);
    expect(cut.inputs[0]!.notes.some((n) => /cut|fewer|announce/.test(`${n.code} ${n.message}`))).toBe(true);
    expect(cut.timeline.lost).toEqual([]);
    expect(violatedIds(cut)).toEqual([]);
    expect(report(cut, 'I38').instances).toMatchObject({ pass: 1, censored: 1, violated: 0 });
  });

  it('cut anywhere, no fixture has a finding', async () => {
    const alarms: string[] = [];
    for (const { name, lines } of FIXTURES.slice(0, 6)) {
      const random = seededRandom(lines.length + 1);
      for (let i = 0; i < 4; i++) {
        const at = 13 + Math.floor(random() * (lines.length - 13));
        const ids = violatedIds(await replayLines(lines.slice(0, at)));
        if (ids.length > 0) alarms.push(`${name} cut at ${at}: ${ids}`);
        const tail = violatedIds(await replayLines([...lines.slice(0, 12), ...lines.slice(at)]));
        if (tail.length > 0) alarms.push(`${name} from ${at}: ${tail}`);
      }
    }
    expect(alarms).toEqual([]);
  });
});

describe('loss on one CPU', () => {
  it('does not blind the verdicts that were settled before it', async () => {
    const before = await replayStory([...munmapRcu(1), ...munmapRcu(2)]);
    const after = await replayStory([...munmapRcu(1), ...munmapRcu(2), LOST(0)]);
    const settled = (r: typeof before) => Object.entries(verdicts(r)).filter(([id]) => id !== 'I53');
    expect(settled(after)).toEqual(settled(before));
  });

  it('turns a would-be absence into unknown', async () => {
    const odd = without(
      munmapRcu(2),
      'request',
      'multi',
      'send',
      'handler-in',
      'invalidate',
      'handler-out',
      'flushed',
    );
    const at = odd.findIndex((s) => s.label === 'enqueue');
    const silent = await replayStory([...munmapRcu(1), ...odd, ...munmapRcu(3)]);
    expect(violatedIds(silent)).toContain('I09');
    const lost = await replayStory([
      ...munmapRcu(1),
      ...odd.slice(0, at),
      LOST(0),
      ...odd.slice(at),
      ...munmapRcu(3),
    ]);
    expect(violatedIds(lost)).toEqual([]);
    expect(report(lost, 'I09').reason).toContain('events were lost, or may have been, in between');
  });

  it('after an absence, but before the probe shows again that it works, proves nothing either', async () => {
    const odd = without(
      munmapRcu(2),
      'request',
      'multi',
      'send',
      'handler-in',
      'invalidate',
      'handler-out',
      'flushed',
    );
    const r = await replayStory([...munmapRcu(1), ...odd, LOST(0), ...munmapRcu(3)]);
    expect(violatedIds(r)).toEqual([]);
    expect(report(r, 'I09').reason).toContain('events were lost on this CPU before its probe fired again');
    const other = await replayStory([...munmapRcu(1), ...odd, LOST(1), ...munmapRcu(3)]);
    expect(violatedIds(other)).toContain('I09');
  });

  it('counts from that CPU’s last event, not from the line that tells of it', async () => {
    // The second hand-over is only wrong if no release was lost on CPU 1, which is silent until after it.
    const idle = step('idle', SPIN_IRQ, 'rcu_utilization: Start scheduler-tick');
    const odd = insertAfter(munmapSync(2), 'unlink', step('unlink', MUNMAP, munmapSync(2)[6]!.rest));
    expect(odd.filter((s) => s.rest.startsWith('pte_free_tlb'))).toHaveLength(2);
    const told = (late: Step[]) => {
      const at = odd.findIndex((s) => s.label === 'finish');
      return replayStory([
        ...munmapSync(1),
        idle,
        ...odd.slice(0, at),
        ...late,
        ...odd.slice(at),
        ...munmapSync(3),
      ]);
    };
    expect(violatedIds(await told([idle]))).toContain('I12');
    expect(violatedIds(await told([LOST(1), idle]))).toEqual([]);
    expect(violatedIds(await told([idle, LOST(1)]))).toContain('I12');
  });
});
