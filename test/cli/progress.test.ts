import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { progressLine, progressText } from '../../cli/progress.js';
import { builtCommand, pttrace, ROOT } from '../support/built.js';

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
  const python = spawnSync('python3', ['--version']).status === 0;
  beforeAll(() => {
    builtCommand();
    const piece = gunzipSync(readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz')));
    const fd = openSync(big, 'w');
    for (let size = 0; size < 60 * MB; size += piece.length) writeSync(fd, piece);
    closeSync(fd);
  });

  const onTerminal = (args: readonly string[], env: Record<string, string> = {}): Promise<string> =>
    new Promise((resolve) => {
      const child = spawn('python3', ['-c', ON_TERMINAL, process.execPath, builtCommand(), ...args], {
        env: { ...process.env, TERM: 'xterm', ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let all = '';
      child.stdout.on('data', (d) => {
        all += d;
      });
      child.on('close', () => resolve(all));
    });

  const LINE =
    /\r\u001b\[K\d+(?:\.\d)? MB of 6\d MB \(\d+ %\), \d+ events, [\d.]+ MB\/s, \d:\d\d left(?=\r\u001b\[K)/;
  it.each([
    ['replay', []],
    ['hist', ['--syscall', 'munmap']],
    ['compare', ['fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz', '--syscall', 'munmap']],
    ['info', []],
    ['validate', []],
    ['show', ['--mm', '0xffff888100000000']],
    ['convert', ['--to', 'csv', '-o', '/dev/null']],
  ])('%s shows bytes, events, rate and time left, and wipes it before it answers', async (command, more) => {
    if (!python && !process.env.CI) return;
    const all = await onTerminal([command, big, ...more]);
    expect(all).toMatch(LINE);
    const after = all.slice(all.lastIndexOf('\r\u001b[K') + 4);
    expect(after).not.toMatch(/:\d\d left/);
  });

  it('draws nothing into a pipe', () => {
    const { stdout, stderr } = pttrace(['info', big]);
    expect(stderr).toBe('');
    expect(stdout).not.toMatch(/\u001b|\r/);
  });

  it('has no colour with NO_COLOR, and some without', async () => {
    if (!python && !process.env.CI) return;
    const trace = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
    const colour = /\u001b\[\d+m/;
    expect(await onTerminal(['replay', join(ROOT, trace)], { NO_COLOR: '1' })).not.toMatch(colour);
    expect(await onTerminal(['replay', join(ROOT, trace)], { NO_COLOR: '' })).toMatch(colour);
  });
});
