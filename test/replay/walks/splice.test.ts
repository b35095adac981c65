import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { replayText, report } from '../support/replay.js';

// A recording of `record --level readers` on Debian's 7.3.4: three walkers are inside a table when it is unlinked, and
// nobody when it is released (fixtures/record/README.md). Spliced: another walker, of a task and CPU of its own.

const FILE = join(import.meta.dirname, '../../../fixtures/record/debian-7.3.4/readers-reclaim.txt.gz');
const lines = gunzipSync(readFileSync(FILE)).toString('latin1').trimEnd().split('\n');
const US = /\[(\d{3})\] (\S+) +(\d+)\.(\d{6}): /;
const usOf = (line: string): number => {
  const m = US.exec(line);
  return m ? Number(m[3]) * 1e6 + Number(m[4]) : Number.NaN;
};
const base = (name: string): bigint => {
  const fact = lines.find((l) => l.startsWith(`# pttrace: base ${name} `))!;
  return BigInt(fact.split(' ').at(-1)!);
};
const [vmemmap, directMap] = [base('vmemmap'), base('direct-map')];

interface Release {
  readonly pfn: number;
  readonly unlinkUs: number;
  readonly freeUs: number;
}

/** Every PTE table that is handed to a gather and released in the recording. */
const releases: Release[] = [];
{
  const handed = new Map<number, number>();
  lines.forEach((line, at) => {
    const page = / pte_free_tlb: .* page=(0x[0-9a-f]+)/.exec(line)?.[1];
    if (page) handed.set(Number((BigInt(page) - vmemmap) / 64n), at);
    const pfn = Number(/ mm_page_free: .* pfn=(0x[0-9a-f]+)/.exec(line)?.[1] ?? Number.NaN);
    const from = handed.get(pfn);
    if (from === undefined) return;
    handed.delete(pfn);
    releases.push({
      pfn,
      unlinkUs: usOf(lines[from]!),
      freeUs: usOf(line),
    });
  });
}

const event = (us: number, text: string): string =>
  `    rd-spliced-9999    [007] ..... ${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}: ${text}`;

/** The recording with a walker in table `pfn` from `fromUs` to `toUs`. */
function withWalker({ pfn }: Release, fromUs: number, toUs: number): string {
  const pte = `0x${(directMap + BigInt(pfn) * 4096n + 64n).toString(16)}`;
  const pmd = `0x${(directMap + 0x7000n * 4096n + 8n).toString(16)}`;
  const entering = [
    `pte_map: (__pte_offset_map+0x4/0x100) pmd=${pmd} addr=0x100000408000 pmdv=0x${(pfn * 4096 + 0x67).toString(16)}`,
    'rcu_read_lock: (__rcu_read_lock+0x4/0x30)',
    `pte_map_ret: (walk_pmd_range+0x46/0x120 <- __pte_offset_map) pte=${pte}`,
  ].map((text) => event(fromUs, text));
  const leaving = [event(toUs, 'rcu_read_unlock: (__rcu_read_unlock+0x4/0x30)')];
  const out: string[] = [];
  let [entered, left] = [false, false];
  for (const line of lines) {
    const us = usOf(line);
    if (!entered && us >= fromUs) {
      out.push(...entering);
      entered = true;
    }
    if (!left && us >= toUs) {
      out.push(...leaving);
      left = true;
    }
    out.push(line);
  }
  return `${out.join('\n')}\n`;
}

it('the recording itself: readers inside at an unlink, nobody at a release', async () => {
  const result = await replayText(`${lines.join('\n')}\n`);
  expect(result.readers!.inside).toEqual({
    atUnlink: { walkers: 3, gupFast: 0 },
    atFree: { walkers: 0, gupFast: 0 },
  });
  expect(report(result, 'I05')).toMatchObject({ verdict: 'pass', instances: { violated: 0, unknown: 0 } });
  expect(result.invariants.filter((i) => i.instances.violated > 0)).toEqual([]);
  expect(releases.length).toBeGreaterThan(2);
});

it('a walker over a release is violated every time, one that is out a microsecond before it never', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...releases),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 400 }),
      async (release, beforeUs, afterUs) => {
        const fromUs = release.unlinkUs - beforeUs;
        const over = report(await replayText(withWalker(release, fromUs, release.freeUs + afterUs)), 'I05');
        expect(over.instances.violated).toBe(1);
        const out = report(await replayText(withWalker(release, fromUs, release.freeUs - 1)), 'I05');
        expect(out.instances).toMatchObject({ violated: 0, unknown: 0 });
      },
    ),
    { numRuns: 4 },
  );
}, 120_000);
