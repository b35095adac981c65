import type { GateCheck, GateFinding, GateReport, GateTrace } from './types.js';

/**
 * JUnit XML as Jenkins' JUnit plugin reads it: one suite per recording, one case per check. An undecided or ignored
 * check is `skipped` with its reason. Deterministic: no host name, no time stamp.
 */
export function formatJunit(report: GateReport): string {
  const out: string[] = ['<?xml version="1.0" encoding="UTF-8"?>'];
  const { passed, failed, undecided, ignored } = report.summary;
  const tests = passed + failed + undecided + ignored;
  out.push(`<testsuites name="pttrace validate" tests="${tests}" failures="${failed}" errors="0">`);
  for (const trace of report.traces) suite(trace, out);
  out.push('</testsuites>', '');
  return out.join('\n');
}

function suite(trace: GateTrace, out: string[]): void {
  const failures = trace.checks.filter((c) => c.outcome === 'fail').length;
  const skipped = trace.checks.filter((c) => c.outcome === 'undecided' || c.outcome === 'ignored').length;
  out.push(
    `  <testsuite name="${attr(trace.path)}" tests="${trace.checks.length}" failures="${failures}" errors="0" skipped="${skipped}">`,
  );
  for (const check of trace.checks) testCase(trace.path, check, out);
  out.push('  </testsuite>');
}

function testCase(path: string, check: GateCheck, out: string[]): void {
  const head = `    <testcase classname="${attr(path)}" name="${attr(check.id)}"`;
  if (check.outcome === 'pass') {
    out.push(`${head}/>`);
    return;
  }
  out.push(`${head}>`);
  if (check.outcome === 'fail') {
    const body = [check.message, ...check.findings.map(findingText)];
    if (check.next) body.push(`Next: ${check.next}`);
    out.push(
      `      <failure type="${attr(check.id.split(' ')[0]!)}" message="${attr(check.message)}">${text(body.join('\n'))}</failure>`,
    );
  } else out.push(`      <skipped>${text(check.message)}</skipped>`);
  out.push('    </testcase>');
}

function findingText(finding: GateFinding): string {
  const lines = finding.events.map((e) => `  line ${e.line} (${e.role}): ${e.text}`);
  return [`${finding.message} [${finding.basis}]`, ...lines].join('\n');
}

/** Characters that XML 1.0 does not allow stand as U+FFFD. */
const clean = (s: string): string =>
  s.replace(
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])/g,
    '\ufffd',
  );

const text = (s: string): string =>
  clean(s).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const attr = (s: string): string =>
  text(s)
    .replaceAll('"', '&quot;')
    .replaceAll('\t', '&#9;')
    .replaceAll('\n', '&#10;')
    .replaceAll('\r', '&#13;');
