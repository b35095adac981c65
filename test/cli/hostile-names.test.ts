import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';
import { runCommand } from '../support/run-command.js';

/** What a terminal or a CI runner would take for an order. Our own colours are off: stdout is no terminal. */
const ORDERS =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|^\s*::[A-Za-z-]+[^:\n]*::|##\[|##vso\[/m;
const NAMES = ['##[error]x', 'e\x1b[31mv', 'b\x07\x1b]0;t\x07', '::error::no', 'r\u202el'];

let dir = '';
const paths: string[] = [];
/** Each holds all of the names, for other tasks each; one in turn unless the whole is tried. */
const pathsOf = (turn: number): string[] =>
  paths.filter((_, i) => partOf(1, 0) === 1 || i === turn % paths.length);

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  const good = gunzipSync(
    readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz')),
  );
  const lines = good.toString('latin1').split('\n').slice(0, 900);
  NAMES.forEach((name, i) => {
    const text = lines
      .map((line) =>
        line.replace(/^ *\S+-(\d+) /, (all, pid: string) => {
          const task = NAMES[(Number(pid) + i) % (NAMES.length + 1)];
          return task === undefined ? all : `  ${task}-${pid} `;
        }),
      )
      // A flush that is dropped, so that findings quote lines of these tasks.
      .filter((line) => !line.includes('tlb_flush'));
    for (const task of NAMES) text.push(`  ${task}-7 [000] ..... 99.000000: ${task}: x=1`);
    // File names are names too.
    const path = join(dir, `${i}-${name.replaceAll('/', '')}.txt`);
    writeFileSync(path, text.join('\n'));
    paths.push(path);
  });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Every way in which a command prints what a recording holds. JSON is for programs: it has escapes of its own. */
const SHOWS: readonly (readonly string[])[] = [
  ['replay'],
  ['replay', '--plain'],
  ['replay', '--all'],
  ['replay', '--all', '--plain'],
  ['replay', '--all', '--by', 'comm'],
  ['replay', '--what-if', 'C'],
  ['replay', '--conform'],
  ['info'],
  ['hist', '--by', 'comm'],
  ['hist', '--by', 'comm', '--plain'],
  ['hist', '--rcu', 'tlb_remove_table_rcu'],
  ['breakdown'],
  ['breakdown', '--plain'],
  ['readers'],
  ['readers', '--plain'],
  ['predict'],
  ['predict', '--plain'],
  ['show', '--line', '40'],
  ['show', '--line', '40', '--plain'],
  ['show', '--line', '40', '--all-lives'],
  ['validate'],
  ['validate', '--plain', '--annotations'],
  ['watch', '--every', '0'],
  ['watch', '--every', '0', '--all'],
];
/** Commands that print no name of a recording: what they take from the user is tried below. */
const WITHOUT_NAMES = ['completion', 'explain', 'explore', 'litmus', 'record', 'simulate'];
/** Several recordings each, or a form that is read by programs; a fleet's report is that of `shard merge`, query is tried with its tables. */
const OTHERS = ['compare', 'convert', 'fleet', 'query', 'shard'];

describe('names that give orders', () => {
  test('every command is tried', () => {
    const commands = readdirSync(join(ROOT, 'cli/commands')).map((file) => file.replace(/\.ts$/, ''));
    const tried = [...new Set(SHOWS.map(([command]) => command!)), ...WITHOUT_NAMES, ...OTHERS];
    expect(tried.sort()).toEqual(commands.sort());
  });

  test.each(SHOWS.map((args, i) => [args.join(' '), args, i] as const))('%s', async (_, args, turn) => {
    for (const path of pathsOf(turn)) {
      const [command, ...flags] = args;
      const { stdout, stderr } = await runCommand([command!, path, ...flags]);
      expect(`${stdout}${stderr}`.length).toBeGreaterThan(0);
      // Annotations are orders of ours: they begin with what we mean to say.
      const said = flags.includes('--annotations')
        ? stdout.replace(/^::(?:error|warning) file=/gm, 'file=')
        : stdout;
      expect(said).not.toMatch(ORDERS);
      expect(stderr).not.toMatch(ORDERS);
    }
  });

  test.each([
    ['compare'],
    ['compare', '--all'],
    ['compare', '--plain'],
    ['compare', '--names', '##[error]a,\x1b[1mb'],
    ['compare', '--plan'],
    ['compare', '--fail-if', 'p99 > +5%'],
  ] as string[][])('%s %s', async (...args: string[]) => {
    const [command, ...flags] = args.filter((arg) => arg !== undefined);
    const { stdout, stderr } = await runCommand([command!, paths[0]!, paths[1]!, ...flags]);
    expect(`${stdout}${stderr}`.length).toBeGreaterThan(0);
    expect(`${stdout}${stderr}`).not.toMatch(ORDERS);
  });

  test.each(['jsonl', 'csv', 'ftrace', 'perfetto', 'chrome'])('convert --to %s, what it says', async (to) => {
    for (const path of paths) {
      const { stderr } = await runCommand(['convert', path, '--to', to, '-o', join(dir, `out.${to}`)]);
      expect(stderr).not.toMatch(ORDERS);
    }
  });

  test.each(WITHOUT_NAMES)('%s: arguments that give orders are refused in plain text', async (command) => {
    const order = '\x1b[1m##[error]::error::x\u202e';
    for (const args of [
      [order],
      [`--${order}`],
      ['--variant', order],
      ['--kernel', order],
      ['--out', order],
    ]) {
      const { status, stdout, stderr } = await runCommand([command, ...args]);
      expect([1, 2, 3]).toContain(status);
      expect(`${stdout}${stderr}`).not.toMatch(ORDERS);
    }
  });

  test.each(['replay', 'validate', 'info'])('%s of a folder, and its shards', async (command) => {
    const folder = join(dir, 'folder');
    mkdirSync(folder, { recursive: true });
    for (const path of paths) copyFileSync(path, join(folder, basename(path)));
    const [plan, results] = [join(dir, `${command}.plan`), join(dir, `${command}.results`)];
    for (const args of [
      [command, folder],
      [command, folder, '--plain'],
      ['shard', 'plan', folder, '--plan', plan, '--shards', '1', '--ask', command],
      ['shard', 'run', '--plan', plan, '--results', results, '--shard', '0'],
      ['shard', 'merge', '--plan', plan, '--results', results],
    ]) {
      const { status, stdout, stderr } = await runCommand(args);
      expect([0, 1], `${args.join(' ')}: ${stderr}`).toContain(status);
      expect(`${stdout}${stderr}`).not.toMatch(ORDERS);
    }
  });

  test('files that are not there', async () => {
    const missing = await runCommand(['replay', join(dir, '::error::\x1b[1mnone')]);
    expect(missing.status).toBe(3);
    expect(missing.stderr).not.toMatch(ORDERS);
  });
});
