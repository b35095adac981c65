import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatAnnotations } from '../../src/gate/annotations.js';
import { readBaseline, updatedBaseline } from '../../src/gate/baseline.js';
import { runGate } from '../../src/gate/gate.js';
import { formatJunit } from '../../src/gate/junit.js';
import { parsePolicy } from '../../src/gate/policy-file.js';
import { formatSarif } from '../../src/gate/sarif.js';
import type { GateCheck, GateReport, Policy } from '../../src/gate/types.js';
import { readSchema } from '../../src/schema/read-schema.js';
import { runCommand } from '../support/run-command.js';
import { junitFaults, missingXmllint, sarifFaults } from './support/schemas.js';
import { fixture, folder, linesOf, withoutOneFlush, write } from './support/traces.js';

const dir = folder();
const loaded = (policy: Policy) => ({ policy, sources: ['test'], baselineDir: dir });
const gate = async (traces: string[], policy: Policy, baseline = null as ReturnType<typeof readBaseline>) =>
  runGate({ traces, policy: loaded(policy), baseline });
const check = (report: GateReport, id: string, trace = 0): GateCheck => {
  const found = report.traces[trace]?.checks.find((c) => c.id === id);
  if (!found) throw new Error(`no check ${id}`);
  return found;
};

// Both kernels: with the patch (y: tables freed by RCU) and without (n).
const GOOD = ['6.12.117-lab-y/mt-munmap.txt.gz', '6.12.117-lab-n/gup-munmap.txt.gz'];
const POLICY = parsePolicy(
  `version: 1
extends: [default]
invariants: { required: [I01, I02, I12] }
loss: { maxEvents: 0 }
lines: { maxSkipped: 0 }
probes: { required: [mm_page_free, flush_tlb_mm_range] }
latency:
  - { name: munmap, budgets: ["p50 <= 1s", "count >= 2"] }
`,
  'policy',
);

let good: GateReport;
let bad: GateReport;
let badPath: string;

beforeAll(async () => {
  good = (await gate(GOOD.map(fixture), POLICY)).report;
  badPath = write(dir, 'bad trace, 1.txt', withoutOneFlush(linesOf(GOOD[0]!)));
  bad = (await gate([badPath], POLICY)).report;
});

