import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSchema } from '../../src/schema/read-schema.js';
import { fixture, linesOf, withoutOneFlush } from '../gate/support/traces.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-many-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const Y = '6.12.117-lab-y/mt-munmap.txt.gz';
const N = '6.12.117-lab-n/gup-munmap.txt.gz';

/** Two hosts: three good recordings, one of a kernel with a bug, one cut off, one that is nothing. */
beforeAll(() => {
  for (const host of ['h1', 'h2']) mkdirSync(join(dir, host));
  const beginning = (name: string) => gzipSync(`${linesOf(name).slice(0, 1000).join('\n')}\n`);
  writeFileSync(join(dir, 'h1/a.txt.gz'), beginning(Y));
  writeFileSync(join(dir, 'h1/b.txt.gz'), beginning(N));
  writeFileSync(join(dir, 'h2/c.txt.gz'), beginning(N));
  const kernel = '# pttrace: kernel Linux 6.12.117\n# pttrace: host box7\n';
  const bad = withoutOneFlush(linesOf(Y));
  writeFileSync(join(dir, 'h2/bug.txt'), `${kernel}${bad.join('\n')}\n`);
  writeFileSync(join(dir, 'h2/cut.txt.gz'), readFileSync(fixture(Y)).subarray(0, 9000));
  writeFileSync(join(dir, 'h2/prose.txt'), 'Dear all,\n\nthis is no trace.\n');
});

const run = (args: string[], input?: Buffer) =>
  runCommand(args, { cwd: dir, ...(input === undefined ? {} : { input }) });
/** With one thread, and with two: the same. */
async function anyway(args: string[]) {
  const first = await run([...args, '--jobs', '1']);
  expect(await run([...args, '--jobs', '2'])).toEqual(first);
  return first;
}

describe('replay', () => {
  it('of folders: each by itself, a summary; the worst exit code; what is bad stops nothing', async () => {
    const { status, stdout, stderr } = await anyway(['replay', 'h1', 'h2', '--host-of', '^(h\\d)/']);
    expect([status, stderr]).toEqual([3, '']);
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain('6 recordings: 1 with findings, 3 without, 2 not readable to the end.');
    expect(text).toContain('h2/bug.txt (6.12.117, h2): I09 18 times, PTE table pfn ');
    expect(text).toContain('h2/cut.txt.gz:715: the gzip data ends early');
    expect(text).toContain('h2/prose.txt:1: ');
    expect(text).toMatch(
      /by host host recordings findings none unread freed lost h1 2 0 2 0 \d+ 0 h2 4 1 1 2 /,
    );
    expect(text).toMatch(/I09 invalidate-before-callrcu 1 2 0 2 /);
  });

  it('says a host that the recording names', async () => {
    const { stdout } = await run(['replay', '--each', 'h2/bug.txt', 'h1/a.txt.gz']);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('h2/bug.txt (6.12.117, box7): I09');
  });

  it('--json keeps its schema, and holds the result that each has alone', async () => {
    const { status, stdout } = await anyway(['replay', 'h1', 'h2', '--json']);
    expect(status).toBe(3);
    const document = JSON.parse(stdout);
    const check = new Ajv2020({ allowUnionTypes: true })
      .addSchema(readSchema('result'))
      .compile(readSchema('fleet'));
    expect(check(document), JSON.stringify(check.errors)).toBe(true);
    expect(document.recordings).toHaveLength(6);
    for (const path of ['h1/a.txt.gz', 'h2/bug.txt', 'h2/cut.txt.gz']) {
      const alone = JSON.parse((await run(['replay', path, '--json'])).stdout);
      const found = document.recordings.find((r: { row: { path: string } }) => r.row.path === path);
      expect(found.result).toEqual(alone);
    }
    expect(
      document.recordings.find((r: { row: { path: string } }) => r.row.path === 'h2/prose.txt').result,
    ).toBeNull();
  });

  it('--all: each report as it is alone', async () => {
    const { stdout } = await anyway(['replay', 'h1', '--all']);
    const alone = (await run(['replay', 'h1/a.txt.gz', '--all'])).stdout;
    expect(stdout).toContain(`h1/a.txt.gz\n\n${alone}`);
  });

  it('--plain: ASCII, 75 columns', async () => {
    const { stdout } = await run(['replay', 'h1', 'h2', '--plain']);
    for (const line of stdout.split('\n')) expect(line).toMatch(/^[ -~]{0,75}$/);
  });

  it('several files without --each are one report, as ever', async () => {
    const { stdout } = await run(['replay', 'h1/a.txt.gz', 'h1/b.txt.gz', '--json']);
    expect(JSON.parse(stdout).inputs).toHaveLength(2);
  });

  it('standard input is one of the recordings', async () => {
    const input = readFileSync(join(dir, 'h1/a.txt.gz'));
    const { status, stdout } = await run(['replay', '--each', '-', 'h1/b.txt.gz', '--json'], input);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).recordings.map((r: { row: { path: string } }) => r.row.path)).toEqual([
      '-',
      'h1/b.txt.gz',
    ]);
  });

  it.each([
    [['h1/a.txt.gz', '--jobs', '2'], '--jobs is for several recordings'],
    [['h1', '--what-if', 'C'], '--what-if'],
    [['h1', '--host-of', 'h1'], '--host-of wants a group'],
    [['h1', '--host-of', '('], '--host-of: '],
    [['h1', '--variant', 'Z9'], 'Z9'],
    [['h1', 'h1/a.txt.gz'], 'h1/a.txt.gz is given twice'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stdout, stderr } = await run(['replay', ...args]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});

describe('validate', () => {
  it('of folders: one report in order, whatever the threads', async () => {
    const { status, stdout } = await anyway(['validate', 'h1', 'h2', '--json']);
    expect(status).toBe(3);
    const report = JSON.parse(stdout);
    expect(report.traces.map((t: { path: string }) => t.path)).toEqual(
      ['h1/a', 'h1/b', 'h2/bug', 'h2/c', 'h2/cut', 'h2/prose'].map(
        (p) => p + (/bug|prose/.test(p) ? '.txt' : '.txt.gz'),
      ),
    );
    const alone = JSON.parse((await run(['validate', 'h1/a.txt.gz', '--json'])).stdout);
    expect(report.traces[0]).toEqual(alone.traces[0]);
  });

  it('reports for others and a baseline do not depend on the threads either', async () => {
    writeFileSync(
      join(dir, 'policy.yaml'),
      'version: 1\nextends: [default]\nbaseline: { file: base.json, failIf: ["p50 > +900%"] }\n',
    );
    const seen = new Set<string>();
    for (const jobs of ['1', '2']) {
      rmSync(join(dir, 'base.json'), { force: true });
      const args = ['validate', 'h1', '--policy', 'policy.yaml', '--jobs', jobs];
      const stored = await run([...args, '--update-baseline', '--ktap', 'k', '--junit', 'j', '--kcidb', 'c']);
      expect(stored.status, stored.stderr).toBe(0);
      const again = await run(args);
      expect(again.status).toBe(0);
      const files = ['base.json', 'k', 'j', 'c'].map((f) => readFileSync(join(dir, f), 'utf8'));
      seen.add([stored.stdout, again.stdout, ...files].join('\0'));
    }
    expect(seen.size).toBe(1);
    expect([...seen][0]!.replaceAll(/\s+/g, ' ')).toContain('now against baseline shows median');
  });

  it('--summary: what they say together; a red gate is a finding', async () => {
    const { status, stdout } = await anyway(['validate', 'h1', 'h2/bug.txt', '--summary']);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^3 recordings: 1 with findings, 2 without\./);
  });
});

