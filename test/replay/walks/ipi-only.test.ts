import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { replayText, report } from '../support/replay.js';

// A recording of `record --level readers` on Debian's 7.3.4, and what a kernel would have printed that does not queue the
// tables that MADV_DONTNEED reclaims to RCU, but releases them as soon as every CPU has answered an IPI. Walkers under
// rcu_read_lock() answer and go on walking.

const FILE = join(import.meta.dirname, '../../../fixtures/record/debian-7.3.4/readers-reclaim.txt.gz');
const lines = gunzipSync(readFileSync(FILE)).toString('latin1').trimEnd().split('\n');
const HEAD = '0xffff8a7a0c29c000';

const vmemmap = BigInt(
  lines
    .find((l) => l.startsWith('# pttrace: base vmemmap '))!
    .split(' ')
    .at(-1)!,
);
const callback = lines.findIndex((l) => l.includes(`tlb_remove_table_rcu: `) && l.includes(`head=${HEAD}`));
const pages = /tables=\{([^}]*)\}/
  .exec(lines[callback]!)![1]!
  .split(',')
  .filter((p) => p !== '0x0');
const handedOver = lines.findLastIndex(
  (l, i) => i < callback && / pte_free_tlb: /.test(l) && l.includes(pages.at(-1)!),
);
const released = (page: string): string => {
  const pfn = ((BigInt(page) - vmemmap) / 64n).toString(16);
  return `mm_page_free: page=${page.slice(2)} pfn=0x${pfn} order=0`;
};
const frees = new Set(pages.map((page) => / pfn=\S+/.exec(released(page))![0]));

/** Released at once, and never queued. */
function afterIpi(): string {
  const prefix = /^.*?\d+\.\d+: /.exec(lines[handedOver]!)![0];
  const now = [
    'tlb_remove_table_sync_one: (tlb_remove_table_sync_one+0x4/0x30)',
    'tlb_remove_table_sync_one_ret: (tlb_remove_table+0x1a/0x90 <- tlb_remove_table_sync_one)',
    ...pages.map(released),
  ].map((text) => prefix + text);
  const dropped = (line: string): boolean =>
    (line.includes(HEAD) && / (?:call_rcu|call_rcu_common|tlb_remove_table_rcu): /.test(line)) ||
    [...frees].some((pfn) => line.includes(` mm_page_free: `) && line.includes(`${pfn} `));
  const kept = (from: number, to?: number): string[] =>
    lines.slice(from, to).filter((line) => !dropped(line));
  return `${[...kept(0, handedOver + 1), ...now, ...kept(handedOver + 1)].join('\n')}\n`;
}

it('the tables in question: several in one batch, one of them with walkers inside', () => {
  expect(pages).toHaveLength(4);
  expect(handedOver).toBeGreaterThan(0);
  expect(handedOver).toBeLessThan(callback);
});

it('a kernel that frees after the IPI is violated by those who were inside', async () => {
  const result = await replayText(afterIpi());
  const i05 = report(result, 'I05');
  expect(i05.verdict).toBe('violated');
  // Three walkers, all in one of the four tables.
  expect(i05.instances.violated).toBe(3);
  expect(result.readers!.inside.atFree.walkers).toBe(3);
  const i06 = report(result, 'I06');
  // Each of the four, whoever was inside.
  expect(i06.instances).toMatchObject({ pass: 0, violated: 4 });
  expect(i06.findings[0]!.message).toContain('was reclaimed and released');
  expect(result.readers!.inside.atUnlink.walkers).toBe(3);
});

it('a table is no reclaimed one because an madvise() is never seen to return', async () => {
  const cut = afterIpi()
    .split('\n')
    .filter((line) => !/ sys_madvise -> /.test(line))
    .join('\n');
  expect(report(await replayText(afterIpi()), 'I06').verdict).toBe('violated');
  expect(report(await replayText(cut), 'I06').verdict).not.toBe('violated');
});
