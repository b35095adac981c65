import { describe, expect, it } from 'vitest';
import { judged, replayFile, report } from '../support/replay.js';
import {
  BASES,
  insertAfter,
  insertBefore,
  MM,
  munmapRcu,
  print,
  type Step,
  step,
  tablePfn,
} from '../support/story.js';
import { lockedWalk, PAGEMAP } from './walkers.js';

const T = tablePfn(2);
const whole = (middle: readonly Step[]): Step[] => [...munmapRcu(1), ...middle, ...munmapRcu(3)];
/** A locking lookup of table 2 that begins before one step and returns `got` before another. */
const locks = (begins: string, returns: string, got: number | null): Step[] => {
  const lookup = lockedWalk(PAGEMAP, MM, T, got);
  return insertBefore(insertBefore(munmapRcu(2), begins, ...lookup.begins), returns, ...lookup.returns);
};

describe('I19 recheck-after-lock, by lookups', () => {
  it('passes where a lookup is done before the unlink, and where the recheck refuses', async () => {
    expect((await judged('I19', whole(locks('gather', 'gather', T)))).verdict).toBe('pass');
    expect((await judged('I19', whole(locks('gather', 'gp-start', null)))).verdict).toBe('pass');
  });

  it('is violated where the table is returned although it was unlinked meanwhile', async () => {
    const r = report(await replayFile(print(whole(locks('gather', 'gp-start', T))), BASES), 'I19');
    expect(r).toMatchObject({ verdict: 'violated', instances: { violated: 1 } });
    expect(r.findings[0]!.events.map((e) => e.role)).toEqual([
      'lookup begins',
      'unlinked',
      'lookup returns it',
    ]);
  });
});

describe('I20 no-install-in-unlinked, by lookups', () => {
  it('passes where tables are locked while they are linked', async () => {
    expect((await judged('I20', whole(locks('gather', 'gather', T)))).verdict).toBe('pass');
  });

  it('is violated where a table is locked for use after its unlink', async () => {
    expect((await judged('I20', whole(locks('request', 'gp-start', T)))).instances.violated).toBe(1);
  });

  it('is violated where an entry is set in a table after its unlink', async () => {
    const pte = `0x${(0xffff888000000000n + BigInt(T) * 4096n + 8n).toString(16)}`;
    const set = step(
      'set',
      PAGEMAP,
      `set_pte_range: (set_pte_range+0x4/0x300) pte=${pte} addr=0x100000001000`,
    );
    const early = insertAfter(locks('gather', 'gather', T), 'lock-returns', set);
    expect((await judged('I20', whole(early))).instances.violated).toBe(0);
    const late = insertBefore(locks('gather', 'gather', T), 'gp-start', set);
    expect((await judged('I20', whole(late))).instances.violated).toBe(1);
  });
});
