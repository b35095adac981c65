import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, pttrace, ROOT } from '../support/built.js';

describe('pages printed from tables', () => {
  let pages: Record<string, string>;
  beforeAll(async () => {
    builtCommand();
    const docs = (await import(join(ROOT, 'scripts/docs.mjs'))) as {
      pages(): Promise<Record<string, string>>;
    };
    pages = await docs.pages();
  });

  it.each([
    'README.md',
    'docs/architecture.md',
    'docs/cli.md',
    'docs/invariants.md',
    'docs/variants.md',
    'docs/seed-claims.md',
    'docs/machine-rules.md',
  ])('%s is current', (path) => {
    expect(readFileSync(join(ROOT, path), 'utf8') === pages[path], `${path}: node scripts/docs.mjs`).toBe(
      true,
    );
  });

  it('every command of the README exists', () => {
    const named = new Set([...pages['README.md']!.matchAll(/`pttrace (\w+)/g)].map((m) => m[1]!));
    expect(named.size).toBeGreaterThan(5);
    for (const name of named) expect(pages['docs/cli.md']).toContain(`## pttrace ${name}\n`);
  });
});

describe('the README', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');

  it('its first command does the main job on a shipped recording', () => {
    const command = /^npm ci && npx pttrace (.*)$/m.exec(text)![1]!;
    const { status, stdout } = pttrace(command.split(' '));
    expect(status).toBe(0);
    expect(text).toContain(stdout);
  });

  it('its second command runs the tests', () => {
    expect(text).toMatch(/^npm ci && npm test$/m);
    expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts.test).toBe('vitest run');
  });
});

describe('links between pages', () => {
  it.each(['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/output.md', 'docs/limits.md'])(
    '%s points at files that exist',
    (page) => {
      const text = readFileSync(join(ROOT, page), 'utf8');
      for (const [, target] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
        expect(existsSync(join(ROOT, dirname(page), target!)), `${page}: ${target}`).toBe(true);
      }
    },
  );
});
