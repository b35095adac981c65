import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

/** What a terminal or a CI runner would take for an order. Our own colours are off: stdout is no terminal. */
const ORDERS =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|^\s*::[A-Za-z-]+[^:\n]*::|##\[|##vso\[/m;
const NAMES = ['##[error]x', 'e\x1b[31mv', 'b\x07\x1b]0;t\x07', '::error::no', 'r\u202el'];

let dir = '';
const paths: string[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  const good = gunzipSync(
    readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz')),
  );
  const lines = good.toString('latin1').split('\n').slice(0, 900);
  NAMES.forEach((name, i) => {
    const text = lines
      .map((line) =>
        line.replace(/^ *\S+-(\d+) /, (all, pid: string) =>
          Number(pid) % 2 === 0 ? `  ${name}-${pid} ` : all,
        ),
      )
      // A flush that is dropped, so that findings quote lines of these tasks.
      .filter((line) => !line.includes('tlb_flush'));
    text.push(`  ${name}-7 [000] ..... 99.000000: ${name}: x=1`);
    // File names are names too.
    const path = join(dir, `${i}-${name.replaceAll('/', '')}.txt`);
    writeFileSync(path, text.join('\n'));
    paths.push(path);
  });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('names that give orders', () => {
  test.each([
    ['replay'],
    ['replay', '--plain'],
    ['replay', '--all'],
    ['replay', '--all', '--plain'],
    ['replay', '--all', '--by', 'comm'],
    ['info'],
    ['hist', '--by', 'comm'],
    ['hist', '--by', 'comm', '--plain'],
    ['breakdown'],
    ['breakdown', '--plain'],
    ['readers'],
    ['readers', '--plain'],
    ['replay', '--what-if', 'C'],
    ['show', '--line', '40'],
    ['show', '--line', '40', '--plain'],
    ['validate'],
    ['validate', '--plain', '--annotations'],
  ] as string[][])('%s %s %s', async (...args: string[]) => {
    for (const path of paths) {
      const [command, ...flags] = args;
      const { stdout, stderr } = await runCommand([command!, path, ...flags.filter((f) => f !== undefined)]);
      expect(stdout.length).toBeGreaterThan(0);
      // Annotations are orders of ours: they begin with what we mean to say.
      const said = flags.includes('--annotations')
        ? stdout.replace(/^::(?:error|warning) file=/gm, 'file=')
        : stdout;
      expect(said).not.toMatch(ORDERS);
      expect(stderr).not.toMatch(ORDERS);
    }
  });

  test('compare, and files that are not there', async () => {
    const { stdout, stderr } = await runCommand(['compare', paths[0]!, paths[1]!]);
    expect(`${stdout}${stderr}`).not.toMatch(ORDERS);
    const missing = await runCommand(['replay', join(dir, '::error::\x1b[1mnone')]);
    expect(missing.status).toBe(3);
    expect(missing.stderr).not.toMatch(ORDERS);
    const unknown = await runCommand(['explain', '\x1b[1m##[error]I99']);
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).not.toMatch(ORDERS);
  });
});
