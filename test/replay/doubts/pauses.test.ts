import { describe, expect, it } from 'vitest';
import { Pauses } from '../../../src/replay/doubts/pauses.js';
import { stamped } from '../../gate/support/traces.js';
import { callbackStalled } from '../damage/damage-callbacks.js';
import { seededRandom } from '../damage/edit.js';
import { replayFixtures } from '../damage/fixtures.js';
import { readRecording } from '../damage/recording.js';
import { replayLines, report, violatedIds } from '../support/replay.js';

describe('pauses', () => {
  const pauses = new Pauses();
  pauses.add(Number.NEGATIVE_INFINITY, 5);
  pauses.add(10, 20);
  pauses.add(30, 35);

  it('count as far as they lie in between', () => {
    expect(pauses.between(0, 100)).toBe(15);
    expect(pauses.between(15, 32)).toBe(7);
    expect(pauses.between(20, 30)).toBe(0);
  });

  it('are of one capture', () => {
    pauses.clear();
    expect(pauses.between(0, 100)).toBe(0);
  });
});

describe('a guest that was suspended for a minute', () => {
  const fixtures = replayFixtures().filter(({ name }) => /mt-munmap|gup-munmap/.test(name));
  const suspended = (lines: readonly string[]): string[] => {
    const seconds = lines.flatMap((l) => / (\d+\.\d{6}): /.exec(l)?.[1] ?? []).map(Number);
    const middle = seconds[Math.floor(seconds.length / 2)]!;
    return stamped(lines, (s) => (s > middle ? s + 60 : s));
  };

  it.each(fixtures)('delays no callback: $name', async ({ lines }) => {
    const result = await replayLines(suspended(lines));
    expect(violatedIds(result)).toEqual([]);
  });

  it.each(fixtures)('callbacks that wait while others run are stalled: $name', async ({ lines }) => {
    const damage = callbackStalled(readRecording(lines), seededRandom(7));
    if (damage) expect(report(await replayLines(damage.lines), 'I45').verdict).toBe('violated');
  });

  it('silence says nothing where no switches are recorded', async () => {
    const { lines } = fixtures.find(({ name }) => name === '6.12.117-lab-y/mt-munmap.txt.gz')!;
    const others = lines.filter((l) => !l.includes('sched_switch'));
    const damage = callbackStalled(readRecording(others), seededRandom(7))!;
    expect(violatedIds(await replayLines(damage.lines))).toEqual(['I45']);
  });
});
