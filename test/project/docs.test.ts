import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

describe('pages printed from tables', () => {
  let pages: Record<string, string>;
  beforeAll(async () => {
    builtCommand();
    const docs = (await import(join(ROOT, 'scripts/docs.mjs'))) as {
      pages(): Promise<Record<string, string>>;
    };
    pages = await docs.pages();
  }, 600_000);

  it('are current', () => {
    const stale = Object.keys(pages).filter((path) => readFileSync(join(ROOT, path), 'utf8') !== pages[path]);
    expect(stale, 'node scripts/docs.mjs').toEqual([]);
  });

  it('every command of the README exists', () => {
    const named = new Set([...pages['README.md']!.matchAll(/`pttrace (\w+)/g)].map((m) => m[1]!));
    expect(named.size).toBeGreaterThan(5);
    for (const name of named) expect(pages['docs/cli.md']).toContain(`## pttrace ${name}\n`);
  });
});

describe('the README', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');

  it('its first command does the main job on a shipped recording', async () => {
    const command = /^npm ci && npx pttrace (.*)$/m.exec(text)![1]!;
    const { status, stdout } = await runCommand(command.split(' '));
    expect(status).toBe(0);
    expect(text).toContain(stdout);
  });

  it('its second command runs the tests', () => {
    expect(text).toMatch(/^npm ci && npm test$/m);
    expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts.test).toBe('vitest run');
  });
});

describe('links between pages', () => {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true }).map((name) => `docs/${String(name)}`);
  it.each(['README.md', 'CONTRIBUTING.md', ...docs.filter((path) => path.endsWith('.md')).sort()])(
    '%s points at files that exist',
    (page) => {
      const text = readFileSync(join(ROOT, page), 'utf8');
      for (const [, target] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
        expect(existsSync(join(ROOT, dirname(page), target!)), `${page}: ${target}`).toBe(true);
      }
    },
  );
});