describe('info and compare', () => {
  it('info tells every file of a folder in order; one that is nothing is told on standard error', async () => {
    const { status, stdout, stderr } = await anyway(['info', 'h2', '--json']);
    expect(status).toBe(3);
    expect(stderr).toContain('pttrace: h2/prose.txt:1: ');
    expect(JSON.parse(stdout).files.map((f: { input: { path: string } }) => f.input.path)).toEqual([
      'h2/bug.txt',
      'h2/c.txt.gz',
      'h2/cut.txt.gz',
    ]);
  });

  it('compare takes folders as runs; one that cannot be read is left out, and said', async () => {
    const first = await anyway(['compare', 'h1', 'h2', '--json']);
    expect(first.status).toBe(3);
    expect(first.stderr).toContain('pttrace: h2/prose.txt: left out: ');
    const report = JSON.parse(first.stdout);
    const check = new Ajv2020({ allowUnionTypes: true }).compile(readSchema('compare'));
    expect(check(report), JSON.stringify(check.errors)).toBe(true);
    expect(report.leftOut.map((l: { argument: string }) => l.argument)).toEqual(['h2/prose.txt']);
    expect(report.b.runs).toHaveLength(3);
    expect(report.caveats.join('\n')).toContain('h2/prose.txt: left out');
  });

  it('compare: a pair without one of its runs is none, a side without any neither', async () => {
    for (const args of [
      ['--paired', '--before', 'h1/a.txt.gz', 'h1/b.txt.gz', '--after', 'h2/c.txt.gz', 'h2/prose.txt'],
      ['h1/a.txt.gz', 'h2/prose.txt'],
    ]) {
      const { status, stdout } = await run(['compare', ...args]);
      expect([status, stdout]).toEqual([3, '']);
    }
  });
});
