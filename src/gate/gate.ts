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

/** Replays every recording and judges it. A recording that cannot be read fails its gate; it does not throw. */
export async function runGate(options: GateOptions): Promise<GateRun> {
  const { policy } = options.policy;
  const traces: GateTrace[] = [];
  const read: GateReading[] = [];
  let partial = false;
  for (const path of options.traces) {
    try {
      const result = await analyse({ ...options, paths: [path] });
      const checks = judge(result, policy, path);
      let samples: ReadonlyMap<string, RunSample> = new Map();
      partial ||= result.summary.partial;
      if (!partial && policy.baseline && result.timeline.unit === 'ns' && path !== '-') {
        samples = await baselineSamples(path, policy.baseline, options);
        partial ||= [...samples.values()].some((s) => s.partial);
        checks.push(...baselineChecks(path, result, samples, options.baseline, policy.baseline));
      }
      read.push({ path, result, samples });
      traces.push({ path, inputs: result.inputs, checks, spanSeconds: seconds(result) });
    } catch (error) {
      // A question that cannot be asked of any recording.
      if (error instanceof UsageError) throw error;
      if (options.signal?.aborted) {
        // An input cut off by the abort is not unreadable.
        if (traces.length === 0) throw error;
        partial = true;
        break;
      }
      traces.push({
        path,
        inputs: [],
        checks: [error instanceof TraceError ? unreadable(error) : internal(error)],
        spanSeconds: 0,
      });
    }
    if (partial) break;
  }
  const all = traces.flatMap((t) => t.checks);
  const count = (outcome: GateCheck['outcome']): number => all.filter((c) => c.outcome === outcome).length;
  return {
    read,
    report: {
      schema: GATE_SCHEMA,
      version: VERSION,
      policy: options.policy.sources,
      traces,
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

/** A fault of ours costs this recording its verdict, not the others theirs. */
const internal = (error: unknown): GateCheck => ({
  id: 'internal',
  outcome: 'fail',
  level: 'error',
  message: `internal error: ${error instanceof Error ? (error.stack ?? error.message).split('\n', 2).join(' ') : String(error)}`,
  next: "Please report this with the recording's first lines.",
  findings: [],
});

const unreadable = (error: TraceError): GateCheck => ({
  id: 'readable',
  outcome: 'fail',
  level: 'error',
  message: error.message,
  next: '',
  findings: [],
});
