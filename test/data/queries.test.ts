import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHIPPED_QUERIES } from '../../src/data/queries.js';
import { type Cell, query } from '../../src/data/query.js';
import { runCommand } from '../support/run-command.js';
import { hasDuckDb, type Made, writeMade } from './support/fleet-data.js';
import { type Row, readDataset } from './support/read-tables.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-queries-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const data = join(dir, 'data');

const KERNELS = ['6.9.1', '6.10-rc3', '6.10', '6.11'];
const HOSTS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Numbers that look like chance and are the same each time. */
const noise = (seed: number): number => ((seed * 2654435761) % 4294967296) / 4294967296;

function fleet(): Made[] {
  return KERNELS.flatMap((kernel, k) =>
    HOSTS.flatMap((host, h) =>
      [0, 1].map((run): Made => {
        const seed = k * 100 + h * 10 + run;
        // 6.11 is slower than all before; host e is slower than the others; 6.10 violates I09 here and there.
        const ns = (kernel === '6.11' ? 4000 : 1000) * (host === 'e' ? 2 : 1);
        return {
          path: `${kernel}/${host}/${run}.txt`,
          kernel,
          host,
          build: `Linux ${kernel} #1 SMP`,
          status: host === 'b' ? 'finding' : host === 'd' && seed === 31 ? 'unreadable' : 'no-finding',
          lost: host === 'c' ? 200 : 0,
          verdicts: {
            I01: ['pass', null],
            I05: ['unknown', run === 0 || h < 3 ? 'needs a probe' : 'loss'],
            I09: kernel === '6.10' && h < 2 ? ['violated', null] : ['pass', null],
            I13: h === 0 ? ['not-applicable', null] : ['unknown', `reason ${h % 2}`],
            I20: h === 0 ? ['pass', null] : ['unknown', 'loss'],
          },
          spansNs: Array.from({ length: 9 }, (_, i) => Math.round(ns * (1 + 0.04 * noise(seed * 31 + i)))),
          delaysNs: Array.from({ length: 4 }, (_, i) => Math.round(5e6 * (1 + noise(seed * 17 + i)))),
        };
      }),
    ),
  );
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return Number.isInteger(half) ? (sorted[half - 1]! + sorted[half]!) / 2 : sorted[Math.floor(half)]!;
};
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function groups<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const list = found.get(key(row));
    if (list) list.push(row);
    else found.set(key(row), [row]);
  }
  return found;
}

/** What the query says, counted by other means: plain loops over what another reader of Parquet finds. */
async function neverDecided(): Promise<Cell[][]> {
  const out: Cell[][] = [];
  for (const [rule, rows] of [...groups(await readDataset(data, 'verdicts'), (r) => String(r.rule))].sort()) {
    const of = (verdict: string) => rows.filter((r) => r.verdict === verdict);
    if (of('unknown').length === 0 || of('pass').length + of('violated').length > 0) continue;
    const reasons = [...groups(of('unknown'), (r) => String(r.why))].map(
      ([why, list]) => [why, list.length] as const,
    );
    reasons.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    const { name, severity } = rows[0]!;
    out.push([
      rule,
      name as string,
      severity as string,
      of('unknown').length,
      of('not-applicable').length,
      ...reasons[0]!,
    ]);
  }
  return out;
}

interface Single {
  readonly kernel: string;
  readonly host: string;
  readonly what: string;
  readonly value: number;
}

async function singles(): Promise<Single[]> {
  const out: Single[] = [];
  for (const [table, name, by] of [
    ['spans', 'span', 'call'],
    ['delays', 'delay', 'kind'],
  ] as const) {
    for (const rows of groups(await readDataset(data, table), (r) => `${r.recording} ${r[by]}`).values()) {
      const { kernel, host } = rows[0]!;
      const value = median(rows.map((r) => Number(r.ns)));
      out.push({ kernel: kernel as string, host: host as string, what: `${name} ${rows[0]![by]}`, value });
    }
  }
  return out;
}

async function regressions(): Promise<Cell[][]> {
  const out: { at: number; cells: Cell[] }[] = [];
  const builds = KERNELS.map((k) => `Linux ${k} #1 SMP`);
  const verdicts = await readDataset(data, 'verdicts');
  for (const [rule, rows] of groups(verdicts, (r) => `${r.rule} ${r.name}`)) {
    let before: { build: string; runs: number; violated: number } | null = null;
    for (const [k, kernel] of KERNELS.entries()) {
      const decided = rows.filter(
        (r) => r.kernel === kernel && (r.verdict === 'pass' || r.verdict === 'violated'),
      );
      if (decided.length === 0) continue;
      const violated = decided.filter((r) => r.verdict === 'violated').length;
      if (before && violated > 0 && before.violated === 0)
        out.push({
          at: k,
          cells: [rule, builds[k]!, before.build, decided.length, before.runs, violated, before.violated],
        });
      before = { build: builds[k]!, runs: decided.length, violated };
    }
  }
  for (const [what, all] of groups(await singles(), (s) => s.what)) {
    const sides = KERNELS.map((kernel) => all.filter((s) => s.kernel === kernel).map((s) => s.value));
    for (let k = 1; k < sides.length; k++) {
      const [was, now] = [sides[k - 1]!, sides[k]!];
      if (was.length >= 4 && now.length >= 4 && Math.min(...now) > Math.max(...was))
        out.push({
          at: k,
          cells: [what, builds[k]!, builds[k - 1]!, now.length, was.length, median(now), median(was)],
        });
    }
  }
  out.sort((a, b) => a.at - b.at || (String(a.cells[0]) < String(b.cells[0]) ? -1 : 1));
  return out.map((o) => o.cells);
}

