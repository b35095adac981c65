import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { builtCommand, ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-cli-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const GOOD = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
const packed = readFileSync(join(ROOT, GOOD));
const text = gunzipSync(packed);
const json = async (args: string[], input?: Buffer): Promise<Result> =>
  JSON.parse((await runCommand(['replay', '--json', ...args], input === undefined ? {} : { input })).stdout);
const verdicts = (r: Result): string[] => r.invariants.map((i) => `${i.id} ${i.verdict} ${i.instances.pass}`);
const sum = (r: Result): void => {
  for (const { lines } of r.inputs) {
    const { total, ...kinds } = lines;
    expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(total);
  }
};

describe('inputs', () => {
  it('standard input is as good as a file, packed or not', async () => {
    const file = await json([GOOD]);
    for (const input of [text, packed]) {
      const piped = await json(['-'], input);
      expect(verdicts(piped)).toEqual(verdicts(file));
      expect(piped.inputs[0]?.path).toBe('-');
    }
  });

  it('quotes the lines of a finding from standard input', async () => {
    const lines = text.toString('latin1').split('\n');
    const at = lines.findIndex((l, i) => i > lines.length / 2 && l.includes('sys_munmap ->'));
    const doubled = [...lines.slice(0, at + 1), lines[at]!, ...lines.slice(at + 1)].join('\n');
    const found = (await json(['-'], Buffer.from(doubled, 'latin1'))).invariants.find((i) => i.id === 'I48');
    expect(found?.findings[0]?.events.at(-1)?.text).toBe(lines[at]);
  });

  it('a truncated gzip: the good part is reported, exit 3', async () => {
    const cut = join(dir, 'cut.txt.gz');
    writeFileSync(cut, packed.subarray(0, packed.length >> 1));
    const { status, stdout } = await runCommand(['replay', cut]);
    expect(status).toBe(3);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('is not whole: the gzip data ends early');
    const result = await json([cut]);
    expect(result.inputs[0]?.error?.code).toBe('truncated');
    expect(result.inputs[0]?.lines.event).toBeGreaterThan(500);
    expect(result.summary.findings).toBe(0);
    sum(result);
  });

  it('a file cut in mid-line loses only that line', async () => {
    const cut = join(dir, 'mid.txt');
    const end = text.lastIndexOf('\n', text.length - 2) + 40;
    writeFileSync(cut, text.subarray(0, end));
    const result = await json([cut]);
    expect(result.inputs[0]?.lines.event).toBe((await json([GOOD])).inputs[0]!.lines.event - 1);
    expect(result.inputs[0]?.notes.map((n) => n.code)).toContain('no-final-newline');
    expect(result.inputs[0]?.lines.skipped).toBe(1);
    sum(result);
  });

  it('CRLF line ends change nothing', async () => {
    const crlf = Buffer.from(text.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
    expect(verdicts(await json(['-'], crlf))).toEqual(verdicts(await json([GOOD])));
  });

  it('NUL bytes in the middle are one damaged line', async () => {
    const at = text.indexOf('\n', text.length >> 1) + 1;
    const holes = Buffer.concat([
      text.subarray(0, at),
      Buffer.alloc(4096),
      Buffer.from('\n'),
      text.subarray(at),
    ]);
    const result = await json(['-'], holes);
    expect(result.inputs[0]!.lines.event).toBe((await json([GOOD])).inputs[0]!.lines.event);
    expect(result.summary.findings).toBe(0);
    sum(result);
  });

  it('a line of many MB is one line', async () => {
    const at = text.indexOf('\n', text.length >> 1) + 1;
    const long = Buffer.concat([
      text.subarray(0, at),
      Buffer.alloc(partOf(100, 20) << 20, 'x'),
      Buffer.from('\n'),
      text.subarray(at),
    ]);
    const path = join(dir, 'long.txt');
    writeFileSync(path, long);
    const result = await json([path]);
    expect(result.inputs[0]!.lines.event).toBe((await json([GOOD])).inputs[0]!.lines.event);
    sum(result);
  });

  it('distinct task names by the ten thousand', async () => {
    const tasks = partOf(100_000, 30_000);
    const rows = Array.from(
      { length: tasks },
      (_, i) =>
        `${`t${i}`.padStart(16)}-${i + 10}${' '.repeat(7 - String(i + 10).length)} [000] .....   1${(i / 1e6).toFixed(6).slice(1)}: sys_munmap -> 0x0\n`,
    );
    const result = await json(['-'], gzipSync(rows.join('')));
    expect(result.inputs[0]?.lines).toMatchObject({ total: tasks, event: tasks });
  });

  it('several files are read in order', async () => {
    const result = await json([GOOD, 'fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz']);
    expect(result.inputs.map((i) => i.path)).toHaveLength(2);
    expect(result.summary.findings).toBe(0);
  });
});

describe('determinism', () => {
  it('same bytes out, whatever the zone, locale and width of the terminal', async () => {
    for (const look of [[], ['--plain'], ['--json']]) {
      const one = await runCommand(['replay', GOOD, ...look], { env: { TZ: 'UTC', LC_ALL: 'C' } });
      const two = await runCommand(['replay', GOOD, ...look], {
        env: { TZ: 'Asia/Kolkata', LC_ALL: 'tr_TR.UTF-8', LANG: 'de_DE.UTF-8', COLUMNS: '40' },
      });
      expect(one.status).toBe(0);
      expect(two.stdout === one.stdout).toBe(true);
    }
  });

  it('no escape sequences when piped, none with NO_COLOR even where FORCE_COLOR asks', async () => {
    const ansi = /\u001b\[/;
    expect((await runCommand(['replay', GOOD])).stdout).not.toMatch(ansi);
    expect(
      (await runCommand(['replay', GOOD], { env: { NO_COLOR: '1', FORCE_COLOR: '1' } })).stdout,
    ).not.toMatch(ansi);
    expect((await runCommand(['replay', GOOD], { env: { NO_COLOR: '', FORCE_COLOR: '1' } })).stdout).toMatch(
      ansi,
    );
  });
});

describe('a reader that leaves', () => {
  it('is no error', async () => {
    const child = spawn(
      'sh',
      ['-c', `"${process.execPath}" "${builtCommand()}" show ${GOOD} --line 500 | head -n 1; echo`],
      {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let err = '';
    child.stderr.on('data', (d) => {
      err += d;
    });
    await new Promise((resolve) => child.on('close', resolve));
    expect(err).toBe('');
  });
});
