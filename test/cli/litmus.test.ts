import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import Explain from '../../cli/commands/explain.js';
import Litmus from '../../cli/commands/litmus.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let dir = '';
let out = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text, ...rest) => {
    out += text;
    const done = rest.find((r) => typeof r === 'function') as ((error?: Error) => void) | undefined;
    done?.();
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
  process.exitCode = undefined;
});

function file(text: string): string {
  const path = join(dir, 'my.litmus');
  writeFileSync(path, text);
  return path;
}
const RIGHT = 'litmus mine\nbug: violates I01\n P0 map A v T\n P0 free T\n';
const WRONG = RIGHT.replace('violates I01', 'silent');

describe('pttrace litmus', () => {
  it('runs the tests that come with the tool', async () => {
    await Litmus.run([], ROOT);
    expect(out).toContain('100 of 100 orders as expected, in both forms');
    expect(out).toContain('50 of 50 programs: every interleaving of the fix is safe, some of the bug is not');
    expect(process.exitCode).toBe(0);
  });

  it('only the given orders, where asked', async () => {
    await Litmus.run(['--given-orders'], ROOT);
    expect(out).toContain('100 of 100 orders as expected, in both forms');
    expect(out).not.toContain('programs');
    out = '';
    await Litmus.run(['L27', '--json', '--given-orders'], ROOT);
    expect(JSON.parse(out).programs).toEqual([]);
  });

  it('one of them by its name, and explain names it so', async () => {
    await Litmus.run(['l27', '--plain'], ROOT);
    expect(out).toContain('2 of 2 orders as expected');
    expect(out.replaceAll(/\s+/g, ' ')).toContain(
      'fix: safe, all 487751782126656 interleavings (2167 states) bug: unsafe in 21 steps, ',
    );
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(78);
    out = '';
    await Explain.run(['L27'], ROOT);
    expect(out).toContain('pttrace litmus L27\n');
  });

  it('a test of one’s own, as a table, for a mail and as JSON', async () => {
    const path = file(RIGHT);
    await Litmus.run([path], ROOT);
    expect(out).toMatch(/mine .* bug .* I01 .* ok/);
    out = '';
    await Litmus.run([path, '--plain'], ROOT);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(75);
    out = '';
    await Litmus.run([path, '--json'], ROOT);
    expect(JSON.parse(out).outcomes).toMatchObject([
      { id: 'mine', order: 'bug', litmus: ['I01'], ftrace: ['I01'], ok: true },
    ]);
  });

  it('leaves with 1 and the reason when an order differs', async () => {
    await Litmus.run([file(WRONG)], ROOT);
    expect(out).toContain('DIFFERS');
    expect(out).toContain('was released while it was still linked');
    expect(process.exitCode).toBe(1);
  });

  it('prints the ftrace log of an order', async () => {
    await Litmus.run([file(RIGHT), '--ftrace', 'bug'], ROOT);
    expect(out).toContain('# tracer: nop');
    expect(out).toMatch(
      /tracing_mark_write: pttrace: LINK mm=0x[0-9a-f]+ addr=0x[0-9a-f]+ pfn=0x[0-9a-f]+ level=1/,
    );
  });

  it('refuses what it cannot read or understand', async () => {
    await expect(Litmus.run([join(dir, 'none')], ROOT)).rejects.toThrow('no such file');
    await expect(Litmus.run([file('litmus x\nbug: silent\n P0 fre T\n')], ROOT)).rejects.toThrow(
      'my.litmus:3:5: there is no step `fre`; `free`?',
    );
    await expect(Litmus.run([file(RIGHT), '--ftrace', 'fix'], ROOT)).rejects.toThrow('has no order fix: bug');
  });
});

describe('pttrace explain', () => {
  it('explains in words, and as JSON', async () => {
    await Explain.run(['free-path', '--variant', 'A2', '--plain'], ROOT);
    expect(out).toContain('[does IPI for GUP-fast]');
    out = '';
    await Explain.run(['I05', '--json'], ROOT);
    expect(JSON.parse(out)).toMatchObject({ title: 'I05 no-reader-at-free' });
  });
  it('says what was meant', async () => {
    await expect(Explain.run(['no-reader-at-fre'], ROOT)).rejects.toThrow('did you mean no-reader-at-free?');
  });
});
