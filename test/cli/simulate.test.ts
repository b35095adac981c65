import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import Simulate from '../../cli/commands/simulate.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { SIM_BUGS } from '../../src/simulate/bugs.js';
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

  it.each(['0', '3'])('--json keeps its schema: %s calls', async (munmaps) => {
    const ran = await runCommand(Simulate, ['--munmaps', munmaps, '--json']);
    const summary: unknown = JSON.parse(ran.stdout);
    const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(readSchema('simulate'));
    expect(validate(summary), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...(summary as object), other: 1 })).toBe(false);
  });

  it('lists the rules that can be broken', async () => {
    const ran = await runCommand(Simulate, ['--list-bugs']);
    // Long rules go on in an indented line.
    expect(ran.stdout.match(/^\S.*$/gm)).toHaveLength(SIM_BUGS.length);
    for (const bug of SIM_BUGS) expect(ran.stdout).toContain(`${bug.name} `);
  });
});
