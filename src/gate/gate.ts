import { type AnalyseOptions, analyse } from '../analyse/analyse.js';
import type { RunSample } from '../compare/sides.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { Result } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import { VERSION } from '../version.js';
import { type Baseline, baselineChecks, baselineSamples } from './baseline.js';
import { judge } from './judge.js';
import type { LoadedPolicy } from './policy-file.js';
import { GATE_SCHEMA, type GateCheck, type GateReport, type GateTrace } from './types.js';

export interface GateOptions extends Omit<AnalyseOptions, 'paths'> {
  /** Each is a recording of its own. */
  readonly traces: readonly string[];
  readonly policy: LoadedPolicy;
  /** What earlier runs measured; null: none stored. */
  readonly baseline: Baseline | null;
}

export interface GateRun {
  readonly report: GateReport;
  /** What a new baseline is made of: the recordings that could be read. */
  readonly read: readonly GateReading[];
}

export interface GateReading {
  readonly path: string;
  readonly result: Result;
  /** By syscall; empty without a baseline in the policy. */
  readonly samples: ReadonlyMap<string, RunSample>;
}

/** What one recording came to. */
export interface GateAnswer {
  readonly trace: GateTrace;
  /** Null where it could not be read. */
  readonly reading: GateReading | null;
  readonly partial: boolean;
}

/**
 * Replays one recording and judges it. One that cannot be read fails its gate; it does not throw. Throws UsageError for a
 * question that cannot be asked of any, and what an interruption throws before there is anything to tell.
 */
export async function judgeRecording(
  path: string,
  options: Omit<GateOptions, 'traces'>,
): Promise<GateAnswer> {
  const { policy } = options.policy;
  try {
    const result = await analyse({ ...options, paths: [path] });
    const checks = judge(result, policy, path);
    let samples: ReadonlyMap<string, RunSample> = new Map();
    let { partial } = result.summary;
    if (!partial && policy.baseline && result.timeline.unit === 'ns' && path !== '-') {
      samples = await baselineSamples(path, policy.baseline, options);
      partial ||= [...samples.values()].some((s) => s.partial);
      checks.push(...baselineChecks(path, result, samples, options.baseline, policy.baseline));
    }
    const trace = { path, inputs: result.inputs, checks, spanSeconds: seconds(result) };
    return { trace, reading: { path, result, samples }, partial };
  } catch (error) {
    // An input cut off by the abort is not unreadable.
    if (error instanceof UsageError || options.signal?.aborted) throw error;
    const check = error instanceof TraceError ? unreadable(error) : internal(error);
    return { trace: failedTrace(path, check), reading: null, partial: false };
  }
}

/** Replays every recording and judges it. */
export async function runGate(options: GateOptions): Promise<GateRun> {
  const answers: GateAnswer[] = [];
  let partial = false;
  for (const path of options.traces) {
    try {
      const answer = await judgeRecording(path, options);
      answers.push(answer);
      ({ partial } = answer);
    } catch (error) {
      if (error instanceof UsageError || answers.length === 0) throw error;
      partial = true;
    }
    if (partial) break;
  }
  return gateRun(answers, options.policy.sources, partial);
}

/** The report on recordings judged one by one, in the order given. */
export function gateRun(
  answers: readonly GateAnswer[],
  policy: readonly string[],
  partial: boolean,
): GateRun {
  const all = answers.flatMap((a) => a.trace.checks);
  const count = (outcome: GateCheck['outcome']): number => all.filter((c) => c.outcome === outcome).length;
  return {
    read: answers.flatMap((a) => (a.reading ? [a.reading] : [])),
    report: {
      schema: GATE_SCHEMA,
      version: VERSION,
      policy,
      traces: answers.map((a) => a.trace),
      summary: {
        passed: count('pass'),
        failed: count('fail'),
        undecided: count('undecided'),
        ignored: count('ignored'),
        partial,
      },
    },
  };
}

const seconds = (result: Result): number =>
  result.timeline.unit === 'ns' ? Number(result.timeline.spanNs) / 1e9 : 0;

/** A recording that no verdict can be given on. */
export const failedTrace = (path: string, check: GateCheck): GateTrace => ({
  path,
  inputs: [],
  checks: [check],
  spanSeconds: 0,
});

/** A fault of ours costs this recording its verdict, not the others theirs. */
export const internal = (error: unknown): GateCheck => ({
  id: 'internal',
  outcome: 'fail',
  level: 'error',
  message: `internal error: ${error instanceof Error ? (error.stack ?? error.message).split('\n', 2).join(' ') : String(error)}`,
  next: "Please report this with the recording's first lines.",
  findings: [],
});

export const unreadable = (error: Pick<TraceError, 'message'>): GateCheck => ({
  id: 'readable',
  outcome: 'fail',
  level: 'error',
  message: error.message,
  next: '',
  findings: [],
});
