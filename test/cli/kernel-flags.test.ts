import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-kernel-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};

/** A callback after an expedited grace period only: right from 7.3 on. Its header names no kernel. */
const EXPEDITED = 'fixtures/alarms/expedited-7.3.txt';
const RECORDING = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
const INFO = [
  '## uname',
  'Linux 6.12.117 #1 SMP x86_64',
  '## kallsyms',
  'ffffffff81000000 T __pte_alloc',
  '## cpuinfo',
  'vendor_id\t: GenuineIntel',
  'flags\t\t: fpu vme',
  '',
].join('\n');

async function replay(path: string, ...flags: string[]): Promise<Result> {
  return JSON.parse((await runCommand(['replay', path, '--json', ...flags])).stdout) as Result;
}
const verdict = ({ invariants }: Result, id: string): string => invariants.find((i) => i.id === id)!.verdict;

describe('--kernel', () => {
  it('picks the rule that held then, on every command that judges', async () => {
    expect(verdict(await replay(EXPEDITED, '--kernel', '7.3'), 'I36')).toBe('pass');
    expect(verdict(await replay(EXPEDITED, '--kernel', '6.12'), 'I36')).toBe('violated');
    const gate = async (release: string): Promise<number> =>
      (await runCommand(['validate', EXPEDITED, '--kernel', release])).status;
    expect([await gate('7.3'), await gate('6.12')]).toEqual([0, 1]);
  });

  it('narrows the variants, also of a re-run', async () => {
    const any = (await replay(EXPEDITED)).variant.candidates;
    const newest = (await replay(EXPEDITED, '--kernel', '7.3')).variant.candidates;
    expect(newest).toEqual(['E']);
    expect(any.length).toBeGreaterThan(1);
    const rerun = await runCommand(['replay', RECORDING, '--kernel', '6.12', '--what-if', 'A1']);
    expect(rerun.status).toBe(0);
    const readers = await runCommand(['readers', RECORDING, '--kernel', '6.12', '--json']);
    expect(readers.stderr).not.toContain('Nonexistent flag');
  });

  it('what is no release is wrong usage', async () => {
    for (const command of [
      ['replay', RECORDING],
      ['validate', RECORDING],
      ['litmus'],
      ['explain', 'I36'],
      ['readers', RECORDING],
    ]) {
      const ran = await runCommand([...command, '--kernel', 'newest']);
      expect([ran.status, ran.stderr], command.join(' ')).toEqual([
        2,
        expect.stringContaining("'newest' is no kernel release"),
      ]);
    }
  });

  it('explains what that release does', async () => {
    const newest = (await runCommand(['explain', 'free-path', '--kernel', '7.3'])).stdout;
    expect(newest).toContain('free path of Linux 7.3: variants E\n');
    const old = (await runCommand(['explain', 'free-path', '--kernel', '6.1'])).stdout;
    expect(old).toMatch(/variants A0, A1, A2/);
  });
});

describe('--kernel-info', () => {
  it('gives the release, and decides what the kernel or the machine does not have', async () => {
    const bare = await replay(RECORDING);
    expect([verdict(bare, 'I16'), verdict(bare, 'I33')]).toEqual(['unknown', 'unknown']);
    const told = await replay(RECORDING, '--kernel-info', file('info.txt', INFO));
    for (const id of ['I16', 'I32', 'I33']) expect(verdict(told, id), id).toBe('not-applicable');
    expect(told.invariants.find((i) => i.id === 'I16')!.reason).toContain(
      'locks of page tables in their pages',
    );
    expect(told.variant.candidates).toEqual(
      (await replay(RECORDING, '--kernel', '6.12.117')).variant.candidates,
    );
  });

  it('says nothing of what it does not hold', async () => {
    const told = await replay(
      RECORDING,
      '--kernel-info',
      file('bare.txt', '## uname\nLinux 6.12.117 #1 x86_64\n'),
    );
    expect([verdict(told, 'I16'), verdict(told, 'I33')]).toEqual(['unknown', 'unknown']);
  });

  it('the same facts may stand in the recording', async () => {
    const text = gunzipSync(readFileSync(join(import.meta.dirname, '../..', RECORDING))).toString('latin1');
    const path = file(
      'told.txt',
      `# pttrace: feature split-ptlock no\n# pttrace: feature mmu-notifier yes\n${text}`,
    );
    const told = await replay(path);
    expect([verdict(told, 'I16'), verdict(told, 'I33')]).toEqual(['not-applicable', 'unknown']);
  });

  it('a kernel without transparent huge pages has no deposits and no collapses to check', async () => {
    const rules = ['I15', 'I21', 'I22'];
    const bare = await replay(RECORDING);
    expect(rules.map((id) => verdict(bare, id))).toEqual(['unknown', 'unknown', 'unknown']);
    const text = gunzipSync(readFileSync(join(import.meta.dirname, '../..', RECORDING))).toString('latin1');
    const told = await replay(file('no-thp.txt', `# pttrace: feature thp no\n${text}`));
    for (const id of rules) expect(verdict(told, id), id).toBe('not-applicable');
    expect(told.invariants.find((i) => i.id === 'I22')!.reason).toContain('no transparent huge pages');
    const has = await replay(file('thp.txt', `# pttrace: feature thp yes\n${text}`));
    expect(rules.map((id) => verdict(has, id))).toEqual(['unknown', 'unknown', 'unknown']);
  });

  it.each([
    ['L35', 'I15'],
    ['L31', 'I21'],
  ])('what %s shows stands, whatever the kernel is said to lack', async (litmus, rule) => {
    const { stdout } = await runCommand(['litmus', litmus, '--ftrace', 'bug']);
    const told = await replay(file(`${litmus}.txt`, `# pttrace: feature thp no\n${stdout}`));
    expect(verdict(told, rule)).toBe('violated');
  });

  it('a file that is none is refused by name', async () => {
    const ran = await runCommand(['replay', RECORDING, '--kernel-info', file('none.txt', 'hello\n')]);
    expect([ran.status, ran.stderr]).toEqual([3, expect.stringContaining('no kernel-info file')]);
  });
});

it('a trace.dat names its kernel', async () => {
  const packed = readFileSync(join(import.meta.dirname, '../../fixtures/trace-dat/6.12.117-lab-y/v6.dat.gz'));
  const path = join(dir, 'trace.dat');
  writeFileSync(path, gunzipSync(packed));
  const { variant } = await replay(path);
  expect(variant.candidates).toEqual(['B', 'C']);
});
