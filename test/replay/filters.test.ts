import { describe, expect, it } from 'vitest';
import { replayFixtures } from './damage/fixtures.js';
import { replayLines, replayStory, report, verdicts } from './support/replay.js';
import { MM, moveBefore, munmapRcu, type Step } from './support/story.js';

// What a filter hides still happened: it drives the machine. Only what it shows is judged.

/** The same cycle by another task, CPU and mm. */
const elsewhere = (steps: readonly Step[]): Step[] =>
  steps.map((s) =>
    s.who?.cpu === 0
      ? {
          ...s,
          who: { ...s.who, task: s.who.task.replace('ptw-munmap-100', 'other-200'), cpu: 2 },
          rest: s.rest
            .replaceAll('0xffff888100051300', '0xffff888100052400')
            .replaceAll('0xffffc90000123d00', '0xffffc90000223d00'),
        }
      : s,
  );

const bad = (n: number) => moveBefore(munmapRcu(n), 'enqueue', 'request');
const story = [
  ...munmapRcu(1),
  ...elsewhere(munmapRcu(2)),
  ...bad(3),
  ...elsewhere(munmapRcu(4)),
  ...munmapRcu(5),
];

describe('a filter that shows the violation keeps it, one that does not says nothing of it', () => {
  const shown = { cpus: [0, 1], pids: [100], comms: ['ptw-munmap'], mms: [MM] } as const;
  const hidden = { cpus: [2], pids: [200], comms: ['other'], mms: ['0xffff888100052400'] } as const;

  it('without a filter there is one', async () => {
    const i09 = report(await replayStory(story, {}, 3), 'I09');
    expect(i09.instances).toMatchObject({ pass: 4, violated: 1, unknown: 0 });
  });

  it.each(['cpus', 'pids', 'comms', 'mms'] as const)('%s', async (key) => {
    const kept = await replayStory(story, { filter: { [key]: shown[key] } }, 3);
    expect(report(kept, 'I09').instances).toMatchObject({ pass: 2, violated: 1, unknown: 0 });
    expect(kept.timeline.filter).toBeTruthy();
    const other = report(await replayStory(story, { filter: { [key]: hidden[key] } }, 3), 'I09');
    expect(other.instances).toMatchObject({ pass: 2, violated: 0, unknown: 0 });
    expect(other.verdict).toBe('pass');
  });

  it('since and until', async () => {
    const all = await replayStory(story, {}, 3);
    const first = BigInt(all.timeline.firstNs);
    const middle = String(first + (BigInt(all.timeline.lastNs) - first) / 2n);
    const none = await replayStory(
      story,
      { filter: { sinceNs: String(BigInt(all.timeline.lastNs) + 1n) } },
      3,
    );
    expect(none.invariants.filter((i) => i.instances.violated > 0)).toEqual([]);
    expect(report(none, 'I09').instances).toMatchObject({ pass: 0, unknown: 0 });
    expect(report(none, 'I09').reason).toContain('nothing to check inside the filter');
    const late = report(await replayStory(story, { filter: { sinceNs: middle } }, 3), 'I09').instances;
    const early = report(await replayStory(story, { filter: { untilNs: middle } }, 3), 'I09').instances;
    expect(late.pass + early.pass).toBe(4);
    expect(late.violated + early.violated).toBe(1);
    expect(late.unknown + early.unknown).toBe(0);
  });
});

describe.each(replayFixtures().slice(0, 4))('$name', ({ lines }) => {
  it('no filter adds an instance or changes the machine', async () => {
    const all = await replayLines(lines);
    for (const filter of [
      { cpus: [0] },
      { pids: [1] },
      { comms: ['init'] },
      { untilNs: all.timeline.firstNs },
    ]) {
      const some = await replayLines(lines, { filter });
      expect(some.operations).toEqual(all.operations);
      expect(some.timeline.events).toBe(all.timeline.events);
      for (const id of ['I01', 'I04', 'I09', 'I11', 'I12', 'I38', 'I39', 'I48']) {
        const sum = (r: typeof all) => {
          const { pass, violated, unknown } = report(r, id).instances;
          return pass + violated + unknown;
        };
        expect(sum(some), `${id} ${JSON.stringify(filter)}`).toBeLessThanOrEqual(sum(all));
        expect(report(some, id).instances.pass, id).toBeLessThanOrEqual(report(all, id).instances.pass);
      }
    }
  });

  it('a filter that shows everything is no filter', async () => {
    const all = await replayLines(lines);
    const same = await replayLines(lines, { filter: { sinceNs: '0' } });
    expect(verdicts(same)).toEqual(verdicts(all));
  });
});
