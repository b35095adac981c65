import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesIn, filesIn, readDataset } from '../data/support/read-tables.js';
import { linesOf, withoutOneFlush } from '../gate/support/traces.js';
import { pttrace, ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-parquet-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const FIXTURES = join(ROOT, 'fixtures/replay');

beforeAll(() => {
  for (const host of ['a', 'b']) mkdirSync(join(dir, 'runs', host), { recursive: true });
  cpSync(join(FIXTURES, '6.12.117-lab-y/mt-munmap.txt.gz'), join(dir, 'runs/a/1.gz'));
  cpSync(join(FIXTURES, '6.12.117-lab-n/gup-munmap.txt.gz'), join(dir, 'runs/b/1.gz'));
  const bad = withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz'));
  writeFileSync(join(dir, 'runs/a/bug.txt'), `# pttrace: kernel Linux 6.12.117 #7 SMP\n${bad.join('\n')}\n`);
  writeFileSync(join(dir, 'runs/b/prose.txt'), 'Dear all,\n\nthis is no trace.\n');
});

const run = (...args: string[]) => runCommand(args, { cwd: dir });
const HOST = ['--host-of', 'runs/([^/]+)/'];

describe('--parquet', () => {
  it('says what the JSON says, for every recording, whatever the number of threads', async () => {
    const one = await run('replay', 'runs', ...HOST, '--json', '--jobs', '1', '--parquet', 'one');
    await run('replay', 'runs', ...HOST, '--jobs', '3', '--parquet', 'three');
    expect(bytesIn(join(dir, 'three'))).toEqual(bytesIn(join(dir, 'one')));
    const { recordings } = JSON.parse(one.stdout) as {
      recordings: { row: { path: string; status: string; kernel: string; host: string }; result: unknown }[];
    };
    const rows = await readDataset(join(dir, 'one'), 'recordings');
    const told = recordings.map(({ row }) => [row.path, row.status, row.kernel || null, row.host || null]);
    expect(rows.map((r) => [r.recording, r.status, r.kernel, r.host]).sort()).toEqual(told.sort());
    expect(rows.find((r) => r.recording === 'runs/a/bug.txt')).toMatchObject({
      kernel: '6.12.117',
      host: 'a',
      build: 'Linux 6.12.117 #7 SMP',
      status: 'finding',
    });
    expect(rows.find((r) => r.recording === 'runs/b/prose.txt')).toMatchObject({
      status: 'unreadable',
      host: 'b',
    });
    type Of = { invariants: { id: string; verdict: string }[] } | null;
    const verdicts = recordings.flatMap(({ row, result }) =>
      ((result as Of)?.invariants ?? []).map((i) => [row.path, i.id, i.verdict]),
    );
    const written = await readDataset(join(dir, 'one'), 'verdicts');
    expect(written.map((v) => [v.recording, v.rule, v.verdict]).sort()).toEqual(verdicts.sort());
  });

  it('of one report is that of its recording among others', async () => {
    const path = 'runs/a/bug.txt';
    const { stdout } = await run('replay', path);
    const with_ = await run('replay', path, ...HOST, '--parquet', 'alone');
    expect(with_.stdout).toBe(stdout);
    const all = bytesIn(join(dir, 'one'));
    const alone = bytesIn(join(dir, 'alone'));
    expect(alone.size).toBeGreaterThan(2);
    for (const [file, bytes] of alone) expect(all.get(file), file).toBe(bytes);
  });

  it('of validate, of a single recording too', async () => {
    const { status, stdout } = await run('validate', 'runs/a/1.gz', '--json');
    const judged = await run('validate', 'runs/a/1.gz', '--json', ...HOST, '--parquet', 'judged');
    expect([judged.status, judged.stdout]).toEqual([status, stdout]);
    const files = bytesIn(join(dir, 'judged'));
    for (const [file, bytes] of bytesIn(join(dir, 'one')))
      if (file.includes('/1.gz-') && file.includes('host=a')) expect(files.get(file), file).toBe(bytes);
    expect(filesIn(join(dir, 'judged'))).toHaveLength(4);
  });

  it('of shards is that of one process', async () => {
    await run('shard', 'plan', 'runs', ...HOST, '--plan', 'plan.json', '--shards', '2', '--tables');
    for (const shard of ['1', '0', '1'])
      await run('shard', 'run', '--plan', 'plan.json', '--results', 'results', '--shard', shard);
    const merge = ['shard', 'merge', '--plan', 'plan.json', '--results', 'results'];
    expect((await run(...merge, '--parquet', 'merged')).status).toBe(3);
    expect(bytesIn(join(dir, 'merged'))).toEqual(bytesIn(join(dir, 'one')));
    // An answer without its tables is none.
    rmSync(join(dir, 'results/tables'), { recursive: true });
    const { stderr } = await run(...merge, '--parquet', 'merged');
    expect(stderr).toContain('shard 0: 1 recordings are not answered');
  });

  it('a recording that is looked at again takes the place of its rows', async () => {
    await run('replay', 'runs/a/1.gz', '--parquet', 'again');
    await run('replay', 'runs/b', '--parquet', 'again', '--kernel', '6.12.117', ...HOST);
    await run('replay', 'runs/a/1.gz', '--kernel', '6.12.117', ...HOST, '--parquet', 'again');
    const rows = await readDataset(join(dir, 'again'), 'recordings');
    expect(rows.map((r) => [r.recording, r.kernel, r.host]).sort()).toEqual([
      ['runs/a/1.gz', '6.12.117', 'a'],
      ['runs/b/1.gz', '6.12.117', 'b'],
      ['runs/b/prose.txt', null, 'b'],
    ]);
  });

  it('standard input has tables too', async () => {
    const input = gunzipSync(readFileSync(join(dir, 'runs/a/1.gz')));
    expect(pttrace(['replay', '-', '--parquet', 'stdin'], { cwd: dir, input }).status).toBe(0);
    expect((await readDataset(join(dir, 'stdin'), 'recordings'))[0]).toMatchObject({ recording: '-' });
    const piped = await runCommand(['validate', '-', '--parquet', 'stdin2'], { cwd: dir, input });
    expect(piped.status).toBe(0);
    expect((await readDataset(join(dir, 'stdin2'), 'verdicts')).length).toBeGreaterThan(10);
  });

  it.each([
    [['replay', 'runs', '--parquet', 'runs/tables'], 'lies in runs'],
    [['replay', 'runs', '--parquet', 'runs'], 'lies in runs'],
    [['replay', 'runs/a/1.gz', '--parquet', '.'], 'is no table'],
    [['replay', 'runs/a/1.gz', '--parquet', 'runs/a/1.gz'], 'cannot be made'],
    [['replay', 'runs/a/1.gz', '--what-if', 'C', '--parquet', 'x'], 'not with --what-if'],
    [['shard', 'plan', 'runs', '--plan', 'p', '--ask', 'info', '--tables'], '--tables is for'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  it('a merge of what was planned without tables is wrong usage', async () => {
    await run('shard', 'plan', 'runs', '--plan', 'bare.json');
    const args = ['--plan', 'bare.json', '--results', 'bare', '--parquet', 'x'];
    expect((await run('shard', 'merge', ...args)).stderr).toContain('--tables');
    expect((await run('fleet', 'run', ...args)).status).toBe(2);
  });

  it('a disk that takes no tables ends it with an error', async () => {
    mkdirSync(join(dir, 'full'));
    mkdirSync(join(dir, 'full/recordings'));
    // A file where a folder must be made.
    writeFileSync(join(dir, 'full/verdicts'), '');
    const { status, stderr } = await run('replay', 'runs/a/1.gz', '--parquet', 'full');
    expect(stderr).toMatch(/verdicts\/.* cannot be written \(E\w+\)\n$/);
    expect(status).toBe(4);
  });
});
