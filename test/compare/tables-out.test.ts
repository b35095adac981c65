import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { formatCompare } from '../../cli/render/compare.js';
import { formatCompareAll } from '../../cli/render/compare-all.js';
import { compareInputs } from '../../src/compare/compare.js';
import { runTables, tablesOut } from '../../src/compare/tables-out.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const RECLAIM = fixture('record/debian-7.3.4/readers-reclaim.txt.gz');
const UNPATCHED = fixture('replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz');
const MAIL = fixture('mail/munmap-2024-11.txt');

describe('tables on their way out', () => {
  test('readers and waiting memory of a side', async () => {
    const out = tablesOut([(await runTables(RECLAIM, {}))!, (await runTables(RECLAIM, {}))!]);
    // Three walkers were in pfn 0xc3a5 at its unlink (line 3119). The last left at 52.579976 (line 4762), and the page
    // was released at 52.872955 (line 8384).
    expect(out.readers).toEqual({
      runs: 2,
      tables: 8,
      atUnlink: { walkers: 6, gupFast: 0 },
      atFree: 0,
      margin: { count: 2, leastNs: 292_979_000, medianOfRunsNs: 292_979_000 },
    });
    // Lines 8492 to 8504 hand six tables over, line 8574 queues them, and no callback follows.
    expect(out.deferred).toMatchObject({ runs: 2, peakTables: [6, 6], unknownBatches: 0 });
  });

  test('without lookups, and without call_rcu, there is nothing to say', async () => {
    expect(tablesOut([(await runTables(UNPATCHED, {}))!])).toMatchObject({ runs: 1, readers: null });
    expect(await runTables(MAIL, {})).toBeNull();
    expect(await runTables('-', {})).toBeNull();
  });

  test('compare prints them where both sides have them, and not of a part', async () => {
    const report = await compareInputs({ before: [RECLAIM], after: [RECLAIM] });
    expect(formatCompare(report)).toMatch(/^walkers at unlink +3 +3$/m);
    expect(formatCompare(report)).toMatch(/^last out to free +293 ms +293 ms$/m);
    expect(formatCompareAll(report)).toMatch(
      /Page tables on their way out\n *readers {2}3 walkers and 0 GUP-fast/,
    );
    const mixed = await compareInputs({ before: [RECLAIM], after: [UNPATCHED] });
    expect(formatCompare(mixed)).not.toMatch(/walkers/);
    const part = await compareInputs({ before: [RECLAIM], after: [RECLAIM], filter: { cpus: [0] } });
    expect(part.tables).toBeNull();
  });
});
