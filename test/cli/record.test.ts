import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { KERNEL_INFO_COMMAND } from '../../src/record/kernel-info.js';
import { TOOLS } from '../../src/record/print.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-record-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const packed = join(ROOT, 'fixtures/record/debian-6.1.192/kernel-info.txt.gz');
const info = join(dir, 'kernel-info.txt');
writeFileSync(info, gunzipSync(readFileSync(packed)));

describe('pttrace record --print', () => {
  it.each(TOOLS)('%s: a script for the kernel of a kernel-info file, the same each time', async (tool) => {
    const args = ['record', '--print', tool, '--kernel-info', info, '--buffer-size', '2M'];
    const { status, stdout, stderr } = await runCommand(args);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('# For: Linux 6.1.0-56-amd64');
    expect(stdout).toContain('___pte_free_tlb');
    expect(stdout).not.toContain('__call_rcu_common');
    expect((await runCommand(args)).stdout).toBe(stdout);
    expect(spawnSync('sh', ['-n'], { input: stdout }).status).toBe(0);
  });

  it('without a file: every probe of the tables is tried', async () => {
    const { stdout } = await runCommand(['record', '--print', 'ftrace']);
    for (const name of ['gup_fast_fallback', '__call_rcu_common', 'tlb_remove_table_sync_rcu']) {
      expect((await runCommand(['record', '--print', 'ftrace', '--level', 'full'])).stdout).toContain(name);
    }
    expect(stdout).not.toContain('gup_fast_fallback');
  });

  it('prints the command that makes the file in one piece: help breaks lines where a shell must not', async () => {
    expect((await runCommand(['record', '--print', 'kernel-info'])).stdout).toBe(`${KERNEL_INFO_COMMAND}\n`);
    expect((await runCommand(['record', '--help'])).stdout).toContain('record --print kernel-info');
    const noFile = await runCommand(['record', '--print', 'ftrace', '--kernel-info', 'no-such-file']);
    expect(noFile.stderr).toContain('record --print kernel-info');
  });

  it('reads it packed, and prints no bytes of what is none', async () => {
    const run = await runCommand(['record', '--dry-run', '--kernel-info', packed]);
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toBe((await runCommand(['record', '--dry-run', '--kernel-info', info])).stdout);
  });
});

describe('pttrace record --dry-run', () => {
  it('says what could be decided, and why not the rest', async () => {
    const { status, stdout } = await runCommand(['record', '--dry-run', '--kernel-info', info]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^kernel: Linux 6\.1\.0-56-amd64/);
    expect(stdout).toMatch(/will be able to decide: I01 I02 I03/);
    expect(stdout).toContain('I23 I24 would need csd:csd_queue_cpu (6.5 and later)');
  });
});

describe('pttrace record, wrong', () => {
  it.each([
    [['record', '--', 'true'], 2, /give the recording a name/],
    [['record', '-o', 'x', '--level', 'more'], 2, /level/],
    [['record', '--print', 'strace'], 2, /print/],
    [
      ['record', '--print', 'ftrace', '--kernel-info', info, '--clock', 'sundial'],
      2,
      /no trace clock 'sundial'/,
    ],
    [['record', '--print', 'ftrace', '--buffer-size', 'much'], 2, /no buffer size/],
    [['record', '-o', 'x', '--kernel-info', info], 2, /--kernel-info is for --print/],
    [['record', '--print', 'ftrace', '--kernel-info', '/none'], 3, /cannot be read/],
    [['record', '--print', 'ftrace', '--kernel-info', 'LICENSE'], 3, /no kernel-info file/],
    [['record', '-o', 'x', '--tracefs', '/none'], 3, /no tracefs at \/none/],
  ])('%j: exit %d', async (args, code, message) => {
    const { status, stderr } = await runCommand(args);
    expect(stderr).toMatch(message);
    expect(status).toBe(code);
  });
});

describe('pttrace record --cleanup', () => {
  const place = join(dir, 'tracefs');
  // No process has this number.
  const dead = 2 ** 30 + 7;
  mkdirSync(join(place, 'instances/other'), { recursive: true });
  writeFileSync(join(place, 'trace'), '');

  it('removes what killed recordings left, and nothing else', async () => {
    mkdirSync(join(place, `instances/pttrace_${dead}`));
    mkdirSync(join(place, `instances/pttrace_${dead}_b`));
    const { status, stdout } = await runCommand(['record', '--cleanup', '--tracefs', place]);
    expect(stdout).toBe(`pttrace_${dead}: 2 instances, 0 probes: removed\n`);
    expect(status).toBe(0);
    expect(existsSync(join(place, 'instances/other'))).toBe(true);
    expect(existsSync(join(place, `instances/pttrace_${dead}`))).toBe(false);
    expect((await runCommand(['record', '--cleanup', '--tracefs', place])).stdout).toBe(
      'tracefs holds nothing of pttrace\n',
    );
  });

  it('leaves a running recording alone, unless forced', async () => {
    const mine = join(place, `instances/pttrace_${process.pid}`);
    mkdirSync(mine);
    const { stdout } = await runCommand(['record', '--cleanup', '--tracefs', place]);
    expect(stdout).toContain(`left alone, process ${process.pid} is running`);
    expect(existsSync(mine)).toBe(true);
    await runCommand(['record', '--cleanup', '--force', '--tracefs', place]);
    expect(existsSync(mine)).toBe(false);
  });

  it('says what it could not remove', async () => {
    mkdirSync(join(place, `instances/pttrace_${dead}/busy`), { recursive: true });
    const { status, stdout } = await runCommand(['record', '--cleanup', '--tracefs', place]);
    expect(stdout).toMatch(/not removed: instance pttrace_\d+: E/);
    expect(status).toBe(3);
  });
});