async function outlierHosts(): Promise<Cell[][]> {
  const share =
    (what: string, of: (r: Row) => number) =>
    (r: Row): Single => ({
      kernel: r.kernel as string,
      host: r.host as string,
      what: `share of ${what}`,
      value: of(r),
    });
  const recordings = await readDataset(data, 'recordings');
  const all = [
    ...(await singles()).map((s) => ({ ...s, what: `median of ${s.what}` })),
    ...recordings.map(share('recordings with findings', (r) => (r.status === 'finding' ? 1 : 0))),
    // What cannot be read seldom says its kernel.
    ...recordings
      .map(share('recordings not read to the end', (r) => (r.status === 'unreadable' ? 1 : 0)))
      .map((s) => ({ ...s, kernel: '' })),
    ...recordings.map(share('events lost', (r) => Number(r.lost) / (Number(r.events) + Number(r.lost)))),
  ];
  const out: Cell[][] = [];
  for (const rows of groups(all, (s) => `${s.kernel} ${s.what}`).values()) {
    const { kernel, what } = rows[0]!;
    const share = what.startsWith('share');
    const hosts = [...groups(rows, (s) => s.host)].map(([host, list]) => {
      const values = list.map((s) => s.value);
      return { host, n: list.length, value: share ? mean(values) : median(values) };
    });
    const typical = median(hosts.map((h) => h.value));
    const away = hosts.map((h) => Math.abs(h.value - typical));
    const scale = median(away) > 0 ? 1.4826 * median(away) : 1.2533 * mean(away);
    for (const [i, { host, n, value }] of hosts.entries()) {
      const score = away[i]! / scale;
      if (hosts.length >= 5 && score > 3.5 && (share || away[i]! > typical / 10))
        out.push([kernel, host, what, n, value, typical, Math.round(score * 10) / 10]);
    }
  }
  const key = (row: readonly Cell[]): string => row.slice(0, 3).join('\u0000');
  return out.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

describe.skipIf(!hasDuckDb)('shipped queries', () => {
  beforeAll(() => writeMade(data, fleet()));
  const shipped = async (name: string): Promise<readonly (readonly Cell[])[]> =>
    (await query(data, SHIPPED_QUERIES.find((q) => q.name === name)!.sql)).rows;

  it('regressions: what an independent count finds', async () => {
    const rows = await shipped('regressions');
    expect(rows).toEqual(await regressions());
    expect(rows.map(([what, build]) => [what, build])).toEqual([
      ['I09 name-of-I09', 'Linux 6.10 #1 SMP'],
      ['span munmap', 'Linux 6.11 #1 SMP'],
    ]);
  });

  it('outlier-hosts: what an independent count finds', async () => {
    const rows = await shipped('outlier-hosts');
    expect(rows).toEqual(await outlierHosts());
    const found = new Set(rows.map(([, host, what]) => `${host} ${what}`));
    expect([...found].sort()).toEqual([
      'b share of recordings with findings',
      'c share of events lost',
      'd share of recordings not read to the end',
      'e median of span munmap',
    ]);
  });

  it('never-decided: what an independent count finds', async () => {
    const rows = await shipped('never-decided');
    expect(rows).toEqual(await neverDecided());
    expect(rows.map(([rule, , , unknown]) => [rule, unknown])).toEqual([
      ['I05', 48],
      ['I13', 40],
    ]);
  });

  it('on what replay wrote, they say what its JSON says', async () => {
    const out = join(dir, 'replayed');
    const { stdout } = await runCommand(['replay', 'fixtures/replay', '--json', '--parquet', out]);
    const { recordings } = JSON.parse(stdout) as {
      recordings: { result: { invariants: { id: string; verdict: string }[] } | null }[];
    };
    const verdicts = recordings.flatMap((r) => r.result?.invariants ?? []);
    const never = [...groups(verdicts, (v) => v.id)]
      .filter(([, list]) => list.some((v) => v.verdict === 'unknown'))
      .filter(([, list]) => !list.some((v) => v.verdict === 'pass' || v.verdict === 'violated'))
      .map(([id, list]) => [id, list.filter((v) => v.verdict === 'unknown').length])
      .sort();
    const { rows } = await query(out, SHIPPED_QUERIES.find((q) => q.name === 'never-decided')!.sql);
    expect(rows.map(([rule, , , unknown]) => [rule, unknown])).toEqual(never);
    const counted = await query(
      out,
      'SELECT verdict, count(*) FROM verdicts GROUP BY verdict ORDER BY verdict',
    );
    const told = [...groups(verdicts, (v) => v.verdict)]
      .map(([verdict, list]) => [verdict, list.length])
      .sort();
    expect(counted.rows).toEqual(told);
  });
});
