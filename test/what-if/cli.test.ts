import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';
import { runCommand } from '../support/run-command.js';
import { trace } from './support/trace.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-what-if-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const SLOW = 'fixtures/replay/6.12.117-lab-y/slowpath-failpagealloc.txt.gz';
const RECLAIM = 'fixtures/replay/debian-6.16.12/pt-reclaim-gup.txt.gz';

describe('replay --what-if', () => {
  test('prints both kernels side by side, in bpftrace print style', async () => {
    const { status, stdout } = await runCommand(['replay', SLOW, '--what-if', 'B']);
    expect(status).toBe(0);
    expect(stdout).toContain('What if the kernel were B');
    expect(stdout).toMatch(/sync_one broadcasts +0 +\d+\n/);
    expect(stdout).toMatch(/@munmap_recorded_ns:? ?\n\[\d+[KM]?, \d+[KM]?\)/);
    expect(stdout).toMatch(/@munmap_B_ns:? ?\n\[/);
    expect(stdout).toContain('Not in the model:');
  });

  test('refused: exit 2 with the reason, as JSON too', async () => {
    const { status, stdout } = await runCommand(['replay', RECLAIM, '--what-if', 'A2']);
    expect(status).toBe(2);
    expect(stdout).toMatch(/Not re-run: .*MADV_DONTNEED/);
    const json = await runCommand(['replay', RECLAIM, '--what-if', 'A2', '--json']);
    expect(json.status).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ refused: { code: 'reclaim' } });
  });

  test('unknown variants and filters are wrong usage', async () => {
    expect((await runCommand(['replay', SLOW, '--what-if', 'Q'])).status).toBe(2);
    expect((await runCommand(['replay', SLOW, '--what-if', 'B', '--cpu', '0'])).status).toBe(2);
  });

  test('--plain is ASCII; prose is at most 75 columns', async () => {
    const { stdout } = await runCommand(['replay', SLOW, '--what-if', 'A1', '--plain']);
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
    for (const line of stdout.split('\n'))
      if (!line.includes('|')) expect(line.length).toBeLessThanOrEqual(75);
  });

  test('a changed sequence that breaks a rule: exit 1', async () => {
    const file = join(dir, 'early.txt');
    writeFileSync(
      file,
      trace({ kernel: 'sync', munmaps: 3, tables: 3, pages: 2, early: true }).replace('#P:2', '#P:1'),
    );
    expect((await runCommand(['replay', file, '--variant', 'A1', '--what-if', 'A0'])).status).toBe(1);
  });
});

const shared = existsSync(join(ROOT, '../shared/recordings'));
// A minute's work: with PTTRACE_WHOLE=1, and `node scripts/accuracy.mjs --check`.
test.skipIf(!shared || partOf(0, 1) === 1)(
  'docs/accuracy.md is what the recordings give (skipped without ../shared/recordings)',
  async () => {
    await runCommand(['--version']);
    const run = spawnSync('node', ['scripts/accuracy.mjs', '--check'], { cwd: ROOT, encoding: 'utf8' });
    expect(run.stdout + run.stderr).toContain('docs/accuracy.md is up to date');
    expect(run.status).toBe(0);
  },
  180_000,
);
