import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fixture, folder, linesOf, withoutOneFlush, write } from '../gate/support/traces.js';
import { runCommand } from '../support/run-command.js';

it('--update-baseline says what it stored; what a red gate measured only with --force', async () => {
  const dir = folder();
  const policy = join(dir, 'policy.yaml');
  const baseline = join(dir, 'baseline.json');
  writeFileSync(policy, 'version: 1\nextends: [default]\nbaseline:\n  file: baseline.json\n');
  const store = (...traces: string[]): ReturnType<typeof runCommand> =>
    runCommand(['validate', ...traces, '--policy', policy, '--update-baseline']);
  const bad = write(dir, 'bad.txt', withoutOneFlush(linesOf('6.12.117-lab-y/mt-munmap.txt.gz')));
  const red = await store(bad);
  expect(red.status).toBe(1);
  expect(red.stderr).toMatch(
    /baseline\.json is left as it is: the gate is red \(\d+ checks? failed\); --force/,
  );
  expect(existsSync(baseline)).toBe(false);
  const good = await store(fixture('6.12.117-lab-y/mt-munmap.txt.gz'));
  expect([good.status, good.stderr]).toEqual([0, expect.stringContaining('1 recording stored, 1 in it now')]);
  const forced = await store(bad, '--force');
  expect([forced.status, forced.stderr]).toEqual([
    1,
    expect.stringContaining('1 recording stored, 2 in it now'),
  ]);
  expect(Object.keys(JSON.parse(readFileSync(baseline, 'utf8')).traces)).toHaveLength(2);
});
