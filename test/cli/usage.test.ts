import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, pttrace, ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

interface Manifest {
  readonly commands: Record<
    string,
    {
      readonly examples?: readonly unknown[];
      readonly args: Record<string, { readonly description?: string }>;
      readonly flags: Record<string, { readonly description?: string }>;
    }
  >;
}

let commands: Manifest['commands'];
beforeAll(() => {
  builtCommand();
  commands = (JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as Manifest).commands;
});

const ONE_HISTOGRAM = 'fixtures/inputs/F11-bcc-label-with-blank.txt';

describe('wrong usage says what was probably meant, exit 2', () => {
  it.each<[string[], string]>([
    [
      ['repaly', 'x'],
      'there is no command "repaly"; did you mean replay?\n  Commands: breakdown, compare, completion, convert,',
    ],
    [['frobnicate'], 'there is no command "frobnicate"\n  Commands: '],
    [
      ['validate', '--polcy', 'x'],
      'Nonexistent flag: --polcy; did you mean --policy?\n  See `pttrace validate --help`.',
    ],
    [['replay', 'x', '--zzzzzz'], 'Nonexistent flag: --zzzzzz\n  See `pttrace replay --help`.'],
    [['replay', 'x', '--jsn', '--plian'], 'Nonexistent flags: --jsn, --plian; did you mean --json, --plain?'],
    [['hist'], 'Missing 1 required arg:'],
    [['convert', 'x'], 'Missing required flag --to\n  See `pttrace convert --help`.'],
    [['show', 'x', '--table', 'zzz'], 'not a hexadecimal address: zzz'],
    [['compare'], 'give BEFORE and AFTER\n  See `pttrace compare --help`.'],
    [
      ['compare', ONE_HISTOGRAM],
      `give BEFORE and AFTER: ${ONE_HISTOGRAM} holds only "munmap us" (line 1)\n  See \`pttrace compare --help\`.`,
    ],
    [['validate'], 'give at least one recording\n  See `pttrace validate --help`.'],
  ])('%j', async (args, says) => {
    const { status, stdout, stderr } = await runCommand(args);
    if (args[0] === 'show') expect([2, 3]).toContain(status);
    else {
      expect(status).toBe(2);
      expect(stderr).toContain(`pttrace: ${says}`);
    }
    expect(stdout).toBe('');
    expect(stderr).not.toContain('See more help');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  // A single file may hold both sides: it is read before anybody can say that a second one is missing.
  it('compare with one file that is not there is unreadable input, exit 3', async () => {
    const { status, stdout, stderr } = await runCommand(['compare', 'a']);
    expect([status, stdout]).toEqual([3, '']);
    expect(stderr).toContain('pttrace: a: no such file');
  });
});

describe('help', () => {
  it('`pttrace help COMMAND` is `pttrace COMMAND --help`', async () => {
    expect((await runCommand(['help', 'replay'])).stdout).toBe(
      (await runCommand(['replay', '--help'])).stdout,
    );
    expect((await runCommand(['help'])).stdout).toBe((await runCommand(['--help'])).stdout);
    expect((await runCommand(['help', 'replay'])).stdout).toContain('EXAMPLES');
  });

  it('every command has examples, every flag and argument a description', () => {
    for (const [name, command] of Object.entries(commands)) {
      expect(command.examples?.length, name).toBeGreaterThan(0);
      for (const [kind, list] of [
        ['argument', command.args],
        ['flag', command.flags],
      ] as const) {
        for (const [of, { description }] of Object.entries(list))
          expect(description, `${name}: ${kind} ${of}`).toBeTruthy();
      }
    }
  });

  it('every command that reads a trace says that - is standard input', () => {
    for (const name of ['replay', 'show', 'info', 'convert', 'hist', 'compare', 'validate', 'litmus']) {
      const texts = Object.values(commands[name]!.args).map((a) => a.description);
      expect(texts.join(' '), name).toMatch(/(?:^|\s)- for standard input/);
    }
  });
});

describe('standard input', () => {
  const text = readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz'));
  it.each<[string[]]>([
    [['replay', '-']],
    [['info', '-']],
    [['hist', '-']],
    [['convert', '-', '--to', 'csv']],
    [['validate', '-']],
    [['show', '-', '--mm', '0xffff88807eeb8000']],
    [['compare', '-', 'fixtures/replay/6.12.117-lab-n/gup-munmap.txt.gz']],
  ])('%j reads it', async (args) => {
    const { status, stdout, stderr } = await runCommand(args, { input: text });
    expect(status, stderr).toBe(0);
    expect(stdout.length).toBeGreaterThan(100);
  });

  it('litmus reads it', async () => {
    const input = readFileSync(join(ROOT, 'fixtures/litmus/L01.litmus'));
    const { status, stdout } = await runCommand(['litmus', '-', '--plain'], { input });
    expect(status).toBe(0);
    expect(stdout).toContain('2 of 2 orders as expected');
  });
});

describe('standard input', () => {
  it('is no argument, however fast it comes', () => {
    for (const command of ['hist', 'info']) {
      const { status, stderr } = pttrace([command], { input: 'TIME PID LAT(us)\n1 2 3\n' });
      expect([command, status]).toEqual([command, 2]);
      expect(stderr).toContain('Missing 1 required arg');
    }
  });
});
