import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    env: { TZ: 'UTC', LC_ALL: 'C', NO_COLOR: '1' },
    // Against what hangs; a slow machine is no fault.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    setupFiles: ['test/support/property-seed.ts', 'test/support/cpu-times.ts'],
    pool: 'forks',
    // One module graph a worker: a third of the CPU time went into importing the same files for each test file.
    isolate: false,
    // Also on two cores; by default one is kept free.
    maxWorkers: '100%',
    // Commands are run as built: by Node's own import, the one that oclif uses for them too.
    server: { deps: { external: [/\/dist\//] } },
  },
});
