import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The same bytes in give the same bytes out: whatever the time zone, the language, the CPU count or the hour.

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FIXTURES = [
  'fixtures/replay/6.12.117-lab-y/slowpath-failpagealloc.txt.gz',
  'fixtures/replay/debian-6.16.12/mt-munmap.txt.gz',
];
const DRIVER = `
import { analyse } from './src/analyse/analyse.js';
import { formatJson } from './cli/render/json.js';
import { formatPlain } from './cli/render/plain.js';
const result = await analyse({ paths: process.argv.slice(2) });
process.stdout.write(formatJson(result) + formatPlain(result));
`;

let folder: string;

/** src and cli as JavaScript in a folder of their own, so that a plain child process can run them. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pttrace-determinism-'));
  for (const part of ['src', 'cli']) {
    for (const file of readdirSync(join(ROOT, part), { recursive: true, encoding: 'utf8' })) {
      const from = join(ROOT, part, file);
      const to = join(folder, part, file);
      if (file.endsWith('.ts')) {
        mkdirSync(dirname(to), { recursive: true });
        const { outputText } = ts.transpileModule(readFileSync(from, 'utf8'), {
          compilerOptions: {
            target: ts.ScriptTarget.ES2022,
            module: ts.ModuleKind.ES2022,
            verbatimModuleSyntax: true,
          },
        });
        writeFileSync(to.replace(/\.ts$/, '.js'), outputText);
      } else if (file.endsWith('.json')) cpSync(from, to);
    }
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'driver.js'), DRIVER);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (env: Record<string, string>): string =>
  execFileSync(process.execPath, [join(folder, 'driver.js'), ...FIXTURES.map((f) => join(ROOT, f))], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', ...env },
    maxBuffer: 64 << 20,
  });

describe('output', () => {
  it('is the same twice, in any time zone, language and colour setting', () => {
    const first = run({ TZ: 'UTC', LC_ALL: 'C' });
    expect(first.length).toBeGreaterThan(20_000);
    expect(first).toContain('"schema": "pttrace/result/1"');
    expect(run({ TZ: 'UTC', LC_ALL: 'C' })).toBe(first);
    expect(run({ TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' })).toBe(first);
    expect(run({ TZ: 'America/St_Johns', LC_ALL: 'ar_EG.UTF-8', FORCE_COLOR: '1', COLUMNS: '40' })).toBe(
      first,
    );
  });

  it('names neither clock, nor host, nor process', () => {
    const text = run({ TZ: 'UTC', LC_ALL: 'C' });
    expect(text).not.toContain(new Date().toISOString().slice(0, 10));
    expect(text).not.toMatch(/"pid":|hostname/);
  });
});
