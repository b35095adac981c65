import { printable } from '../result/printable.js';
import type { LatencyReport } from '../result/types.js';
import type { GateReading } from './gate.js';
import type { GateCheck, GateReport, GateTrace } from './types.js';

/** Checks that say that a recording could not be judged, not that the kernel is at fault. */
const ERRORS: readonly string[] = ['readable', 'internal'];

/**
 * KTAP version 1 (Documentation/dev-tools/ktap.rst): one test a recording, its checks nested. An undecided or ignored
 * check is `ok … # SKIP` with its reason, a recording that cannot be read `not ok … # ERROR`. What fails is explained on
 * diagnostic lines before its result, latencies stand on diagnostic lines of their recording.
 */
export function formatKtap(report: GateReport, read: readonly GateReading[]): string {
  const out = ['KTAP version 1', `1..${report.traces.length}`];
  const readings = new Map(read.map((r) => [r.path, r]));
  report.traces.forEach((trace, i) => {
    nested(trace, readings.get(trace.path)?.result.latency ?? [], out);
    const failed = trace.checks.some((c) => c.outcome === 'fail');
    const skipped = trace.checks.every((c) => c.outcome === 'undecided' || c.outcome === 'ignored');
    out.push(result(!failed, i + 1, trace.path, skipped && !failed ? 'SKIP nothing was decided' : null));
  });
  return `${out.join('\n')}\n`;
}

function nested(trace: GateTrace, latency: readonly LatencyReport[], out: string[]): void {
  out.push('  KTAP version 1', `  # Subtest: ${name(trace.path)}`, `  1..${trace.checks.length}`);
  for (const { name: what, key, quantiles, count } of latency) {
    if (key !== '' || !quantiles) continue;
    const { p50, p99, max } = quantiles;
    out.push(`  # ${diagnostic(what)}: ${count} spans, p50 ${p50} ns, p99 ${p99} ns, max ${max} ns`);
  }
  trace.checks.forEach((check, i) => {
    if (check.outcome === 'fail') for (const line of explained(check)) out.push(`  # ${diagnostic(line)}`);
    out.push(`  ${result(check.outcome !== 'fail', i + 1, check.id, directive(check))}`);
  });
}

function explained(check: GateCheck): string[] {
  const lines = [`${check.id}: ${check.message}`];
  for (const finding of check.findings) {
    lines.push(`${finding.message} [${finding.basis}]`);
    for (const e of finding.events) lines.push(`line ${e.line} (${e.role}): ${e.text}`);
  }
  if (check.next) lines.push(`next: ${check.next}`);
  return lines;
}

function directive(check: GateCheck): string | null {
  if (check.outcome === 'undecided' || check.outcome === 'ignored')
    return `SKIP ${diagnostic(check.message)}`;
  return check.outcome === 'fail' && ERRORS.includes(check.id) ? `ERROR ${diagnostic(check.message)}` : null;
}

const result = (ok: boolean, number: number, what: string, directive: string | null): string =>
  `${ok ? 'ok' : 'not ok'} ${number} ${name(what)}${directive === null ? '' : ` # ${directive}`}`;

/** One line, whatever the recording's names hold. */
const diagnostic = (s: string): string => printable(s).replaceAll(/\s+/g, ' ').trim();

/** A `#` would begin a directive. */
const name = (s: string): string => diagnostic(s).replaceAll('#', '%23');
