import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePath } from '../../src/kernel/free-paths.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { findBug, SIM_BUGS } from '../../src/simulate/bugs.js';
import { simulate } from '../../src/simulate/simulate.js';
import { completeWorkload, type PartialWorkload } from '../../src/simulate/workload.js';
import { ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';

// Every byte of some 500 logs, as checksums: a change of the order, the times or the words of a log is then a line in a
// review. `PTTRACE_GOLDEN=write` writes the file anew.

const GOLDEN = join(ROOT, 'test/simulate/golden/logs.txt');

const WORKLOADS: Readonly<Record<string, PartialWorkload>> = {
  plain: { munmaps: 20 },
  'other seed': { munmaps: 20, seed: 77 },
  'some memory': { munmaps: 15, pressure: 0.4, seed: 2 },
  'no memory': { munmaps: 8, pressure: 1, seed: 3 },
  'batches fill up': { munmaps: 3, tables: [500, 1100], pagesPerTable: 0, seed: 4 },
  'page batches fill up': { munmaps: 2, tables: 60, pagesPerTable: 200, seed: 5 },
  'page batches cannot grow': { munmaps: 4, tables: [10, 40], pagesPerTable: [0, 9], pressure: 0.7, seed: 6 },
  'one CPU': { munmaps: 12, cpus: 1, tables: [0, 4], pressure: 0.3 },
  'idle CPUs': { munmaps: 10, cpus: 7, spinners: 2, pressure: 0.5 },
  threads: { munmaps: 30, cpus: 9, threads: 4, thinkUs: [1, 30], pressure: 0.2, seed: 8 },
  readers: {
    munmaps: 60,
    cpus: 8,
    threads: 2,
    readers: { gup: 2, rcu: 2, holdUs: [1, 300], pauseUs: [1, 90] },
    pressure: 0.3,
    seed: 9,
  },
  'long readers': {
    munmaps: 30,
    cpus: 4,
    readers: { gup: 1, rcu: 1, holdUs: [500, 60_000], pauseUs: 10 },
    pressure: 0.3,
    seed: 10,
  },
  expedited: { munmaps: 30, rcu: { expedited: true }, pressure: 0.3, seed: 11 },
  'kthread, HZ 1000': { munmaps: 30, rcu: { nocb: true, hz: 1000, gracePeriodMs: [1, 3] }, seed: 12 },
  slow: { munmaps: 15, slowdown: 25, pressure: 0.2, seed: 13 },
  wide: { munmaps: 3, cpus: 90, tables: 2, pressure: 0.4, seed: 14 },
};

interface Log {
  readonly name: string;
  readonly parts: PartialWorkload;
  readonly bug: string | null;
}

function logs(): Log[] {
  const out: Log[] = [];
  for (const { id } of VARIANTS) {
    for (const pv of [false, true]) {
      if (!exists(id, pv)) continue;
      const on = `${id}${pv ? ' in a PV guest' : ''}`;
      for (const [name, parts] of Object.entries(WORKLOADS))
        out.push({ name: `${on}, ${name}`, parts: { ...parts, variant: id, pv }, bug: null });
      for (const { name: bug } of SIM_BUGS) {
        try {
          findBug(bug, freePath(id, pv), 3);
        } catch {
          continue;
        }
        const parts = { munmaps: 12, pressure: 0.3, seed: 15, variant: id, pv };
        out.push({ name: `${on}, without ${bug}`, parts, bug });
        const many = { ...parts, tables: 520, munmaps: 2, pressure: 0 };
        out.push({ name: `${on}, many tables, without ${bug}`, parts: many, bug });
      }
    }
  }
  return out;
}

function exists(id: string, pv: boolean): boolean {
  try {
    freePath(id, pv);
    return true;
  } catch {
    return false;
  }
}

/** Lines of the log, checksum of its bytes and of its summary. */
function checksum({ parts, bug }: Log): string {
  const log = simulate(completeWorkload(parts), bug);
  const hash = createHash('sha256');
  for (;;) {
    const step = log.next();
    if (!step.done) {
      hash.update(step.value);
      continue;
    }
    return `${step.value.lines} ${hash.update(JSON.stringify(step.value)).digest('hex').slice(0, 16)}`;
  }
}

/** Every so many-th is tried; all where they are written anew. */
const STEP = process.env.PTTRACE_GOLDEN ? 1 : partOf(1, 9);

it('each log is what it was, byte for byte', { timeout: 300_000 }, () => {
  const all = logs();
  const now = all.filter((_, i) => i % STEP === 0).map((log) => `${log.name}: ${checksum(log)}`);
  if (process.env.PTTRACE_GOLDEN === 'write') writeFileSync(GOLDEN, `${now.join('\n')}\n`);
  const before = existsSync(GOLDEN) ? readFileSync(GOLDEN, 'utf8').trimEnd().split('\n') : [];
  expect(before.length).toBe(all.length);
  expect(now).toEqual(before.filter((_, i) => i % STEP === 0));
});
