import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { builtCommand, ROOT } from '../support/built.js';
import { type Ran, runCommand } from '../support/run-command.js';

const FIXTURE = join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz');
const text = gunzipSync(readFileSync(FIXTURE));
/** Several times what a pipe holds: who has taken most of it has begun to listen. */
const long = gunzipSync(
  readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-y/slowpath-failpagealloc.txt.gz')),
);
const some = /tlb=(0x[0-9a-f]+|[0-9a-f]{16})/.exec(text.toString('latin1'))![1]!;
const dir = mkdtempSync(join(tmpdir(), 'pttrace-interrupt-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Sends the signal to what has been listening for it since `before`. */
function interrupt(before: readonly unknown[]): boolean {
  const since = process.listeners('SIGINT').filter((listener) => !before.includes(listener));
  for (const listener of since) listener('SIGINT');
  return since.length > 0;
}

/** Runs `pttrace ARGS…` on an input that does not end; Ctrl-C comes once it has been read. */
function interrupted(args: readonly string[], input: Buffer = text): Promise<Ran> {
  const before = process.listeners('SIGINT');
  const slow = new Readable({
    // Asked for a byte at a time: what was given has been taken before more is asked for.
    highWaterMark: 1,
    read() {
      if (input.length > 0) {
        this.push(input.subarray(0, 4096));
        input = input.subarray(4096);
      } else setImmediate(() => interrupt(before));
    },
  });
  return runCommand(args, { input: slow, env: { TMPDIR: dir } });
}

const COMMANDS: readonly [name: string, args: readonly string[], marked: (stdout: string) => unknown][] = [
  ['replay, text', ['replay', '-'], (s) => expect(s).toMatch(/^PARTIAL \(interrupted\): /m)],
  ['replay --plain', ['replay', '-', '--plain'], (s) => expect(s).toMatch(/^PARTIAL \(interrupted\): /m)],
  ['replay --json', ['replay', '-', '--json'], (s) => expect(JSON.parse(s).summary.partial).toBe(true)],
  ['hist --json', ['hist', '-', '--json'], (s) => expect(JSON.parse(s).partial).toBe(true)],
  ['compare', ['compare', FIXTURE, '-', '--plain'], (s) => expect(s).toContain('PARTIAL: interrupted.')],
  ['compare --json', ['compare', FIXTURE, '-', '--json'], (s) => expect(JSON.parse(s).partial).toBe(true)],
  ['validate', ['validate', '-'], (s) => expect(s).toMatch(/^gate: open: .*\(partial: interrupted\)$/m)],
  ['validate --plain', ['validate', '-', '--plain'], (s) => expect(s).toContain('(partial: interrupted)')],
  ['validate --json', ['validate', '-', '--json'], (s) => expect(JSON.parse(s).summary.partial).toBe(true)],
  ['show', ['show', '-', '--gather', some], (s) => expect(s).toContain('interrupted')],
  [
    'show --json',
    ['show', '-', '--gather', some, '--json'],
    (s) => {
      const { notes, events } = JSON.parse(s);
      expect(notes.join()).toContain('interrupted');
      expect(events.length).toBeGreaterThan(1);
    },
  ],
  ['info', ['info', '-'], (s) => expect(s).toMatch(/^PARTIAL: interrupted/m)],
  ['info --json', ['info', '-', '--json'], (s) => expect(JSON.parse(s).partial).toBe(true)],
  ['convert', ['convert', '-', '--to', 'jsonl'], (s) => expect(s.split('\n').length).toBeGreaterThan(1000)],
];

describe('Ctrl-C while standard input is slow', () => {
  it.each(COMMANDS)('%s: a partial report that says so, exit 130', async (_, args, marked) => {
    const { status, stdout, stderr } = await interrupted(args);
    expect(status, stderr).toBe(130);
    expect(stderr).toMatch(/pttrace: interrupted: partial, covers the first \d+ bytes of input\n$/);
    const covered = Number(/first (\d+) bytes/.exec(stderr)![1]);
    expect(covered).toBeGreaterThan(text.length / 2);
    expect(covered).toBeLessThanOrEqual(text.length);
    marked(stdout);
  });

  it('replay: every line that was read is in the report', async () => {
    const { stdout } = await interrupted(['replay', '-', '--json']);
    const [input] = JSON.parse(stdout).inputs;
    const { total, ...kinds } = input.lines as Record<string, number>;
    expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(total);
    expect(text.subarray(0, input.bytes).toString('latin1').split('\n').length).toBeGreaterThanOrEqual(
      total!,
    );
  });

  it('a beginning too short to tell the format by: no advice on the input, exit 130', async () => {
    for (const args of [
      ['replay', '-'],
      ['hist', '-'],
      ['info', '-'],
      ['litmus', '-'],
      ['compare', '-', FIXTURE],
    ]) {
      const { status, stdout, stderr } = await interrupted(args, Buffer.from('# tra'));
      expect(status, `${args}: ${stderr}`).toBe(130);
      expect(stdout).toBe('');
      expect(stderr).toBe('pttrace: interrupted before anything could be told\n');
    }
  });

  it('leaves no copy of standard input behind', () => {
    expect(readdirSync(dir).filter((name) => !name.endsWith('.fifo'))).toEqual([]);
  });
});

describe('Ctrl-C sent to the process', () => {
  it('gives the report of what was read, marked partial, and exit 130', async () => {
    const child = spawn(process.execPath, [builtCommand(), 'replay', '-', '--json'], { cwd: ROOT });
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
    child.stdin.on('error', () => {});
    // A pipe holds 64 KiB: once all is written it is being read, and Ctrl-C is heard.
    await new Promise((resolve) => child.stdin.write(long, resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    const result = JSON.parse(out);
    expect(result.summary.partial).toBe(true);
    expect(result.inputs[0].lines.event).toBeGreaterThan(0);
  });
});

describe('Ctrl-C while a named pipe is silent, as trace_pipe is', () => {
  it('ends the same way', async () => {
    const fifo = join(dir, 'slow.fifo');
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
    const child = spawn(process.execPath, [builtCommand(), 'replay', fifo, '--json'], { cwd: ROOT });
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
    });
    const ended = new Promise<unknown>((resolve) =>
      child.on('close', (code, signal) => resolve(code ?? signal)),
    );
    // Both ends, so that opening does not wait and the child sees no end of file.
    const fd = openSync(fifo, 'r+');
    for (let at = 0; at < long.length; at += 4096) writeSync(fd, long.subarray(at, at + 4096));
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill('SIGINT');
    // The read of the pipe cannot be called back: the process ends by the signal, $? is 130 in a shell.
    expect(await ended).toBe('SIGINT');
    const result = JSON.parse(out);
    expect(result.summary.partial).toBe(true);
    expect(result.variant.evidence[0].events[0].text).toContain(':');
  });
});

describe('Ctrl-C while litmus tests run', () => {
  it('prints the tests that are done, marked partial', async () => {
    const before = process.listeners('SIGINT');
    const wait = (): void => {
      if (!interrupt(before)) setImmediate(wait);
    };
    wait();
    const many = Array<string>(30).fill('fixtures/litmus/L01.litmus');
    const { status, stdout, stderr } = await runCommand(['litmus', ...many]);
    expect(status).toBe(130);
    const [, done] = /^PARTIAL \(interrupted\): (\d+) of 30 tests$/m.exec(stdout)!;
    expect(Number(done)).toBeLessThan(30);
    expect(stderr).toContain(`interrupted: partial, ${done} of 30 tests`);
  });
});
