import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatQuery } from '../../cli/render/query.js';
import { type Cell, QUERY_SCHEMA, query } from '../../src/data/query.js';
import { TABLES } from '../../src/data/tables.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { builtCommand } from '../support/built.js';
import { runCommand } from '../support/run-command.js';
import { hasDuckDb, writeDataset } from './support/fleet-data.js';
import { readDataset } from './support/read-tables.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-query-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
// A name that means something to a glob, and to SQL.
const data = join(dir, "it's [a] *");
beforeAll(() => writeDataset(data));

describe.skipIf(!hasDuckDb)('SQL over the tables', () => {
  it.each(TABLES.map((t) => t.name))(
    '%s: as many rows as another reader counts, the same ones',
    async (table) => {
      const { columns, rows } = await query(data, `SELECT * FROM ${table}`);
      const read = await readDataset(data, table);
      expect(rows.length).toBe(read.length);
      const names = columns.map((c) => c.name);
      const text = (row: readonly unknown[]): string => row.map((v) => String(v)).join('|');
      expect(rows.map(text).sort()).toEqual(read.map((r) => text(names.map((n) => r[n]))).sort());
    },
  );

  it('counts, sums and quantiles are those of an independent count', async () => {
    const spans = await readDataset(data, 'spans');
    const { rows } = await query(
      data,
      'SELECT host, count(*), sum(ns), min(ns), quantile_disc(ns, 0.5) FROM spans GROUP BY host ORDER BY host',
    );
    const hosts = [...new Set(spans.map((s) => s.host))].sort();
    const counted = hosts.map((host): Cell[] => {
      const ns = spans.filter((s) => s.host === host).map((s) => Number(s.ns));
      ns.sort((a, b) => a - b);
      return [
        host as string,
        ns.length,
        ns.reduce((a, b) => a + b),
        ns[0]!,
        ns[Math.ceil(ns.length / 2) - 1]!,
      ];
    });
    expect(rows).toEqual(counted);
  });

  it('kernel and host are text, whatever they look like; null where nothing says them', async () => {
    const { columns, rows } = await query(data, 'SELECT DISTINCT kernel, host FROM recordings ORDER BY ALL');
    expect(columns.map((c) => c.type)).toEqual(['VARCHAR', 'VARCHAR']);
    expect(rows).toContainEqual(['7', '17']);
    expect(rows).toContainEqual([null, null]);
    expect(rows).toContainEqual(['6.1+', 'a/b %41']);
  });

  it('what JSON has no number for is text', async () => {
    const { rows } = await query(
      data,
      "SELECT 9007199254740991, 9007199254740993, DATE '2026-01-02', [1, 2]",
    );
    expect(rows).toEqual([[9007199254740991, '9007199254740993', '2026-01-02', [1, 2]]]);
  });

  it('builds are sorted as they were made', async () => {
    const { rows } = await query(
      data,
      `SELECT k || b FROM (VALUES ('6.9', ' #1'), ('6.17', ' #2'), ('6.17-rc2', ' #1'), ('6.17', ' #10'), ('6.17.1', ' #1'),
        ('6.17-rc10', ' #1'), ('99999999999999999999.1', ' #1'), ('next', ' #1')) t(k, b) ORDER BY build_age(k, b)`,
    );
    expect(rows.flat()).toEqual(ORDER);
  });

  it('a table without rows can be asked too', async () => {
    const empty = join(dir, 'empty');
    mkdirSync(join(empty, 'recordings'), { recursive: true });
    expect((await query(empty, 'SELECT kernel, host, ns FROM margins')).rows).toEqual([]);
  });

  it('the command prints a table, rows where that is too wide, and JSON that keeps its schema', async () => {
    const run = (...args: string[]) => runCommand(['query', ...args, '--parquet', data]);
    const sql = "SELECT 'a' AS name, 12 AS n UNION ALL SELECT 'long name', 3 ORDER BY name";
    expect((await run(sql)).stdout).toBe(
      'name        n\n---------  --\na          12\nlong name   3\n(2 rows)\n',
    );
    const wide = await run(`SELECT repeat('word ', 30) AS said, chr(27) || '[2J' AS bad`);
    expect(wide.stdout).toMatch(/^-- row 1\nsaid {2}word word/);
    expect(wide.stdout).toContain('bad   \\x1b[2J');
    for (const line of wide.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(75);
    const json = JSON.parse((await run(sql, '--json')).stdout);
    const check = new Ajv2020({ strict: true }).compile(readSchema('query'));
    expect(check(json), JSON.stringify(check.errors)).toBe(true);
  });

  it.each([
    ['selec 1 x', 2, 'Parser Error'],
    ['SELECT nothing FROM spans', 2, 'Binder Error'],
    ['SELECT * FROM nowhere', 2, 'Catalog Error'],
  ])('%s', async (sql, code, message) => {
    const { status, stderr } = await runCommand(['query', sql, '--parquet', data]);
    expect(stderr).toContain(message);
    expect(status).toBe(code);
  });

  it('a file that is no Parquet is unreadable', async () => {
    const bad = join(dir, 'bad');
    const folder = join(bad, 'recordings/kernel=1/host=1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'x.parquet'), 'no such thing');
    const { status, stderr } = await runCommand([
      'query',
      'SELECT count(*) FROM recordings',
      '--parquet',
      bad,
    ]);
    expect(stderr).toContain('x.parquet');
    expect(status).toBe(3);
  });
});

/** What names no release is older than all that do. */
const ORDER = [
  'next #1',
  '99999999999999999999.1 #1',
  '6.9 #1',
  '6.17-rc2 #1',
  '6.17-rc10 #1',
  '6.17 #2',
  '6.17 #10',
  '6.17.1 #1',
];

describe('pttrace query', () => {
  it('prints what recordings hold so that it gives no orders', () => {
    const columns = [
      { name: 'comm\x1b[2J', type: 'VARCHAR' },
      { name: 'n', type: 'BIGINT' },
    ];
    const rows = [
      ['::error::x', 1],
      ['a\n##[error]b', null],
      [`long ${'\u202e'.repeat(40)}`, 3],
    ];
    for (const width of [75, 400]) {
      const text = formatQuery(
        { schema: QUERY_SCHEMA, version: '', sql: '', columns, rows },
        { width, plain: width === 75 },
      );
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]|::error::|##\[/);
      expect(text).toContain('\\x1b[2J');
      expect(text).toContain('(3 rows)');
    }
  });

  it('lists what it ships, and prints it', async () => {
    const { stdout } = await runCommand(['query']);
    for (const name of ['regressions', 'outlier-hosts', 'never-decided', 'spans: kernel, host, recording'])
      expect(stdout).toContain(name);
    expect((await runCommand(['query', 'never-decided', '--print'])).stdout).toMatch(
      /^WITH reasons AS[\s\S]*;\n$/,
    );
  });

  it.each([
    [['query', 'nope', '--parquet', dir], 'there is no query "nope"'],
    [['query', 'SELECT 1'], '--parquet'],
    [['query', '--json'], 'give SQL'],
    [['query', 'SELECT 1', '--parquet', dir], 'holds no tables'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stderr } = await runCommand(args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('without DuckDB says what to install', () => {
    const hide = `export async function resolve(name, context, next) {
      if (name === '@duckdb/node-api') throw Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' });
      return next(name, context);
    }`;
    const register = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hide)}`)});`;
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        '--import',
        `data:text/javascript,${encodeURIComponent(register)}`,
        builtCommand(),
        'query',
        'SELECT 1 AS x',
        '--parquet',
        data,
      ],
      { encoding: 'utf8' },
    );
    expect(stderr).toContain('npm install @duckdb/node-api');
    expect(stderr).not.toContain('at ');
    expect(status).toBe(2);
  });
});
