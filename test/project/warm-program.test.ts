import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../gate/support/traces.js';
import { builtCommand } from '../support/built.js';
import { warmPttrace } from '../support/warm-program.js';

let program = '';
const cwd = realpathSync(mkdtempSync(join(tmpdir(), "pttrace it's-")));
beforeAll(() => {
  program = warmPttrace();
});
afterAll(() => rmSync(cwd, { recursive: true }));

const ran = (command: string, args: readonly string[], env = {}, input?: string) => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    ...(input === undefined ? {} : { input }),
  });
  return { status, stdout, stderr };
};
const bothWays = (args: readonly string[], env = {}, input?: string) => {
  const cold = ran(process.execPath, [builtCommand(), ...args], env, input);
  expect(ran(program, args, env, input)).toEqual(cold);
  return cold;
};

describe('a warm pttrace answers as a process of its own does', () => {
  it('what it prints, on both streams, and its status', () => {
    expect(bothWays(['explain', 'I09']).status).toBe(0);
    const missing = bothWays(['replay', "no 'such'\n file $HOME.gz"]);
    expect(missing.status).toBe(3);
    expect(missing.stderr).toContain("no 'such'");
    expect(bothWays(['explain', '']).status).toBe(2);
  });

  it('in the folder and the environment of who asks', () => {
    const write = ['replay', fixture('6.12.117-lab-n/gup-munmap.txt.gz'), '--html', 'page.html'];
    expect(ran(program, write).status).toBe(0);
    expect(ran('ls', ['-A']).stdout).toBe('page.html\n');
    const told = (env: object) => bothWays(['explain', 'I09'], env).stdout;
    expect(told({ FORCE_COLOR: '1', NO_COLOR: undefined })).toContain('\x1b[');
    expect(told({})).not.toContain('\x1b[');
  });

  it('standard input is read', () => {
    expect(bothWays(['replay', '-', '--plain'], {}, 'no event\n').stderr).toContain(
      '-:1: holds no trace lines',
    );
  });
});
