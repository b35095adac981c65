import { describe, expect, it } from 'vitest';
import Simulate from '../../cli/commands/simulate.js';
import { runCommand } from './support/run-command.js';

describe('pttrace simulate', () => {
  it('prints a log, and the summary beside it', async () => {
    const ran = await runCommand(Simulate, ['--munmaps', '3', '--summary']);
    expect(ran.error).toBeUndefined();
    expect(ran.stdout).toMatch(/^# tracer: nop\n/);
    expect(ran.stdout.match(/sys_munmap\(/g)).toHaveLength(3);
    expect(ran.stderr).toContain('Limits of the model:');
  });

  it('prints the workload that it would run', async () => {
    const ran = await runCommand(Simulate, ['--cpus', '8', '--tables', '2-5', '--print-workload']);
    expect(ran.stdout).toContain('cpus: 8');
    expect(ran.stdout).toContain('spinners: 7');
  });

  it('refuses a rule that does not exist', async () => {
    const ran = await runCommand(Simulate, ['--bug', 'nothing']);
    expect(String(ran.error)).toContain("unknown rule 'nothing'");
  });
});