describe('the gate', () => {
  it('is green on correct kernels', () => {
    expect(good.summary.failed).toBe(0);
    expect(good.summary.passed).toBeGreaterThan(20);
    for (const i of [0, 1]) {
      for (const id of [
        'I01',
        'I02',
        'I12',
        'loss',
        'lines',
        'probe mm_page_free',
        'latency munmap: p50 <= 1s',
      ]) {
        expect(check(good, id, i).outcome, `${GOOD[i]} ${id}`).toBe('pass');
      }
    }
  });

  it('turns red when a flush is missing, with the lines that show it', () => {
    expect(bad.summary.failed).toBeGreaterThan(0);
    const found = check(bad, 'I09');
    expect(found.outcome).toBe('fail');
    expect(found.findings[0]?.events.length).toBeGreaterThan(1);
    expect(found.next).toMatch(/^pttrace show '.*bad trace, 1\.txt' --line \d+$/);
    const lines = readFileSync(badPath, 'latin1').split('\n');
    for (const e of found.findings[0]!.events) expect(lines[e.line - 1]).toBe(e.text);
  });

  it('the command it names shows the witness', async () => {
    const line = /--line (\d+)$/.exec(check(bad, 'I09').next)![1]!;
    const run = await runCommand(['show', badPath, '--line', line]);
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toContain(`${line}`);
  });

  it.each<[string, Policy, string, string]>([
    [
      'a probe that never fired',
      { version: 1, probes: { required: ['no_such'] } },
      'probe no_such',
      'never fired',
    ],
    [
      'a budget that is not kept',
      { version: 1, latency: [{ name: 'munmap', budgets: ['p50 <= 1ns'] }] },
      'latency munmap: p50 <= 1ns',
      'p50 is ',
    ],
    [
      'a latency nobody measured',
      { version: 1, latency: [{ name: 'brk', budgets: ['p50 <= 1ns'] }] },
      'latency brk: p50 <= 1ns',
      'cannot be checked',
    ],
    ['another kernel', { version: 1, variant: { oneOf: ['A0', 'A1'] } }, 'variant', 'expected A0 or A1'],
    [
      'a kernel that is not certain',
      { version: 1, variant: { oneOf: ['B'], certain: true } },
      'variant',
      'not certain',
    ],
    [
      'an invariant that must be decided',
      { version: 1, invariants: { required: ['I05'] } },
      'I05',
      'must be decided',
    ],
    [
      'an unknown outside the list',
      { version: 1, invariants: { mayBeUnknown: ['I07'] } },
      'I05',
      'is undecided',
    ],
  ])('fails for %s', async (_, policy, id, message) => {
    const { report } = await gate([fixture(GOOD[0]!)], policy);
    expect(check(report, id)).toMatchObject({ outcome: 'fail', message: expect.stringContaining(message) });
  });

  it('an ignored violation is told, not counted', async () => {
    const policy: Policy = {
      version: 1,
      invariants: {
        ignored: ['I02', 'I03', 'I09', 'I10', 'I29'].map((id) => ({ id, reason: 'known bug 17' })),
      },
    };
    const { report } = await gate([badPath], policy);
    expect(check(report, 'I09')).toMatchObject({
      outcome: 'ignored',
      message: expect.stringContaining('known bug 17'),
    });
    expect(report.summary.failed).toBe(0);
    expect(report.summary.ignored).toBeGreaterThan(0);
  });

  it('lost events beyond what is allowed fail', async () => {
    const lines = linesOf(GOOD[0]!);
    const at = Math.floor(lines.length / 2);
    const cpu = Number(/\[(\d{3})\]/.exec(lines[at]!)![1]);
    const lossy = [...lines.slice(0, at), `CPU:${cpu} [LOST 12 EVENTS]`, ...lines.slice(at)];
    const path = write(dir, 'lossy.txt', lossy);
    const { report } = await gate([path], { version: 1, loss: { maxEvents: 11 } });
    expect(check(report, 'loss')).toMatchObject({
      outcome: 'fail',
      message: expect.stringContaining('12 of'),
    });
    expect(check((await gate([path], { version: 1, loss: { maxEvents: 12 } })).report, 'loss').outcome).toBe(
      'pass',
    );
  });

  it('a skipped line fails by its number', async () => {
    const lines = linesOf(GOOD[0]!);
    lines[40] = lines[40]!.slice(0, 30);
    const { report } = await gate([write(dir, 'torn.txt', lines)], { version: 1, lines: { maxSkipped: 0 } });
    const found = check(report, 'lines');
    expect(found.outcome).toBe('fail');
    expect(found.message).toContain(':41 ');
  });

  it('an unreadable recording fails alone', async () => {
    const { report } = await gate([join(dir, 'nowhere.txt'), fixture(GOOD[0]!)], { version: 1 });
    expect(check(report, 'readable', 0).outcome).toBe('fail');
    expect(check(report, 'I01', 1).outcome).toBe('pass');
  });
});

describe('the baseline', () => {
  const policy: Policy = {
    version: 1,
    invariants: { mayJudgeNothing: true },
    baseline: { file: 'b.json', spread: '3%', failIf: ['p50 > +20%', 'mean > +1000%'] },
  };
  /** Munmap calls of about `us` µs each, one every 100 µs. */
  const calls = (us: number): string[] =>
    Array.from({ length: 300 }, (_, i) => {
      const stamp = (extra: number): string => (10 + i * 1e-4 + extra * 1e-6).toFixed(6);
      const head = '           a.out-77      [000] .....    ';
      return [
        `${head}${stamp(0)}: sys_munmap(addr: 7f00, len: 1000)`,
        `${head}${stamp(us + (i % 5))}: sys_munmap -> 0x0`,
      ];
    }).flat();

  it('stores, reads back, finds no change in the same recording and a change in a slower one', async () => {
    const trace = write(dir, 'run.txt', calls(10));
    const first = await gate([trace], policy);
    expect(check(first.report, 'baseline').outcome).toBe('undecided');
    const file = join(dir, 'b.json');
    writeFileSync(file, JSON.stringify(updatedBaseline(null, first.read)));
    const baseline = readBaseline(file);
    expect(baseline?.traces['run.txt']?.decided).toContain('I48');
    const again = await gate([trace], policy, baseline);
    expect(again.report.summary.failed).toBe(0);
    expect(check(again.report, 'baseline munmap: p50 > +20%').outcome).toBe('pass');
    const slow = await gate([write(folder(), 'run.txt', calls(20))], policy, baseline);
    expect(check(slow.report, 'baseline munmap: p50 > +20%').outcome).toBe('fail');
    expect(check(slow.report, 'baseline munmap: mean > +1000%').outcome).toBe('pass');
  });

  it('losing the probes of an invariant fails', async () => {
    const lines = linesOf(GOOD[0]!);
    const trace = write(dir, 'probes.txt', lines);
    const first = await gate([trace], policy);
    const baseline = updatedBaseline(null, first.read);
    write(
      dir,
      'probes.txt',
      lines.filter((l) => !l.includes('flush_tlb_mm_range')),
    );
    const { report } = await gate([trace], policy, baseline);
    expect(check(report, 'baseline decided')).toMatchObject({
      outcome: 'fail',
      message: expect.stringContaining('I09'),
    });
  });

  it('a damaged file is refused by name', () => {
    const file = join(dir, 'broken.json');
    writeFileSync(file, '{"schema": "pttrace/baseline/1", "version": "1", "traces": {"a": {}}}');
    expect(() => readBaseline(file)).toThrow(/broken\.json: is no baseline: \/traces\/a/);
    writeFileSync(file, '{');
    expect(() => readBaseline(file)).toThrow(/is no JSON/);
    expect(readBaseline(join(dir, 'none.json'))).toBeNull();
  });
});

