import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const haveMawk = spawnSync('mawk', ['BEGIN { exit 0 }']).status === 0;

/** Nothing but a run of it sees that it no longer fits what it drives: it stands in for the decoder. */
test.skipIf(!haveMawk)('bench/machine.mjs drives the engine of today', () => {
  const run = spawnSync(
    process.execPath,
    [
      join(ROOT, 'bench/machine.mjs'),
      ...['--built', join(ROOT, 'dist'), '--events', '20000', '--size', '1', '--rounds', '1'],
      ...['--from', join(ROOT, 'fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz')],
    ],
    { encoding: 'utf8' },
  );
  expect(run.stderr).toBe('');
  expect(run.status).toBe(0);
  expect(run.stdout).toMatch(/^floor machine-events-per-mawk-line [\d.]+ >= 0\.43$/m);
});
