import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { DearestFirst } from './test/support/dearest-first.js';

const ROOT = import.meta.dirname;

/**
 * Takes src/ and cli/ as built (test/support/build.ts builds them first): Node's own imports, a fifth less CPU time than a
 * transformed copy of every module, and the same modules that commands run in a test's process use.
 */
const asBuilt = {
  name: 'as-built',
  enforce: 'pre' as const,
  resolveId(source: string, importer?: string): { id: string; external: true } | null {
    if (importer === undefined || !/^\.{0,2}\//.test(source)) return null;
    const path = relative(ROOT, resolve(dirname(importer), source));
    const built = join(ROOT, 'dist', path.replace(/\.ts$/, '.js'));
    return /^(?:src|cli)\//.test(path) && existsSync(built) ? { id: built, external: true } : null;
  },
};

/**
 * Helper threads take the cores from other workers: with them the same files take a sixth more CPU time. What runs shortly is
 * optimized in vain, and a small young generation is cleared often: an eighth.
 */
const WORKER_FLAGS = [
  '--single-threaded-gc',
  '--interrupt-budget=400000',
  '--min-semi-space-size=32',
  '--max-semi-space-size=64',
];

/** Node ends at once where its V8 does not know a flag (Node 24: `--interrupt-budget`). */
const isKnown = (flag: string): boolean => spawnSync(process.execPath, [flag, '-e', '0']).status === 0;

export default defineConfig({
  plugins: [asBuilt],
  test: {
    include: ['test/**/*.test.ts'],
    // Not 'test', which Vitest sets: oclif then loads TypeScript into every pttrace, two fifths of the CPU time of a short one.
    env: { TZ: 'UTC', LC_ALL: 'C', NO_COLOR: '1', NODE_ENV: 'production' },
    // Against what hangs; a slow machine is no fault.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    globalSetup: ['test/support/build.ts'],
    sequence: { sequencer: DearestFirst },
    setupFiles: ['test/support/property-seed.ts', 'test/support/cpu-times.ts'],
    pool: 'forks',
    // One module graph a worker: a third of the CPU time went into importing the same files for each test file.
    isolate: false,
    execArgv: WORKER_FLAGS.filter(isKnown),
    // Also on two cores; by default one is kept free.
    maxWorkers: '100%',
    server: { deps: { external: [/\/dist\//] } },
  },
});
