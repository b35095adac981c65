import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import { RecordingTables } from '../../src/data/recording-tables.js';
import { TABLES } from '../../src/data/tables.js';
import type { Result } from '../../src/result/types.js';
import { ROOT } from '../support/built.js';
import { type Row, readTable } from './support/read-tables.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-tables-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const HEAD = {
  status: 'no-finding',
  variants: ['B', 'C'],
  lost: 0,
  lostUnknown: 0,
  findings: 0,
};

async function tablesOf(path: string): Promise<{ result: Result; tables: Record<string, Row[]> }> {
  const folder = join(dir, 'one');
  const tables = new RecordingTables(folder, path, undefined);
  const result = await analyse({ paths: [join(ROOT, path)], measured: tables.measured });
  const { events } = result.timeline;
  tables.finish({ ...HEAD, path, events, tableFrees: result.summary.tableFrees }, result, null);
  const read: Record<string, Row[]> = Object.fromEntries(TABLES.map((t) => [t.name, []]));
  for (const file of readdirSync(folder))
    read[file.replace('.parquet', '')] = await readTable(join(folder, file));
  return { result, tables: read };
}

const RECORDINGS = readdirSync(join(ROOT, 'fixtures/replay'), { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.gz') && !f.includes('kprobe_events'))
  .map((f) => `fixtures/replay/${f}`)
  .sort();

const sum = (rows: readonly Row[]): bigint => rows.reduce((n, row) => n + BigInt(row.ns as bigint), 0n);

describe('the tables of a recording', () => {
  it.each(RECORDINGS)('%s: hold what its report counts', async (path) => {
    const { result, tables } = await tablesOf(path);
    const overall = (name: string) => result.latency.find((l) => l.name === name && l.key === '');
    const munmap = overall('munmap');
    expect(tables.spans).toHaveLength(munmap?.count ?? 0);
    expect(sum(tables.spans!)).toBe(BigInt(munmap?.sumNs ?? 0));
    const delay = overall('call_rcu→callback');
    expect(tables.delays).toHaveLength(delay?.count ?? 0);
    expect(sum(tables.delays!)).toBe(BigInt(delay?.sumNs ?? 0));
    for (const kind of ['batch', 'single', 'defer']) {
      const of = result.latency.find((l) => l.name === 'call_rcu→callback' && l.key === kind);
      expect(tables.delays!.filter((d) => d.kind === kind)).toHaveLength(of?.count ?? 0);
    }
    const { readers } = result;
    expect(tables.margins!.filter((m) => (m.ns as bigint) >= 0n)).toHaveLength(readers?.margin.count ?? 0);
    expect(tables.verdicts!.map((v) => [v.rule, v.verdict, Number(v.pass), Number(v.violated)])).toEqual(
      result.invariants.map((i) => [i.id, i.verdict, i.instances.pass, i.instances.violated]),
    );
    expect(tables.recordings).toMatchObject([
      { recording: path, variants: 'B C', clock: 'ns', events: BigInt(result.timeline.events) },
    ]);
  });

  it('stamps are those of the recording', async () => {
    const { result, tables } = await tablesOf(RECORDINGS[0]!);
    const { firstNs, lastNs } = result.timeline;
    expect(tables.recordings).toMatchObject([{ first_ns: BigInt(firstNs), last_ns: BigInt(lastNs) }]);
    for (const span of tables.spans!) {
      expect((span.ended_ns as bigint) >= BigInt(firstNs)).toBe(true);
      expect((span.ended_ns as bigint) <= BigInt(lastNs)).toBe(true);
    }
  });

  it('of readers are as the report lists them', async () => {
    const { result, tables } = await tablesOf('fixtures/record/debian-7.3.4/readers-reclaim.txt.gz');
    const told = result.readers!.closest.map((c) => [c.table, c.address, c.unlinkedBy, BigInt(c.marginNs)]);
    expect(told.length).toBeGreaterThan(0);
    const rows = tables.margins!.map((m) => [m.page, m.address, m.unlinked_by, m.ns]);
    expect(rows.sort()).toEqual(told.sort());
    for (const m of tables.margins!) expect((m.released_ns as bigint) > (m.unlinked_ns as bigint)).toBe(true);
  });

  it('what could not be read leaves one row', async () => {
    const folder = join(dir, 'none');
    const tables = new RecordingTables(folder, 'x', undefined);
    await analyse({ paths: [join(ROOT, RECORDINGS[0]!)], measured: tables.measured });
    const head = {
      ...HEAD,
      path: 'x',
      events: 0,
      tableFrees: 0,
      status: 'unreadable',
      error: { message: 'is bad' },
    };
    tables.finish(head, null, null);
    expect(readdirSync(folder)).toEqual(['recordings.parquet']);
    expect(await readTable(join(folder, 'recordings.parquet'))).toMatchObject([
      { recording: 'x', status: 'unreadable', error: 'is bad', first_ns: null },
    ]);
  });
});
