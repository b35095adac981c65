import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { linesOf, withoutOneFlush } from '../gate/support/traces.js';
import { pttrace } from '../support/built.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-cli-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const GOOD = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
const file = (name: string, data: string | Buffer): string => {
  const path = join(dir, name);
  writeFileSync(path, data);
  return path;
};

describe('exit codes', () => {
  it('0: a correct kernel, undecided invariants and all', () => {
    const { status, stdout, stderr } = pttrace(['replay', GOOD]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/no finding; \d+ of \d+ undecided\n$/);
    expect(stderr).toBe('');
  });

  it('1: a violation, quoted with its lines', () => {
    const lines = withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz'));
    const bad = file('bad.txt', `${lines.join('\n')}\n`);
    const { status, stdout } = pttrace(['replay', bad]);
    expect(status).toBe(1);
    const found = stdout
      .split('\n\n')
      .find((part) => /^I09 invalidate-before-callrcu \[S\d, [^\]]+\]: /.test(part));
    expect(found).toMatch(/^ {21}>> missing: flush_tlb_mm_range\(\)/m);
    const quoted = [...found!.matchAll(/^ {2}line +(\d+) {2}.*?((?:\S+-\d+) .*)$/gm)];
    expect(quoted.length).toBeGreaterThanOrEqual(2);
    for (const [, n, text] of quoted) expect(lines[Number(n) - 1]).toContain(text!.trim());
  });

  it('1: an unknown that was required to be decided; 0 without', () => {
    expect(pttrace(['replay', GOOD, '--require', 'I05']).status).toBe(1);
    expect(pttrace(['replay', GOOD, '--require', 'I01,I09']).status).toBe(0);
  });

  it('1: with --strict a skipped line', () => {
    const lines = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
    lines[100] = lines[100]!.slice(0, 34);
    const torn = file('torn.txt', `${lines.join('\n')}\n`);
    expect(pttrace(['replay', torn]).status).toBe(0);
    const { status, stdout } = pttrace(['replay', torn, '--strict']);
    expect(status).toBe(1);
    expect(stdout).toContain('first at line 101');
  });

  it.each([
    [['replay'], 'Missing 1 required arg'],
    [['replay', GOOD, '--no-such-flag'], 'no-such-flag'],
    [['replay', GOOD, '--variant', 'Z9'], 'Z9'],
    [['replay', GOOD, '--require', 'I99'], 'I99'],
    [['replay', GOOD, '--format', 'morse'], 'morse'],
    [['replay', GOOD, '--json', '--plain'], 'json'],
    [['show', GOOD], ''],
    [['validate', GOOD, '--update-baseline'], 'baseline'],
    [['repaly', GOOD], 'replay'],
  ])('2: %j', (args, names) => {
    const { status, stdout, stderr } = pttrace(args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(names);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([
    ['no such file', () => join(dir, 'nowhere.txt'), 'nowhere.txt'],
    ['a directory', () => dir, 'directory'],
    ['an empty file', () => file('empty.txt', ''), 'is empty'],
    [
      'binary data',
      () => file('bin', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 37) % 256))),
      'bin',
    ],
    ['prose', () => file('prose.txt', 'Dear all,\n\nthis is no trace.\n'), 'prose.txt:1'],
    [
      'a trace without times',
      () => file('no.txt', '# tracer: nop\n#\n  a-1 [000] ..... tlb_flush: pages:1\n'),
      'no.txt',
    ],
  ])('3: %s', (_, path, says) => {
    const { status, stdout, stderr } = pttrace(['replay', path()]);
    expect(status).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toContain(says);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3);
  });
});

describe('help', () => {
  const commands = ['replay', 'show', 'info', 'convert', 'hist', 'compare', 'litmus', 'explain', 'validate'];

  it.each(commands)('%s has examples and says what it does', (command) => {
    const { status, stdout } = pttrace([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('EXAMPLES');
    expect(stdout).toContain(`$ pttrace ${command}`);
    expect(stdout).toContain('USAGE');
  });

  it('lists every command', () => {
    const { status, stdout } = pttrace(['--help']);
    expect(status).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ +${command} `, 'm'));
  });

  it('--version', () => {
    expect(pttrace(['--version']).stdout).toMatch(/^pttrace[/ ]\d+\.\d+\.\d+/);
  });
});