describe('outputs', () => {
  it('--json keeps its schema', () => {
    const valid = new Ajv2020({ strict: true }).compile(readSchema('gate'));
    for (const report of [good, bad])
      expect(valid(JSON.parse(JSON.stringify(report))), String(valid.errors)).toBe(true);
  });

  it('SARIF keeps the schema OASIS published, and points at the line', () => {
    for (const report of [good, bad]) expect(sarifFaults(formatSarif(report))).toBe('');
    const log = JSON.parse(formatSarif(bad));
    const result = log.runs[0].results.find((r: { ruleId: string }) => r.ruleId === 'I09');
    const place = result.locations[0].physicalLocation;
    expect(place.artifactLocation.uri).toMatch(/^file:\/\/.*bad%20trace%2C%201\.txt$/);
    expect(place.region.startLine).toBe(check(bad, 'I09').findings[0]!.events.at(-1)!.line);
    expect(log.runs[0].tool.driver.rules[result.ruleIndex].id).toBe('I09');
    expect(JSON.parse(formatSarif(good)).runs[0].results).toEqual([]);
  });

  it('JUnit keeps the schema of the Jenkins plugin', (context) => {
    const missing = missingXmllint();
    if (missing) context.skip(missing);
    for (const report of [good, bad]) expect(junitFaults(formatJunit(report), dir)).toBe('');
    const xml = formatJunit(bad);
    expect(xml).toMatch(/<testcase [^>]*name="I09">\n {6}<failure type="I09" message="I09 /);
    expect(xml).toContain('failures="');
  });

  it('JUnit survives what traces hold', () => {
    const odd = structuredClone(bad) as GateReport;
    const first = odd.traces[0]!.checks.find((c) => c.outcome === 'fail')!;
    Object.assign(first, { message: 'a <b> & "c" \u0000 \u001b[31m \ud800' });
    const xml = formatJunit(odd);
    expect(xml).toContain('a &lt;b&gt; &amp; &quot;c&quot; \ufffd \ufffd[31m \ufffd');
  });

  it('annotations are one line each and escape their separators', () => {
    const text = formatAnnotations(bad);
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(
        /^::(error|warning) file=[^:,]*(?:%2C|%3A|[^:,])*(,line=\d+)?,title=pttrace [^:]*::./,
      );
    }
    expect(text).toContain('bad trace%2C 1.txt');
    expect(formatAnnotations(good)).toBe('');
  });
});

describe('a recording without a page-table free', () => {
  const nothing =
    '          <idle>-0       [002] d..2.   200.000034: sched_switch: prev_comm=swapper/2 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=app next_pid=70622 next_prio=120';

  it('is not green, for a reason of its own, unless the policy allows it', async () => {
    const trace = write(folder(), 'run.txt', [nothing]);
    const red = await gate([trace], { version: 1 });
    expect(red.report.summary.failed).toBe(1);
    expect(check(red.report, 'nothing-to-judge')).toMatchObject({ outcome: 'fail' });
    const green = await gate([trace], { version: 1, invariants: { mayJudgeNothing: true } });
    expect(green.report.summary.failed).toBe(0);
    expect(check(green.report, 'nothing-to-judge').outcome).toBe('undecided');
  });
});
