import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/built.js';

/** `.ci/run` installs what results are compared with: in CI a test must not be skipped for want of it. */
const named = /for tool in ([\s\S]*?); do/.exec(readFileSync(join(ROOT, '.ci/run'), 'utf8'))![1]!;
const tools = named.split(/[\s\\]+/).map((pair) => pair.split(':')[0]!);

test('.ci/run names the programs that tests compare with', () => {
  expect(tools).toEqual(
    expect.arrayContaining(['trace-cmd', 'bpftrace', 'zstd', 'xz', 'xmllint', 'shellcheck']),
  );
});

test.runIf(process.env.CI === 'true')('every program that results are compared with is there', () => {
  const missing = tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  expect(missing).toEqual([]);
});
