import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { progressLine, progressText } from '../../cli/progress.js';
import { builtCommand, ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const MB = 1e6;

describe('the text', () => {
  it.each([
    [
      { bytes: 12 * MB, totalBytes: 48 * MB, events: 90_000 },
      3000,
      '12 MB of 48 MB (25 %), 90000 events, 4.0 MB/s, 0:09 left',
    ],
    [{ bytes: 512, totalBytes: null, events: 3 }, 1000, '512 B, 3 events, 512 B/s'],
    [
      { bytes: 2e9, totalBytes: 200e9, events: 1 },
      100_000,
      '2000 MB of 200.0 GB (1 %), 1 events, 20 MB/s, 2:45:00 left',
    ],
    [{ bytes: 5000, totalBytes: 5000, events: 9 }, 10, '5 kB of 5 kB (100 %), 9 events, 500 kB/s, 0:00 left'],
    [{ bytes: 0, totalBytes: null, events: 70 }, 500, '0 B, 70 events'],
  ])('%j after %d ms', (p, ms, text) => {
    expect(progressText(p, ms)).toBe(text);
  });
});

describe('the line', () => {
  const screen = (isTTY: boolean, columns = 80) => {
    const written: string[] = [];
    return { isTTY, columns, written, write: (s: string) => written.push(s) };
  };
  const at = (bytes: number) => ({ bytes, totalBytes: 100 * MB, events: 1 });

  it('is drawn at most five times a second, over itself, and wiped', () => {
    let now = 0;
    const stream = screen(true);
    const line = progressLine(stream, () => now, 'xterm');
    for (; now <= 1000; now += 10) line.update(at(now * 1000));
    expect(stream.written).toHaveLength(5);
    for (const s of stream.written) expect(s).toMatch(/^\r\u001b\[K[^\r\n\u001b]+$/);
    line.clear();
    line.clear();
    expect(stream.written.at(-1)).toBe('\r\u001b[K');
    expect(stream.written).toHaveLength(6);
  });

  it('never wraps', () => {
    let now = 0;
    const stream = screen(true, 30);
    const line = progressLine(stream, () => now, 'xterm');
    now = 1000;
    line.update(at(50 * MB));
    expect(stream.written[0]!.replace('\r\u001b[K', '')).toHaveLength(29);
  });

  it('starts anew with the next input', () => {
    let now = 0;
    const stream = screen(true);
    const line = progressLine(stream, () => now, 'xterm');
    now = 10_000;
    line.update(at(90 * MB));
    line.update(at(1 * MB));
    now = 11_000;
    line.update(at(10 * MB));
    expect(stream.written.at(-1)).toContain('10 MB/s, 0:09 left');
  });

  it.each([
    ['a pipe', false, 'xterm'],
    ['a terminal that cannot erase', true, 'dumb'],
  ])('is not there on %s', (_, isTTY, terminal) => {
    let now = 0;
    const stream = screen(isTTY);
    const line = progressLine(stream, () => now, terminal);
    now = 1000;
    line.update(at(MB));
    line.clear();
    expect(stream.written).toEqual([]);
  });
});

/** Runs the command on a terminal of its own; its output and stderr come as the terminal would get them. */
const ON_TERMINAL = `
import os, pty, sys
def reader(fd): return os.read(fd, 65536)
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], reader)))
`;

describe('on a terminal', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-progress-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const big = join(dir, 'big.txt');
  const trace = join(ROOT, 'fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz');
  beforeAll(() => {
    const piece = gunzipSync(readFileSync(trace));
    const fd = openSync(big, 'w');
    for (let size = 0; size < MB; size += piece.length) writeSync(fd, piece);
    closeSync(fd);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const LINE =
    /\r\u001b\[K\d+(?:\.\d)? [kM]B of 1\.\d MB \(\d+ %\), \d+ events, [\d.]+ [kM]?B\/s, \d:\d\d left(?=\r\u001b\[K)/;
  it.each([
    ['replay', []],
    ['hist', ['--syscall', 'munmap']],
    ['compare', ['fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz', '--syscall', 'munmap']],
    ['compare', ['fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz', '--jobs', '2']],
    ['info', []],
    ['validate', []],
    ['show', ['--mm', '0xffff888100000000']],
    ['convert', ['--to', 'csv', '-o', '/dev/null']],
  ])('%s shows bytes, events, rate and time left, and wipes it before it answers', async (command, more) => {
    // Every look at the clock takes a quarter of a second: the line is due whatever the machine's speed.
    let now = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => {
      now += 250;
      return now;
    });
    const { stderr } = await runCommand([command, big, ...more], {
      env: { TERM: 'xterm' },
      terminal: { columns: 100 },
    });
    expect(stderr).toMatch(LINE);
    expect(stderr.slice(stderr.lastIndexOf('\r\u001b[K') + 4)).not.toMatch(/:\d\d left/);
  });

  it('draws nothing into a pipe', async () => {
    const { stdout, stderr } = await runCommand(['info', big]);
    expect(stderr).toBe('');
    expect(stdout).not.toMatch(/\u001b|\r/);
  });

  it('has no colour with NO_COLOR, and some without', async () => {
    const colour = /\u001b\[\d+m/;
    const on = async (NO_COLOR: string): Promise<string> =>
      (await runCommand(['replay', trace], { env: { NO_COLOR }, terminal: { columns: 80 } })).stdout;
    expect(await on('1')).not.toMatch(colour);
    expect(await on('')).toMatch(colour);
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  it.skipIf(!python && !process.env.CI)('a real one: drawn on standard error, with colour', () => {
    // The second half comes when the line is due, also where a process takes two seconds to start.
    const slow = `(cat "$0"; sleep 3; cat "$0") | "$1" "$2" replay -`;
    const { stdout } = spawnSync(
      'python3',
      ['-c', ON_TERMINAL, 'sh', '-c', slow, trace, process.execPath, builtCommand()],
      { env: { ...process.env, TERM: 'xterm', NO_COLOR: '' }, encoding: 'utf8' },
    );
    expect(stdout).toMatch(/\r\u001b\[K\d+ kB, \d+ events, [\d.]+ [kM]?B\/s(?=\r\u001b\[K)/);
    expect(stdout).toMatch(/\u001b\[\d+m/);
  });
});
