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

  test('each is a test of the suite', () => {
    const suite = readdirSync(join(ROOT, 'fixtures/litmus')).map((name) => name.replace('.litmus', ''));
    for (const { id } of LITMUS_PROGRAMS) expect(suite).toContain(id);
  });

  test('pttrace litmus --all-orders shows the shortest way of one', async () => {
    const { status, stdout } = await runCommand(['litmus', 'L01', '--all-orders']);
    expect(status).toBe(0);
    expect(stdout).toContain('fix: safe, all 62244 interleavings');
    expect(stdout).toContain('Shortest way, 14 steps');
    const other = await runCommand(['litmus', 'L29', '--all-orders']);
    expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('L29 has given orders only')]);
  }, 240_000);
});
