import Table from 'cli-table3';
import type { GateCheck, GateReport, Outcome } from '../../src/gate/types.js';
import { type Palette, palette } from './colour.js';
import { ascii, wrap } from './text.js';

const WORD: Readonly<Record<Outcome, string>> = {
  pass: 'pass',
  fail: 'FAIL',
  undecided: 'undecided',
  ignored: 'ignored',
};

/** The gate's answer for a terminal: a table per recording, then what failed with its lines and what to do next. */
export function formatGate(report: GateReport, colour: Palette = palette()): string {
  const out: string[] = [`policy: ${report.policy.join(' + ')}\n`];
  for (const trace of report.traces) {
    const table = new Table({
      head: ['check', 'outcome', 'found'],
      style: { head: [], border: [] },
      wordWrap: true,
      colWidths: [28, 11, 76],
    });
    const open = trace.checks.filter((c) => c.outcome === 'undecided');
    for (const check of trace.checks.filter((c) => !open.includes(c)))
      table.push([check.id, mark(check, colour), check.message]);
    out.push(`${colour.bold(trace.path)}\n${table.toString()}\n`);
    if (open.length > 0) out.push(`${undecided(open)}\n`);
    for (const check of trace.checks.filter((c) => c.outcome === 'fail')) out.push(failure(check, colour));
  }
  out.push(closing(report, colour));
  return out.join('\n');
}

function mark(check: GateCheck, colour: Palette): string {
  if (check.outcome === 'fail') return colour.red(WORD.fail);
  return check.outcome === 'pass' ? colour.green(WORD.pass) : WORD[check.outcome];
}

/** One line each where the recording says something, the rest by id: most need probes or markers nobody set. */
function undecided(checks: readonly GateCheck[]): string {
  const told = checks.filter((c) => !/ is undecided: needs /.test(c.message));
  const rest = checks.filter((c) => !told.includes(c)).map((c) => c.id);
  const lines = told.map((c) => `undecided ${c.message}`);
  if (rest.length > 0)
    lines.push(`undecided for want of probes or markers (pttrace info): ${rest.join(' ')}`);
  return lines.flatMap((l) => wrap(l, 118, '  ')).join('\n');
}

function failure(check: GateCheck, colour: Palette): string {
  const lines = [`${colour.red('FAIL')} ${colour.bold(check.id)}: ${check.message}`];
  for (const finding of check.findings) {
    lines.push(`  ${finding.message} (${finding.basis})`);
    for (const e of finding.events) lines.push(`    line ${e.line}, ${e.role}: ${e.text.trim()}`);
  }
  if (check.next) lines.push(`  next: ${check.next}`);
  return `${lines.join('\n')}\n`;
}

function closing(report: GateReport, colour: Palette): string {
  const { passed, failed, undecided, ignored, partial } = report.summary;
  const parts = [`${passed} passed`, `${failed} failed`];
  if (undecided > 0) parts.push(`${undecided} of ${passed + failed + undecided + ignored} undecided`);
  if (ignored > 0) parts.push(`${ignored} ignored`);
  const word = verdict(failed, partial);
  const shown = failed > 0 ? colour.red(word) : partial ? word : colour.green(word);
  return `${shown}: ${parts.join(', ')}${partial ? PARTIAL : ''}\n`;
}

const PARTIAL = ' (partial: interrupted)';

/** What was not read may hold a violation: without its end no recording is green. */
const verdict = (failed: number, partial: boolean): string =>
  failed > 0 ? 'gate: red' : partial ? 'gate: open' : 'gate: green';

/** The same for a mail: ASCII, at most 75 columns. */
export function formatGatePlain(report: GateReport): string {
  const out: string[] = [...line(`policy: ${report.policy.join(' + ')}`)];
  for (const trace of report.traces) {
    out.push('', ...line(trace.path));
    for (const check of trace.checks) {
      out.push(...line(`${WORD[check.outcome].padEnd(9)} ${check.id}: ${check.message}`, '          '));
      if (check.outcome !== 'fail') continue;
      for (const finding of check.findings) {
        for (const e of finding.events)
          out.push(...line(`  line ${e.line}, ${e.role}: ${e.text.trim()}`, '    '));
      }
      if (check.next) out.push(...next(check.next));
    }
  }
  const { passed, failed, undecided, ignored, partial } = report.summary;
  const rest = `${undecided > 0 ? `, ${undecided} undecided` : ''}${ignored > 0 ? `, ${ignored} ignored` : ''}`;
  out.push(
    '',
    ...line(
      `${verdict(failed, partial)}: ${passed} passed, ${failed} failed${rest}${partial ? PARTIAL : ''}`,
    ),
  );
  return `${out.join('\n')}\n`;
}

/** A command stays in one line, whatever its length: it is there to be copied. */
const next = (text: string): string[] =>
  text.startsWith('pttrace ') ? [`  next: ${text}`] : line(`next: ${text}`, '    ');

const line = (text: string, indent = '  '): string[] => wrap(ascii(text), 75, indent);
