import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { linesOf, withoutOneFlush } from '../gate/support/traces.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-cli-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const GOOD = 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz';
const file = (name: string, data: string | Buffer): string => {
  const path = join(dir, name);
  writeFileSync(path, data);
  return path;
};

describe('exit codes', () => {
  it('0: a correct kernel, undecided invariants and all', async () => {
    const { status, stdout, stderr } = await runCommand(['replay', GOOD]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^No violation: each of the \d+ page tables freed was first unlinked/);
    expect(stderr).toBe('');
  });

  it('1: a violation, quoted with its lines', async () => {
    const lines = withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz'));
    const bad = file('bad.txt', `${lines.join('\n')}\n`);
    const { status, stdout } = await runCommand(['replay', bad, '--all']);
    expect(status).toBe(1);
    const found = stdout
      .split('\n\n')
      .find((part) => /^I09 invalidate-before-callrcu \[S\d, [^\]]+\]: /.test(part));
    expect(found).toMatch(/^ {21}>> missing: flush_tlb_mm_range\(\)/m);
    const quoted = [...found!.matchAll(/^ {2}line +(\d+) {2}.*?((?:\S+-\d+) .*)$/gm)];
    expect(quoted.length).toBeGreaterThanOrEqual(2);
    for (const [, n, text] of quoted) expect(lines[Number(n) - 1]).toContain(text!.trim());
  });

  it('1: an unknown that was required to be decided; 0 without', async () => {
    expect((await runCommand(['replay', GOOD, '--require', 'I05'])).status).toBe(1);
    expect((await runCommand(['replay', GOOD, '--require', 'I01,I09'])).status).toBe(0);
  });

  it('1: with --strict a skipped line', async () => {
    const lines = linesOf('6.12.117-lab-y/mt-munmap.txt.gz');
    lines[100] = lines[100]!.slice(0, 34);
    const torn = file('torn.txt', `${lines.join('\n')}\n`);
    expect((await runCommand(['replay', torn])).status).toBe(0);
    const { status, stdout } = await runCommand(['replay', torn, '--strict']);
    expect(status).toBe(1);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('SKIPPED, first line 101');
  });

  it.each([
    [['replay'], 'Missing 1 required arg'],
    [['replay', GOOD, '--no-such-flag'], 'no-such-flag'],
    [['replay', GOOD, '--variant', 'Z9'], 'Z9'],
    [['replay', GOOD, '--require', 'I99'], 'I99'],
    [['replay', GOOD, '--format', 'morse'], 'morse'],
    [['replay', GOOD, '--json', '--plain'], 'json'],
    [['replay', GOOD, '--width', '10'], '--width wants'],
    [['replay', GOOD, '--what-if', 'C', '--all'], '--all'],
    [['show', GOOD], ''],
    [['validate', GOOD, '--update-baseline'], 'baseline'],
    [['repaly', GOOD], 'replay'],
    [['replay', '-', '-'], 'only once'],
    [['replay', GOOD, GOOD], 'is given twice'],
    [['validate', GOOD, `./${GOOD}`], 'is the same file as'],
    [['replay', GOOD, '--since', '90', '--until', '89'], '--since 90 is after --until 89'],
    [
      ['replay', GOOD, '--max-findings', '0'],
      '--max-findings wants an integer greater than or equal to 1, not "0"',
    ],
    [['replay', GOOD, '--what-if', 'C', '--strict'], '--strict'],
    [['replay', GOOD, '--what-if', 'C', '--require', 'I01'], '--require'],
    [['replay', GOOD, '--what-if', 'C', '--by', 'comm'], '--by'],
    [['validate', GOOD, '--format', 'perfscript'], 'did you mean perf-script?'],
    [['convert', GOOD, '--to', 'csv', '-o', '/no/such/folder/x'], 'cannot be written (ENOENT)'],
    [['convert', GOOD, '--to', 'csv', '-o', 'docs'], 'docs cannot be written (EISDIR)'],
    [['record', '--print', 'ftrace', '-o', 'x'], '--out'],
    [['explain', '5'], 'there is no topic "5". Topics: '],
  ])('2: %j', async (args, names) => {
    const { status, stdout, stderr } = await runCommand(args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(names);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([
    ['no such file', () => join(dir, 'nowhere.txt'), 'nowhere.txt'],
    ['a folder without recordings', () => mkdtempSync(join(dir, 'nothing-')), 'holds no recording'],
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
    [
      'a recording without events',
      () => file('header.txt', `${linesOf('6.12.117-lab-y/mt-munmap.txt.gz').slice(0, 12).join('\n')}\n`),
      'holds no events\n  Was tracing on',
    ],
  ])('3: %s', async (_, path, says) => {
    const { status, stdout, stderr } = await runCommand(['replay', path()]);
    expect(status).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toContain(says);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3);
  });
});

describe('an input that is not what it should be', () => {
  const header = (): string =>
    file('header-only.txt', `${linesOf('6.12.117-lab-y/mt-munmap.txt.gz').slice(0, 12).join('\n')}\n`);

  it('3: a format that no line has', async () => {
    const { status, stdout, stderr } = await runCommand(['replay', GOOD, '--format', 'perf-script']);
    expect([status, stdout]).toEqual([3, '']);
    expect(stderr).toContain('none of its lines is an event of perf-script');
  });

  it('3: the gate is not green for a recording without events', async () => {
    const { status, stdout } = await runCommand(['validate', header(), '--plain']);
    expect(status).toBe(3);
    expect(stdout).toMatch(/^FAIL +readable: [\s\S]*holds no\s+events$/m);
    expect(stdout).toMatch(/^gate: red/m);
  });

  it('3: show says that the file is cut', async () => {
    const cut = file('cut.gz', readFileSync(join(ROOT, GOOD)).subarray(0, 20_000));
    const { status, stdout } = await runCommand(['show', cut, '--line', '928']);
    expect(status).toBe(3);
    expect(stdout).toMatch(/^error: .*the gzip data ends early/m);
  });

  it('3: info tells of the files that it can read', async () => {
    const { status, stdout, stderr } = await runCommand([
      'info',
      GOOD,
      join(dir, 'nowhere'),
      header(),
      '--json',
    ]);
    expect(status).toBe(3);
    expect(JSON.parse(stdout).files).toHaveLength(2);
    expect(stderr).toContain('no such file');
  });

  it('3: litmus, of a folder', async () => {
    const { status, stderr } = await runCommand(['litmus', dir]);
    expect(status).toBe(3);
    expect(stderr).toContain('is a directory');
  });
});

it('nothing outside the package is read: a data folder that cannot be leaves standard error empty', async () => {
  const data = mkdtempSync(join(dir, 'data-'));
  mkdirSync(join(data, 'pttrace', 'package.json'), { recursive: true });
  const { status, stderr } = await runCommand(['explain', 'I01'], { env: { XDG_DATA_HOME: data } });
  expect([status, stderr]).toEqual([0, '']);
});

it('the gate over several recordings says which failed, and of what', async () => {
  const bad = file('red.txt', `${withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz')).join('\n')}\n`);
  for (const look of [[], ['--plain']]) {
    const { status, stdout } = await runCommand(['validate', GOOD, bad, ...look]);
    expect(status).toBe(1);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`failed: ${bad} (I09, I29) gate: red: `);
    expect((await runCommand(['validate', GOOD, ...look])).stdout).not.toContain('failed: ');
  }
});

describe('help', () => {
  const commands = ['replay', 'show', 'info', 'convert', 'hist', 'compare', 'litmus', 'explain', 'validate'];

  it.each(commands)('%s has examples and says what it does', async (command) => {
    const { status, stdout } = await runCommand([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('EXAMPLES');
    expect(stdout).toContain(`$ pttrace ${command}`);
    expect(stdout).toContain('USAGE');
  });

  it('lists every command', async () => {
    const { status, stdout } = await runCommand(['--help']);
    expect(status).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ +${command} `, 'm'));
  });

  it('--version', async () => {
    expect((await runCommand(['--version'])).stdout).toMatch(/^pttrace[/ ]\d+\.\d+\.\d+/);
  });
});
