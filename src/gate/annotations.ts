import { printable } from '../result/printable.js';
import type { GateCheck, GateReport } from './types.js';

/**
 * Workflow commands of GitHub Actions: one annotation per failed check at the line of the recording that decides it.
 * Syntax: "Workflow commands for GitHub Actions", setting an error message.
 */
export function formatAnnotations(report: GateReport): string {
  const lines: string[] = [];
  for (const trace of report.traces) {
    for (const check of trace.checks) {
      if (check.outcome === 'fail') lines.push(annotation(trace.path, check));
    }
  }
  return lines.map((l) => `${l}\n`).join('');
}

function annotation(path: string, check: GateCheck): string {
  const event = check.findings[0]?.events.at(-1);
  const where = event ? `file=${property(path)},line=${event.line}` : `file=${property(path)}`;
  const kind = check.level === 'error' ? 'error' : 'warning';
  const message = check.next ? `${check.message}\n${check.next}` : check.message;
  return `::${kind} ${where},title=${property(`pttrace ${check.id}`)}::${data(message)}`;
}

/** Names of the recording within it are shown, as in every output; what is left is escaped as the runner wants it. */
const data = (s: string): string =>
  printable(s).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (s: string): string => data(s).replaceAll(':', '%3A').replaceAll(',', '%2C');
