import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LITMUS_PROGRAMS, runLitmusProgram } from '../../src/explore/litmus-scenarios.js';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

describe('litmus tests as programs', () => {
  test.each(LITMUS_PROGRAMS.map((p) => [p.id, p] as const))(
    '%s: every interleaving of the fix is safe, some of the bug is not, and replay names it',
    (_, program) => {
      expect(runLitmusProgram(program).ok).toBe(true);
    },
  );

  test('are all tests of the suite', () => {
    const suite = readdirSync(join(ROOT, 'fixtures/litmus')).filter((name) => name.endsWith('.litmus'));
    expect(LITMUS_PROGRAMS.map(({ id }) => `${id}.litmus`)).toEqual(suite.sort());
  });

  test('pttrace litmus --all-orders shows the shortest way of one', async () => {
    const { status, stdout } = await runCommand(['litmus', 'L01', '--all-orders']);
    expect(status).toBe(0);
    expect(stdout).toContain('fix: safe, all 62244 interleavings');
    expect(stdout).toContain('Shortest way, 14 steps');
    const other = await runCommand(['litmus', 'L44', '--all-orders']);
    expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('L44 has given orders only')]);
    expect((await runCommand(['litmus', 'L27', '--all-orders'])).stdout).toContain(
      'L27 on A2 instead of C: as expected',
    );
  }, 240_000);

  test('Ctrl-C says what was covered, exit 130', async () => {
    const before = process.listeners('SIGINT');
    const running = runCommand(['litmus', '--all-orders', '--json']);
    const poll = setInterval(() => {
      for (const listener of process.listeners('SIGINT')) if (!before.includes(listener)) listener('SIGINT');
    }, 1);
    const { status, stdout, stderr } = await running;
    clearInterval(poll);
    expect([status, stderr]).toEqual([
      130,
      expect.stringMatching(/interrupted: partial, \d+ of 50 programs, each in all its orders\n$/),
    ]);
    const { partial, tests } = JSON.parse(stdout) as { partial: boolean; tests: unknown[] };
    expect(partial).toBe(true);
    expect(tests.length).toBe(Number(/partial, (\d+) of/.exec(stderr)![1]));
  }, 240_000);
});
