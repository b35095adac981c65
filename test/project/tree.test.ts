import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/built.js';

const tracked = (): string[] => {
  const run = spawnSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' });
  return run.status === 0 ? run.stdout.split('\n').filter((f) => f !== '' && existsSync(join(ROOT, f))) : [];
};

describe('the tree', () => {
  it('names no machine path', (context) => {
    const files = tracked().filter(
      (f) => /\.(?:ts|mjs|js|json|md|yml|yaml|sh|py|txt)$/.test(f) && !f.startsWith('fixtures/'),
    );
    if (files.length === 0) context.skip('not a git checkout');
    // Spelt so that this file does not name one itself.
    const path = new RegExp(['/ro' + 'ot/', '/wo' + 'rk/', '/ho' + 'me/\\w', '/Use' + 'rs/\\w'].join('|'));
    const found = files.filter((f) => path.test(readFileSync(join(ROOT, f), 'latin1')));
    expect(found).toEqual([]);
  });

  it('locks its dependencies without naming a registry', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
    expect(lock).not.toMatch(/"resolved"|https?:\/\/[^"]*\.tgz/);
    expect(lock).toMatch(/"integrity": "sha512-/);
  });

  it('pins every dependency', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it('runs no script of a dependency at install', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; optional?: boolean; os?: string[] }>;
    };
    const scripts = Object.entries(packages).filter(
      ([path, p]) => path !== '' && p.hasInstallScript && !p.optional,
    );
    expect(scripts.map(([path]) => path)).toEqual([]);
  });
});
