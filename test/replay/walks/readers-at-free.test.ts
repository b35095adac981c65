import { describe, expect, it } from 'vitest';
import { judged, replayFile, report } from '../support/replay.js';
import {
  BASES,
  insertAfter,
  insertBefore,
  LOST,
  munmapRcu,
  print,
  type Step,
  tablePfn,
} from '../support/story.js';
import { MINCORE, PAGEMAP, rcuLock, rcuUnlock, walk } from './walkers.js';

const T = tablePfn(2);
const whole = (middle: readonly Step[]): Step[] => [...munmapRcu(1), ...middle, ...munmapRcu(3)];
/** A walker enters table 2 before `enters` and leaves before `leaves`. */
const visit = (enters: string, leaves: string): Step[] =>
  insertBefore(insertBefore(munmapRcu(2), enters, ...walk(PAGEMAP, T)), leaves, rcuUnlock(PAGEMAP));

describe('I05 no-reader-at-free, by lookups', () => {
  it.each([
    ['is out before the unlink', visit('gather', 'unlink')],
    ['is inside at the unlink and out before the release', visit('unlink', 'table-free')],
    ['is out while the callback runs', visit('gather', 'callback')],
  ])('passes where a walker %s', async (_, steps) => {
    expect(await judged('I05', whole(steps))).toMatchObject({
      verdict: 'pass',
      instances: { pass: 1, violated: 0, unknown: 0 },
    });
  });

  it('is violated where a walker is in the table at its release, with the lines that show it', async () => {
    const r = report(await replayFile(print(whole(visit('unlink', 'batch-free'))), BASES), 'I05');
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.message).toContain(`0x${T.toString(16)}`);
    expect(r.findings[0]!.events.map((e) => e.role)).toEqual([
      expect.stringMatching(/walker enters/),
      'unlinked',
      'released',
      'walker leaves',
    ]);
  });

  it('is violated where a walker finds a table that is free', async () => {
    const steps = insertAfter(munmapRcu(2), 'called', ...walk(PAGEMAP, T), rcuUnlock(PAGEMAP));
    expect((await judged('I05', whole(steps))).instances.violated).toBe(1);
  });

  it('counts two walkers in one table once, and each violation', async () => {
    const both = insertBefore(
      insertBefore(munmapRcu(2), 'unlink', ...walk(PAGEMAP, T), ...walk(MINCORE, T)),
      'batch-free',
      rcuUnlock(PAGEMAP),
      rcuUnlock(MINCORE),
    );
    expect((await judged('I05', whole(both))).instances.violated).toBe(2);
  });

  it('keeps sections apart that lie in each other', async () => {
    // The inner section has the table, and ends in time; the outer one lasts.
    const steps = insertBefore(
      insertBefore(munmapRcu(2), 'unlink', rcuLock(PAGEMAP), ...walk(PAGEMAP, T), rcuUnlock(PAGEMAP)),
      'batch-free',
      rcuUnlock(PAGEMAP),
    );
    expect((await judged('I05', whole(steps))).instances).toMatchObject({ pass: 1, violated: 0 });
  });

  it('follows a walker that is preempted and goes on elsewhere', async () => {
    const later = { ...PAGEMAP, cpu: 1 };
    const out = (leaves: string) =>
      insertBefore(insertBefore(munmapRcu(2), 'unlink', ...walk(PAGEMAP, T)), leaves, rcuUnlock(later));
    expect((await judged('I05', whole(out('gp-start')))).instances).toMatchObject({ pass: 1, violated: 0 });
    expect((await judged('I05', whole(out('batch-free')))).instances).toMatchObject({ pass: 0, violated: 1 });
  });

  it('is unknown where the end is not seen, where events were lost, and without reader sections', async () => {
    const endless = insertBefore(munmapRcu(2), 'unlink', ...walk(PAGEMAP, T));
    expect(await judged('I05', whole(endless))).toMatchObject({
      verdict: 'unknown',
      instances: { violated: 0 },
    });
    const lost = insertBefore(visit('unlink', 'gp-start'), 'gp-end', LOST(2));
    expect((await judged('I05', whole(lost))).verdict).toBe('unknown');
    const bare = visit('unlink', 'gp-start').filter((s) => !s.label.startsWith('rcu-'));
    const r = await judged('I05', whole(bare));
    expect(r.verdict).toBe('unknown');
    expect(r.reason).toMatch(/__rcu_read_lock/);
  });

  it('says nothing of tables that nobody was seen in', async () => {
    const elsewhere = insertBefore(munmapRcu(2), 'unlink', ...walk(PAGEMAP, 0x77777), rcuUnlock(PAGEMAP));
    expect((await judged('I05', whole(elsewhere))).verdict).toBe('not-applicable');
  });
});
