import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { compared } from '../compare/compare.js';
import { failIf } from '../compare/conditions.js';
import { parseCondition } from '../compare/fail-if.js';
import { parseSpread } from '../compare/margins.js';
import { loadRun, type RunOptions, type RunSample } from '../compare/sides.js';
import { binned } from '../latency/histogram/binned.js';
import { Distribution } from '../latency/histogram/distribution.js';
import type { Result } from '../result/types.js';
import { validatorOf } from '../schema/validator.js';
import { VERSION } from '../version.js';
import { PolicyError } from './policy-file.js';
import type { GateCheck, Policy } from './types.js';

export const BASELINE_SCHEMA = 'pttrace/baseline/1';

/** What recordings measured when they were good. JSON Schema: `src/schema/baseline.schema.json`. */
export interface Baseline {
  readonly schema: typeof BASELINE_SCHEMA;
  readonly version: string;
  /** By file name without folder. */
  readonly traces: Readonly<Record<string, BaselineTrace>>;
}

export interface BaselineTrace {
  /** Invariants that passed. */
  readonly decided: readonly string[];
  /** By syscall: every duration in ns with how often it was measured, ascending. */
  readonly latency: Readonly<Record<string, readonly (readonly [valueNs: number, times: number])[]>>;
}

type Compared = NonNullable<Policy['baseline']>;

const DEFAULT_SYSCALLS = ['munmap'];
/** Distinct durations stored per syscall. */
const MAX_DISTINCT = 1 << 17;
const validator = validatorOf<Baseline>('baseline', {});

/** Null when there is no such file yet. Throws PolicyError for a file that is no baseline. */
export function readBaseline(path: string): Baseline | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new PolicyError(path, 0, 0, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PolicyError(path, 0, 0, `is no JSON: ${(error as Error).message}`);
  }
  const check = validator();
  if (check(value)) return value;
  const first = check.errors?.[0];
  throw new PolicyError(path, 0, 0, `is no baseline: ${first?.instancePath || '/'} ${first?.message}`);
}

/** The durations of one recording that a baseline is about. Reads the file once per syscall. */
export async function baselineSamples(
  path: string,
  policy: Compared,
  options: RunOptions,
): Promise<Map<string, RunSample>> {
  const samples = new Map<string, RunSample>();
  for (const name of policy.syscalls ?? DEFAULT_SYSCALLS) {
    samples.set(name, await loadRun(path, { ...options, source: { kind: 'syscall', name } }));
  }
  return samples;
}

/** A new baseline from this run; recordings it did not see keep what was stored. */
export function updatedBaseline(
  old: Baseline | null,
  runs: readonly { path: string; result: Result; samples: ReadonlyMap<string, RunSample> }[],
): Baseline {
  // Recordings may be called `toString` or `__proto__`.
  const traces = new Map<string, BaselineTrace>(Object.entries(old?.traces ?? {}));
  for (const { path, result, samples } of runs) {
    const latency: Record<string, (readonly [number, number])[]> = {};
    for (const [name, sample] of samples) {
      const counted: [number, number][] = [];
      sample.durations?.forEachRun((value, times) => counted.push([value, times]));
      if (counted.length <= MAX_DISTINCT) latency[name] = counted;
    }
    traces.set(basename(path), {
      decided: result.invariants.filter((i) => i.verdict === 'pass').map((i) => i.id),
      latency,
    });
  }
  const sorted = Object.fromEntries([...traces].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  return { schema: BASELINE_SCHEMA, version: VERSION, traces: sorted };
}

/** Checks of one recording against what it measured before. */
export function baselineChecks(
  path: string,
  result: Result,
  samples: ReadonlyMap<string, RunSample>,
  baseline: Baseline | null,
  policy: Compared,
): GateCheck[] {
  const name = basename(path);
  const before = baseline && Object.hasOwn(baseline.traces, name) ? baseline.traces[name] : undefined;
  if (!before) {
    return [
      {
        id: 'baseline',
        outcome: 'undecided',
        level: 'note',
        message: `nothing is stored for ${basename(path)} in ${policy.file}`,
        next: 'Run once with --update-baseline on a recording that is known to be good.',
        findings: [],
      },
    ];
  }
  const checks: GateCheck[] = [decidedCheck(result, before)];
  for (const [name, sample] of samples) {
    const old = Object.hasOwn(before.latency, name) ? before.latency[name] : undefined;
    if (old && old.length > 0) {
      checks.push(...latencyChecks(name, stored(name, old), sample, policy));
    }
  }
  return checks;
}

/** A recording that decides less than it did has lost probes: the gate would pass for want of evidence. */
function decidedCheck(result: Result, before: BaselineTrace): GateCheck {
  const now = new Map(result.invariants.map((i) => [i.id, i.verdict]));
  const lost = before.decided.filter((id) => now.get(id) !== 'pass' && now.get(id) !== 'violated');
  const id = 'baseline decided';
  return lost.length === 0
    ? {
        id,
        outcome: 'pass',
        level: 'note',
        message: `all ${before.decided.length} invariants of the baseline are decided`,
        next: '',
        findings: [],
      }
    : {
        id,
        outcome: 'fail',
        level: 'error',
        message: `${lost.join(', ')} passed in the baseline and ${lost.length === 1 ? 'is' : 'are'} not decided any more`,
        next: 'Compare the probes of both recordings with pttrace info; --update-baseline accepts the change.',
        findings: [],
      };
}

function latencyChecks(name: string, before: RunSample, after: RunSample, policy: Compared): GateCheck[] {
  const parsed = (policy.failIf ?? []).map((text) => ({ text, condition: parseCondition(text) }));
  const clauses = parsed.flatMap((c) => c.condition.flat());
  const { report, design } = compared([before], [after], {
    names: ['baseline', 'now'],
    moreQuantiles: clauses.flatMap((c) => (c.metric.kind === 'quantile' ? [c.metric.q] : [])),
    moreTailsNs: clauses.flatMap((c) => (c.metric.kind === 'tail' ? [c.metric.fromNs] : [])),
    spread: policy.spread === undefined ? undefined : parseSpread(policy.spread),
  });
  return failIf(parsed, design).map((judged) => {
    const said = judged.clauses
      .map((c) =>
        c.interval
          ? `${c.text}: ${number(c.interval.value)} [${number(c.interval.low)}, ${number(c.interval.high)}]`
          : c.text,
      )
      .join('; ');
    const failed = judged.decision === 'true';
    return {
      id: `baseline ${name}: ${judged.expression}`,
      outcome: failed ? 'fail' : judged.decision === 'false' ? 'pass' : 'undecided',
      level: failed ? 'error' : 'note',
      message: `${said}. ${report.sentence}`,
      next: policy.spread === undefined ? SPREAD_WANTED : '',
      findings: [],
    };
  });
}

const SPREAD_WANTED =
  'One run against one: say in the policy by how much runs of one kernel differ (spread: 3%), or compare several runs.';

const number = (v: number): string => Number(v.toPrecision(6)).toString();

function stored(name: string, runs: readonly (readonly [number, number])[]): RunSample {
  const durations = new Distribution();
  for (const [value, times] of runs) for (let i = 0; i < times; i++) durations.add(value);
  const bins = durations.powerOfTwoBuckets().map((b) => ({ low: b.lowNs, high: b.highNs, count: b.count }));
  return {
    argument: 'baseline',
    title: 'baseline',
    from: 'events',
    what: `syscall ${name} of the stored baseline`,
    bins: binned(bins),
    durations,
    ordered: null,
    windowNs: null,
    windowHow: 'not known',
    censored: 0,
    notes: [],
    inputs: [],
    partial: false,
  };
}
