import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { simulate } from '../../src/simulate/simulate.js';
import { completeWorkload, type PartialWorkload } from '../../src/simulate/workload.js';
import type { WhatIfReport } from '../../src/what-if/report.js';
import { whatIf } from '../../src/what-if/what-if.js';
import { ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';

// Everything what-if says of 270 pairs of variants, as checksums, beside the counts in full: a change of a count, a
// latency or a verdict is then a line in a review. `PTTRACE_GOLDEN=write` writes the file anew.

const GOLDEN = join(ROOT, 'test/what-if/golden/numbers.txt');
const VARIANTS = ['A1', 'A2', 'B', 'C', 'D', 'Dn', 'E', 'En', 'F', 'Fn'];
const WORKLOADS: Readonly<Record<string, PartialWorkload>> = {
  'some memory': { munmaps: 12, pressure: 0.5, seed: 3 },
  'no memory, readers': {
    munmaps: 8,
    cpus: 6,
    threads: 2,
    readers: { gup: 1, rcu: 1, holdUs: [1, 200] },
    pressure: 1,
    seed: 4,
  },
  'many tables': { munmaps: 2, tables: [505, 620], pagesPerTable: [0, 1], pressure: 0.001, seed: 5 },
};

const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);

function said(r: WhatIfReport): string {
  if (r.refused) return `refused: ${r.refused.code}`;
  const counts = r.counts.map((c) => `${c.name} ${c.before}→${c.after}`).join(' ');
  return `${r.gathers.reproduced}/${r.gathers.withTables} ${counts}; all ${digest({ ...r, version: '' })}`;
}

/** Every so many-th is tried; all where they are written anew. */
const STEP = process.env.PTTRACE_GOLDEN ? 1 : partOf(1, 29);

it('what is said of each pair is what it was', { timeout: 300_000 }, async () => {
  const now: string[] = [];
  let all = 0;
  for (const [name, parts] of Object.entries(WORKLOADS)) {
    for (const source of VARIANTS) {
      let made: Buffer | undefined;
      const log = (): Buffer =>
        (made ??= Buffer.from(
          [...simulate(completeWorkload({ ...parts, variant: source, pv: source === 'A2' }))].join(''),
        ));
      for (const target of VARIANTS) {
        if (target === source || all++ % STEP !== 0) continue;
        const r = await whatIf({ paths: ['-'], stdin: Readable.from([log()]), variants: [source], target });
        now.push(`${name}, ${source} → ${target}: ${said(r)}`);
      }
    }
  }
  if (process.env.PTTRACE_GOLDEN === 'write') writeFileSync(GOLDEN, `${now.join('\n')}\n`);
  const before = existsSync(GOLDEN) ? readFileSync(GOLDEN, 'utf8').trimEnd().split('\n') : [];
  expect(before.length).toBe(all);
  expect(now).toEqual(before.filter((_, i) => i % STEP === 0));
});
