import { createHash } from 'node:crypto';
import { printable } from '../result/printable.js';
import type { LatencyReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { GateReading } from './gate.js';
import type { GateCheck, GateReport, GateTrace } from './types.js';

/** Where results are reported from and about. */
export interface KcidbOrigin {
  /** Name of the CI system: lower-case letters, digits and underscores. */
  readonly origin: string;
  /** Build that was tested, `ORIGIN:…`; default `ORIGIN:unknown`. */
  readonly build?: string | undefined;
}

type Status = 'PASS' | 'FAIL' | 'ERROR' | 'SKIP' | 'DONE';

/** A test of the KCIDB I/O schema. */
interface Test {
  id: string;
  origin: string;
  build_id: string;
  path: string;
  status: Status;
  comment: string;
  log_excerpt?: string;
  number?: { value: number; unit: string; prefix: 'metric' };
  misc: { recording: string; check: string };
}

/** Bytes of a log excerpt: the schema sets no bound, the database keeps 16 KiB. */
const MAX_EXCERPT = 16 << 10;

/** Throws UsageError where `origin` or `build` is no name of the schema. */
export function checkOrigin({ origin, build }: KcidbOrigin): void {
  if (!/^[a-z0-9_]+$/.test(origin))
    throw new UsageError(`origin '${origin}': give lower-case letters, digits and underscores`);
  if (build !== undefined && !/^[a-z0-9_]+:[^\0]*$/.test(build))
    throw new UsageError(`build '${build}': give the id of a build in KCIDB, e.g. ${origin}:6.18-rc3`);
}

/**
 * Results in KCIDB's I/O schema 5.3: a test for each check of each recording (violated FAIL, undecided or ignored SKIP,
 * not readable ERROR) and one for each latency, DONE, in seconds. Ids come from what was judged and said: the same
 * recording judged again has the same ids.
 */
export function formatKcidb(
  report: GateReport,
  read: readonly GateReading[],
  { origin, build }: KcidbOrigin,
): string {
  const buildId = build ?? `${origin}:unknown`;
  const readings = new Map(read.map((r) => [r.path, r]));
  const tests = report.traces.flatMap((trace) => {
    const result = readings.get(trace.path)?.result;
    const run = digest([buildId, trace.path, JSON.stringify(trace.inputs)]);
    const test = (
      check: string,
      rest: Pick<Test, 'status' | 'comment' | 'log_excerpt' | 'number'>,
    ): Test => ({
      id: `${origin}:${digest([run, check])}`,
      origin,
      build_id: buildId,
      path: `pttrace.${slug(check)}`,
      ...rest,
      misc: { recording: printable(trace.path), check },
    });
    return [
      ...trace.checks.map((check) => test(check.id, judged(check))),
      ...measured(trace, result?.latency ?? []).map(([check, rest]) => test(check, rest)),
    ];
  });
  return `${JSON.stringify({ version: { major: 5, minor: 3 }, tests }, null, 2)}\n`;
}

const STATUS = { pass: 'PASS', fail: 'FAIL', undecided: 'SKIP', ignored: 'SKIP' } as const;

function judged(check: GateCheck): Pick<Test, 'status' | 'comment' | 'log_excerpt'> {
  const cannot = check.outcome === 'fail' && (check.id === 'readable' || check.id === 'internal');
  const lines = check.findings.flatMap((f) => [
    `${f.message} [${f.basis}]`,
    ...f.events.map((e) => `line ${e.line} (${e.role}): ${e.text}`),
  ]);
  const excerpt = printable([...lines, ...(check.next ? [`next: ${check.next}`] : [])].join('\n'));
  return {
    status: cannot ? 'ERROR' : STATUS[check.outcome],
    comment: printable(check.message),
    ...(excerpt === '' ? {} : { log_excerpt: cut(excerpt) }),
  };
}

function measured(
  { path }: GateTrace,
  latency: readonly LatencyReport[],
): [string, Pick<Test, 'status' | 'comment' | 'number'>][] {
  return latency.flatMap(({ name, key, quantiles, count }) => {
    if (key !== '' || !quantiles) return [];
    return (['p50', 'p99', 'max'] as const).map(
      (q): [string, Pick<Test, 'status' | 'comment' | 'number'>] => [
        `latency ${name} ${q}`,
        {
          status: 'DONE',
          comment: printable(`${q} of ${count} ${name} in ${path}`),
          number: { value: quantiles[q] / 1e9, unit: 's', prefix: 'metric' },
        },
      ],
    );
  });
}

const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 32);

const COMPARISONS: Readonly<Record<string, string>> = {
  '<=': 'le',
  '>=': 'ge',
  '<': 'lt',
  '>': 'gt',
  '→': 'to',
};

/** A part of a test's path: letters, digits, `_` and `-`. */
const slug = (check: string): string =>
  check
    .replaceAll(/<=|>=|<|>|→/g, (sign) => ` ${COMPARISONS[sign]} `)
    .replaceAll(/[^A-Za-z0-9_-]+/g, '_')
    .replaceAll(/^_+|_+$/g, '') || 'check';

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_EXCERPT) return text;
  // A character cut in two would decode to U+FFFD.
  return bytes
    .subarray(0, MAX_EXCERPT)
    .toString()
    .replace(/\ufffd+$/, '');
}
