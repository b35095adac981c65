import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, ROOT } from './support/built.js';

// The same bytes in give the same bytes out: whatever the time zone, the language, the CPU count or the hour.

const FIXTURES = [
  'fixtures/replay/6.12.117-lab-n/exit-mmap.txt.gz',
  'fixtures/replay/debian-6.16.12/mt-munmap.txt.gz',
];
const built = (path: string): string => JSON.stringify(pathToFileURL(join(ROOT, 'dist', path)).href);
const DRIVER = `
import { analyse } from ${built('src/analyse/analyse.js')};
import { formatJson } from ${built('cli/render/json.js')};
import { formatPlain } from ${built('cli/render/plain.js')};
const result = await analyse({ paths: process.argv.slice(2) });
process.stdout.write(formatJson(result) + formatPlain(result));
`;

let folder: string;

/** A plain child process that runs what was built. */
beforeAll(() => {
  builtCommand();
  folder = mkdtempSync(join(tmpdir(), 'pttrace-determinism-'));
  writeFileSync(join(folder, 'driver.mjs'), DRIVER);
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (env: Record<string, string>): string =>
  execFileSync(process.execPath, [join(folder, 'driver.mjs'), ...FIXTURES.map((f) => join(ROOT, f))], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', ...env },
    maxBuffer: 64 << 20,
  });

describe('output', () => {
  let first = '';
  beforeAll(() => {
    first = run({ TZ: 'UTC', LC_ALL: 'C' });
  });

  it('is the same each time, in any time zone, language and colour setting', () => {
    expect(first.length).toBeGreaterThan(20_000);
    expect(first).toContain('"schema": "pttrace/result/1"');
    expect(run({ TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' })).toBe(first);
    expect(run({ TZ: 'America/St_Johns', LC_ALL: 'ar_EG.UTF-8', FORCE_COLOR: '1', COLUMNS: '40' })).toBe(
      first,
    );
  });

  it('names neither clock, nor host, nor process', () => {
    expect(first).not.toContain(new Date().toISOString().slice(0, 10));
    expect(first).not.toMatch(/"pid":|hostname/);
  });
});
