import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-cli-convert-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const GOOD = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
const text = gunzipSync(readFileSync(join(ROOT, GOOD)));

describe('pttrace convert', () => {
  it('writes JSON lines that jq and pttrace read', async () => {
    const { status, stdout, stderr } = await runCommand(['convert', GOOD, '--to', 'jsonl']);
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout.trim().split('\n');
    expect(lines.map((l) => JSON.parse(l)).filter((o) => o.tsNs).length).toBe(2488);
    const again = await runCommand(['convert', '-', '--to', 'jsonl'], { input: stdout });
    expect(again.stdout).toBe(stdout);
  });

  it('says what ftrace text cannot', async () => {
    const graph = 'fixtures/function_graph/6.12.117-lab-y/abstime.txt';
    const { status, stderr } = await runCommand([
      'convert',
      graph,
      '--to',
      'ftrace',
      '-o',
      join(dir, 'graph'),
    ]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^pttrace: ftrace cannot say, in \d+ rows: durations of calls/m);
  });

  it('does not write over its input, nor over an older result when the input is bad', async () => {
    const file = join(dir, 'trace.txt');
    writeFileSync(file, text);
    const own = await runCommand(['convert', file, '--to', 'csv', '-o', file]);
    expect(own.status).toBe(2);
    expect(own.stderr).toContain('is the input');
    expect(readFileSync(file).equals(text)).toBe(true);
    const bad = join(dir, 'bad.txt');
    const out = join(dir, 'out.csv');
    writeFileSync(bad, 'no trace at all\n');
    expect((await runCommand(['convert', bad, '--to', 'csv', '-o', out])).status).toBe(3);
    expect(existsSync(out)).toBe(false);
  });
});

describe('--line-format', () => {
  const log =
    '100000001 0 7 task one tlb_flush pages=1 reason=3\n100000002 1 8 task two tlb_flush pages=-1 reason=1\n';
  const file = join(dir, 'log.txt');
  const pattern = String.raw`^(?<ts>\d+) (?<cpu>\d+) (?<tid>\d+) (?<comm>.+) (?<event>\w+) (?<body>pages=.*)$`;

  it('reads any line, in every command that reads traces', async () => {
    writeFileSync(file, log);
    const { status, stdout } = await runCommand(['convert', file, '--line-format', pattern, '--to', 'csv']);
    expect(status).toBe(0);
    expect(stdout).toContain('100000002,1,8,,task two,,tracepoint,tlb_flush,,,,,pages=-1 reason=1,,');
    const replay = JSON.parse(
      (await runCommand(['replay', file, '--line-format', pattern, '--json'])).stdout,
    );
    expect(replay.operations).toEqual({ TLBF: 2 });
    expect((await runCommand(['info', file, '--line-format', pattern])).stdout).toContain('line-format');
  });

  it('names what is wrong with a pattern, exit 2', async () => {
    writeFileSync(file, log);
    for (const [bad, message] of [
      ['(?<ts>', 'no regular expression'],
      [String.raw`(?<event>\w+)`, 'needs one group for the time'],
      [String.raw`(?<ts>\d+)`, 'needs a group for the event'],
    ] as const) {
      const { status, stderr } = await runCommand(['replay', file, '--line-format', bad]);
      expect([status, stderr.includes(message)]).toEqual([2, true]);
    }
    expect((await runCommand(['replay', file, '--line-format', pattern, '--format', 'ftrace'])).status).toBe(
      2,
    );
  });
});
