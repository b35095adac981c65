import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linesOf } from '../gate/support/traces.js';
import { partOf } from '../support/part.js';
import { runCommand } from '../support/run-command.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = join(ROOT, 'bin/run.js');
let good = '';
let bad = '';
let cut = '';
let dir = '';

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  bad = join(dir, 'bad.txt');
  writeFileSync(bad, (await runCommand(['simulate', '--bug', 'no-wait', '--munmaps', '2'])).stdout);
  // Every process reads one of these: short ones.
  const packed = gzipSync(`${linesOf('6.12.117-lab-y/mt-munmap.txt.gz').slice(0, 600).join('\n')}\n`);
  good = join(dir, 'good.txt.gz');
  writeFileSync(good, packed);
  cut = join(dir, 'cut.gz');
  writeFileSync(cut, packed.subarray(0, packed.length * 0.8));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const shell = (command: string) =>
  spawnSync('bash', ['-o', 'pipefail', '-c', command], {
    encoding: 'utf8',
    env: { ...process.env, BIN, GOOD: good, BAD: bad, CUT: cut },
  });

describe('what was decided is not undone by who reads it', () => {
  const READ: readonly [string, number][] = [
    ['validate "$BAD" | true', 1],
    ['validate "$BAD" --json | head -c 10 > /dev/null', 1],
    ['replay "$BAD" --json | head -c 10 > /dev/null', 1],
    ['explore --broken lazy-skips-freed-tables --reader lazy --json | true', 1],
    [`compare "$GOOD" "$GOOD" --fail-if 'p50 > -99%' --fail-undecided | true`, 1],
    ['validate "$GOOD" | true', 0],
    // Nobody knows whether the rest of the input was whole: as a program ends whose pipe breaks.
    ['convert "$GOOD" --to jsonl | head -c 10 > /dev/null', 141],
    ['simulate --munmaps 60 | head -c 10 > /dev/null', 141],
    ['readers "$CUT" | true', 3],
    ['breakdown "$CUT" | true', 3],
  ];
  test.each(READ.slice(0, partOf(10, 9)))('%s', (command, code) => {
    expect(shell(`node "$BIN" ${command}`).status).toBe(code);
  });

  const FULL: readonly [string, number][] = [
    ['validate "$BAD"', 1],
    ['explain I09', 4],
    ['convert "$GOOD" --to csv', 4],
    ['simulate --munmaps 60', 4],
    ['validate "$GOOD"', 4],
  ];
  test.skipIf(!existsSync('/dev/full')).each(FULL.slice(0, partOf(5, 4)))(
    'a full disk: %s',
    (command, code) => {
      const ran = shell(`node "$BIN" ${command} > /dev/full`);
      expect(ran.status).toBe(code);
      expect(ran.stderr).toBe(
        'pttrace: standard output cannot be written (ENOSPC): the report is not whole\n',
      );
    },
  );

  test('a side file that cannot be written costs no verdict', async () => {
    const ran = await runCommand(['validate', bad, '--plain', '--junit', '/nonexistent/junit.xml']);
    expect(ran.status).toBe(1);
    expect(ran.stdout).toMatch(/^gate: red/m);
    expect(ran.stderr).toMatch(/junit\.xml cannot be written \(ENOENT\)/);
  });

  test('a report does not take the place of an input', async () => {
    const ran = await runCommand(['validate', bad, '--junit', bad]);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/is an input/);
  });
});

describe('signals that end the process leave nothing behind', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s', async (signal, code) => {
    const temporary = join(dir, signal);
    spawnSync('mkdir', [temporary]);
    const child = spawn('node', [BIN, 'replay', '-'], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk) => (said += chunk));
    child.stdin.write('# tracer: nop\n#\n  a-1  [000] ..... 1.000000: sched_waking: comm=a pid=1\n');
    // The copy of standard input shows that reading has begun.
    while (readdirSync(temporary).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(code);
    expect(said).toBe(`pttrace: ended by ${signal}\n`);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
