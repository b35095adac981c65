import { commonReason } from '../data/recording-tables.js';
import type { RecordingFacts } from '../parsers/input/recording-facts.js';
import type { TraceError } from '../parsers/input/trace-error.js';
import type { Result } from '../result/types.js';

/** `failed`: it says nothing about the recording, only that it could not be looked at (a fault of ours, a thread that ended). */
export type RowStatus = 'finding' | 'no-finding' | 'unreadable' | 'failed';

export interface RowError {
  /** A code of `TraceError`, or `internal`, `ended`, `timeout`. */
  readonly code: string;
  readonly message: string;
  /** 1-based. */
  readonly line?: number | undefined;
  /** Byte of the decompressed input. */
  readonly offset?: number | undefined;
}

/** What a summary needs of one recording: small enough to keep thousands. */
export interface RecordingRow {
  readonly path: string;
  readonly status: RowStatus;
  /** Release; '' where nothing says it. */
  readonly kernel: string;
  /** Kernel variants that it allows. */
  readonly variants: readonly string[];
  readonly host: string;
  readonly error?: RowError | undefined;
  readonly findings: number;
  readonly tableFrees: number;
  readonly events: number;
  /** Events that a buffer said it lost; stretches whose number it does not know count in `lostUnknown`. */
  readonly lost: number;
  readonly lostUnknown: number;
  readonly violated: readonly { readonly id: string; readonly times: number; readonly message: string }[];
  readonly held: readonly string[];
  readonly undecided: readonly { readonly id: string; readonly why: string }[];
  readonly idle: readonly string[];
  /** Of a name with several keys (task names), the slowest. */
  readonly latency: readonly {
    readonly name: string;
    readonly count: number;
    readonly p99Ns: number;
    readonly maxNs: number;
  }[];
}

/** Codes that tell of the machine that reads, not of the recording: another attempt, or another machine, may succeed. */
const FAULTS: readonly string[] = [
  'not-found',
  'unreadable',
  'changed',
  'no-decompressor',
  'aborted',
  'ended',
  'timeout',
];

/** Is this row about the surroundings, so that it says nothing of the recording? */
export const isFault = (row: RecordingRow): boolean =>
  row.error !== undefined && FAULTS.includes(row.error.code);

const NOTHING = {
  variants: [],
  findings: 0,
  tableFrees: 0,
  events: 0,
  lost: 0,
  lostUnknown: 0,
  violated: [],
  held: [],
  undecided: [],
  idle: [],
  latency: [],
} as const;

/** The row of a recording that there is no result of: its path may say the host all the same. `hostOf`: see `Question`. */
export function rowWithout(
  path: string,
  status: 'unreadable' | 'failed',
  error: RowError,
  hostOf?: string,
): RecordingRow {
  return { path, status, kernel: '', host: hostFrom(path, hostOf) ?? '', error, ...NOTHING };
}

export const rowError = (error: TraceError): RowError => ({
  code: error.code,
  message: error.message,
  ...(error.line === undefined ? {} : { line: error.line }),
  ...(error.offset === undefined ? {} : { offset: error.offset }),
});

/** `hostOf`: see `Question`. */
export function rowOf(
  path: string,
  result: Result,
  facts: RecordingFacts,
  hostOf: string | undefined,
): RecordingRow {
  const broken = result.inputs.find((i) => i.error)?.error;
  const lost = result.timeline.lost;
  const of = (verdict: string) => result.invariants.filter((i) => i.verdict === verdict);
  return {
    path,
    status: broken ? 'unreadable' : result.summary.findings > 0 ? 'finding' : 'no-finding',
    kernel: facts.kernel().release,
    variants: result.variant.candidates,
    host: hostFrom(path, hostOf) ?? facts.host(),
    ...(broken ? { error: broken } : {}),
    findings: result.summary.findings,
    tableFrees: result.summary.tableFrees,
    events: result.timeline.events,
    lost: lost.reduce((sum, l) => sum + Math.max(0, l.count), 0),
    lostUnknown: lost.filter((l) => l.count < 0).length,
    violated: of('violated').map((i) => ({
      id: i.id,
      times: i.instances.violated,
      message: i.findings[0]?.message ?? '',
    })),
    held: of('pass').map((i) => i.id),
    undecided: of('unknown').map((i) => ({ id: i.id, why: commonReason(i) })),
    idle: of('not-applicable').map((i) => i.id),
    latency: slowestByName(result),
  };
}

function hostFrom(path: string, hostOf: string | undefined): string | null {
  if (hostOf === undefined) return null;
  const m = new RegExp(hostOf).exec(path);
  return m?.groups?.host ?? m?.[1] ?? null;
}

function slowestByName({ latency }: Result): RecordingRow['latency'] {
  const slowest = new Map<string, RecordingRow['latency'][number]>();
  for (const { name, count, quantiles } of latency) {
    if (quantiles === null) continue;
    const seen = slowest.get(name);
    if (seen === undefined || quantiles.max > seen.maxNs)
      slowest.set(name, { name, count, p99Ns: quantiles.p99, maxNs: quantiles.max });
  }
  return [...slowest.values()];
}
