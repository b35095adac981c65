import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { KERNEL_INFO_COMMAND } from '../../src/record/kernel-info.js';
import { TOOLS } from '../../src/record/print.js';
import { pttrace, ROOT } from '../support/built.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-record-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const packed = join(ROOT, 'fixtures/record/debian-6.1.192/kernel-info.txt.gz');
const info = join(dir, 'kernel-info.txt');
writeFileSync(info, gunzipSync(readFileSync(packed)));

describe('pttrace record --print', () => {
  it.each(TOOLS)('%s: a script for the kernel of a kernel-info file, the same each time', (tool) => {
    const args = ['record', '--print', tool, '--kernel-info', info, '--buffer-size', '2M'];
    const { status, stdout, stderr } = pttrace(args);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('# For: Linux 6.1.0-56-amd64');
    expect(stdout).toContain('___pte_free_tlb');
    expect(stdout).not.toContain('__call_rcu_common');
    expect(pttrace(args).stdout).toBe(stdout);
    expect(spawnSync('sh', ['-n'], { input: stdout }).status).toBe(0);
  });

  it('without a file: every probe of the tables is tried', () => {
    const { stdout } = pttrace(['record', '--print', 'ftrace']);
    for (const name of ['gup_fast_fallback', '__call_rcu_common', 'tlb_remove_table_sync_rcu']) {
      expect(pttrace(['record', '--print', 'ftrace', '--level', 'full']).stdout).toContain(name);
    }
    expect(stdout).not.toContain('gup_fast_fallback');
  });

  it('prints the command that makes the file in one piece: help breaks lines where a shell must not', () => {
    expect(pttrace(['record', '--print', 'kernel-info']).stdout).toBe(`${KERNEL_INFO_COMMAND}\n`);
    expect(pttrace(['record', '--help']).stdout).toContain('record --print kernel-info');
    const noFile = pttrace(['record', '--print', 'ftrace', '--kernel-info', 'no-such-file']);
    expect(noFile.stderr).toContain('record --print kernel-info');
  });

  it('reads it packed, and prints no bytes of what is none', () => {
    const run = pttrace(['record', '--dry-run', '--kernel-info', packed]);
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toBe(pttrace(['record', '--dry-run', '--kernel-info', info]).stdout);
  });
});

describe('pttrace record --dry-run', () => {
  it('says what could be decided, and why not the rest', () => {
    const { status, stdout } = pttrace(['record', '--dry-run', '--kernel-info', info]);
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
  ])('%j: exit %d', (args, code, message) => {
    const { status, stderr } = pttrace(args);
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

  it('removes what killed recordings left, and nothing else', () => {
    mkdirSync(join(place, `instances/pttrace_${dead}`));
    mkdirSync(join(place, `instances/pttrace_${dead}_b`));
    const { status, stdout } = pttrace(['record', '--cleanup', '--tracefs', place]);
    expect(stdout).toBe(`pttrace_${dead}: 2 instances, 0 probes: removed\n`);
    expect(status).toBe(0);
    expect(existsSync(join(place, 'instances/other'))).toBe(true);
    expect(existsSync(join(place, `instances/pttrace_${dead}`))).toBe(false);
    expect(pttrace(['record', '--cleanup', '--tracefs', place]).stdout).toBe(
      'tracefs holds nothing of pttrace\n',
    );
  });

  it('leaves a running recording alone, unless forced', () => {
    const mine = join(place, `instances/pttrace_${process.pid}`);
    mkdirSync(mine);
    const { stdout } = pttrace(['record', '--cleanup', '--tracefs', place]);
    expect(stdout).toContain(`left alone, process ${process.pid} is running`);
    expect(existsSync(mine)).toBe(true);
    pttrace(['record', '--cleanup', '--force', '--tracefs', place]);
    expect(existsSync(mine)).toBe(false);
  });

  it('says what it could not remove', () => {
    mkdirSync(join(place, `instances/pttrace_${dead}/busy`), { recursive: true });
    const { status, stdout } = pttrace(['record', '--cleanup', '--tracefs', place]);
    expect(stdout).toMatch(/not removed: instance pttrace_\d+: E/);
    expect(status).toBe(3);
  });
});
