import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAnnotations } from '../../src/gate/annotations.js';
import { type Baseline, readBaseline, updatedBaseline } from '../../src/gate/baseline.js';
import { type GateRun, runGate } from '../../src/gate/gate.js';
import { formatJunit } from '../../src/gate/junit.js';
import { parsePolicy } from '../../src/gate/policy-file.js';
import { formatSarif } from '../../src/gate/sarif.js';
import type { GateCheck, GateReport, Policy } from '../../src/gate/types.js';
import { runCommand } from '../support/run-command.js';
import { junitFaults, missingXmllint, sarifFaults } from './support/schemas.js';
import { fixture, folder, linesOf, repeated, withoutOneFlush, write } from './support/traces.js';

const gate = (
  traces: readonly string[],
  policy: Policy,
  baseline: Baseline | null = null,
): Promise<GateRun> => runGate({ traces, policy: { policy, sources: ['test'], baselineDir: '.' }, baseline });
const find = (report: GateReport, id: string): GateCheck => {
  const found = report.traces[0]?.checks.find((c) => c.id === id);
  if (!found) throw new Error(`no check ${id}: ${report.traces[0]?.checks.map((c) => c.id)}`);
  return found;
};

/** Without the patch a table is freed right after the flush, with it through RCU. */
const KERNELS = [
  { kernel: 'without the patch', name: '6.12.117-lab-n/gup-munmap.txt.gz', variant: 'A1', broken: 'I02' },
  { kernel: 'with the patch', name: '6.12.117-lab-y/gup-munmap.txt.gz', variant: 'C', broken: 'I09' },
  { kernel: 'a distribution', name: 'debian-6.16.12/mt-munmap.txt.gz', variant: 'C', broken: 'I09' },
] as const;

describe.each(KERNELS)('a recording of a kernel: $kernel', ({ name, variant, broken }) => {
  const policy = parsePolicy(
    `version: 1
extends: [default]
variant: { oneOf: [${variant}] }
invariants: { required: [I01, I02, I12, I48] }
probes: { required: [flush_tlb_mm_range] }
latency: [{ name: munmap, budgets: ["max <= 10s"] }]
`,
    'policy',
  );
  const dir = folder();
  let good: GateReport;
  let bad: GateReport;
  let badPath: string;

  beforeAll(async () => {
    good = (await gate([fixture(name)], policy)).report;
    badPath = write(dir, 'damaged.txt', withoutOneFlush(linesOf(name)));
    bad = (await gate([badPath], policy)).report;
  });

  it('passes', () => {
    expect(good.summary.failed).toBe(0);
    expect(find(good, 'variant').outcome).not.toBe('fail');
    expect(find(good, 'I48').outcome).toBe('pass');
  });

  it('turns red when one flush is missing, and says which rule that breaks', () => {
    const failed = bad.traces[0]!.checks.filter((c) => c.outcome === 'fail').map((c) => c.id);
    expect(failed).toContain(broken);
    expect(failed.every((id) => /^I\d\d$/.test(id))).toBe(true);
  });

  it('JUnit and SARIF carry that finding, and keep their schemas', (context) => {
    const missing = missingXmllint();
    if (missing) context.skip(missing);
    for (const report of [good, bad]) {
      expect(junitFaults(formatJunit(report), dir)).toBe('');
      expect(sarifFaults(formatSarif(report))).toBe('');
    }
    expect(formatJunit(good)).not.toContain('<failure');
    expect(formatJunit(bad)).toContain(`<failure type="${broken}"`);
    const { results } = JSON.parse(formatSarif(bad)).runs[0];
    const result = results.find((r: { ruleId: string }) => r.ruleId === broken);
    const { region } = result.locations[0].physicalLocation;
    expect(region.snippet.text).toBe(readFileSync(badPath, 'latin1').split('\n')[region.startLine - 1]);
    expect(JSON.parse(formatSarif(good)).runs[0].results).toEqual([]);
  });

  it('the command an annotation and the terminal name is the witness, as it stands', async () => {
    const run = await runCommand(['validate', badPath, '--annotations']);
    expect(run.status).toBe(1);
    const annotated = formatAnnotations(bad)
      .split('\n')
      .find((l) => l.includes(`title=pttrace ${broken}::`))!;
    const command = /%0A(pttrace show .*)$/.exec(annotated)![1]!;
    expect(run.stdout).toContain(`next: ${command}\n`);
    const line = Number(/--line (\d+)$/.exec(command)![1]);
    expect(annotated).toContain(`,line=${line},`);
    const shown = await runCommand(command.split(' ').slice(1));
    expect(shown.status, shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(new RegExp(`^ *${line} `, 'm'));
    expect(shown.stdout.split('\n').length).toBeGreaterThan(5);
  });
});

describe.each(KERNELS.slice(0, 2))('latency against a baseline, a kernel $kernel', ({ name }) => {
  const policy: Policy = {
    version: 1,
    baseline: { file: 'baseline.json', spread: '3%', failIf: ['p50 > +60%', 'p50 < -40%', 'mean > +400%'] },
  };
  const dirs = [folder(), folder(), folder()] as const;
  let baseline: Baseline;

  beforeAll(async () => {
    const { read } = await gate([write(dirs[0], 'run.txt', repeated(linesOf(name), 12))], policy);
    const file = join(dirs[0], 'baseline.json');
    writeFileSync(file, JSON.stringify(updatedBaseline(null, read)));
    baseline = readBaseline(file)!;
  });

  const against = async (dir: string, slower: number): Promise<Record<string, string>> => {
    const path = write(dir, 'run.txt', repeated(linesOf(name), 12, slower));
    const { report } = await gate([path], policy, baseline);
    return Object.fromEntries(
      policy.baseline!.failIf!.map((c) => [c, find(report, `baseline munmap: ${c}`).outcome]),
    );
  };

  it('the same again passes', async () => {
    expect(await against(dirs[0], 1)).toEqual({
      'p50 > +60%': 'pass',
      'p50 < -40%': 'pass',
      'mean > +400%': 'pass',
    });
  });

  it('a quarter as fast fails, four times as fast only where that was asked for', async () => {
    expect(await against(dirs[1], 4)).toMatchObject({ 'p50 > +60%': 'fail', 'p50 < -40%': 'pass' });
    expect(await against(dirs[2], 0.25)).toMatchObject({ 'p50 > +60%': 'pass', 'p50 < -40%': 'fail' });
  });

  it('the baseline of the other kernel is not taken for this one', async () => {
    const path = write(dirs[1], 'other.txt', linesOf(name));
    const { report } = await gate([path], policy, baseline);
    expect(find(report, 'baseline')).toMatchObject({ outcome: 'undecided' });
    expect(find(report, 'baseline').message).toContain('nothing is stored for other.txt');
  });
});
