import Table from 'cli-table3';
import type { GateCheck, GateFinding, GateReport, Outcome } from '../../src/gate/types.js';
import { lineWidth } from '../width.js';
import { type Palette, palette } from './colour.js';
import { ascii, hanging, wrap } from './text.js';

const WORD: Readonly<Record<Outcome, string>> = {
  pass: 'pass',
  fail: 'FAIL',
  undecided: 'undecided',
  ignored: 'ignored',
};

/** Columns of a table's first two, with the blanks around them. */
const CHECK = 24;
const OUTCOME = 11;

/** The gate's answer for a terminal: a table per recording, then what failed with its lines and what to do next. */
export function formatGate(report: GateReport, colour: Palette = palette()): string {
  const out: string[] = [`policy: ${report.policy.join(' + ')}\n`];
  for (const trace of report.traces) {
    const table = new Table({
      head: ['check', 'outcome', 'found'],
      style: { head: [], border: [], compact: true },
      wordWrap: true,
      colWidths: [CHECK, OUTCOME, Math.max(OUTCOME, lineWidth() - CHECK - OUTCOME - 4)],
    });
    const open = trace.checks.filter((c) => c.outcome === 'undecided');
    for (const check of trace.checks.filter((c) => !open.includes(c)))
      table.push([check.id, mark(check, colour), found(check)]);
    out.push(`${colour.bold(trace.path)}\n${table.toString()}\n`);
    if (open.length > 0) out.push(`${undecided(open)}\n`);
    for (const check of trace.checks.filter((c) => c.outcome === 'fail')) out.push(failure(check, colour));
  }
  const red = failedIn(report);
  if (red !== '') out.push(`${colour.red('failed')}: ${red}\n`);
  out.push(closing(report, colour));
  return out.join('\n');
}

/** Messages stand alone in JUnit and SARIF; beside its id a check need not say it again. */
const found = (check: GateCheck): string =>
  check.message.startsWith(`${check.id} `) ? check.message.slice(check.id.length + 1) : check.message;

function mark(check: GateCheck, colour: Palette): string {
  if (check.outcome === 'fail') return colour.red(WORD.fail);
  return check.outcome === 'pass' ? colour.green(WORD.pass) : WORD[check.outcome];
}

/** Most of what stays open needs probes or markers that nobody set. */
const forProbes = (check: GateCheck): boolean =>
  check.outcome === 'undecided' && / is undecided: needs /.test(check.message);

const wantingLine = (checks: readonly GateCheck[]): string =>
  `undecided without probes or markers (pttrace info): ${checks.map((c) => c.id).join(' ')}`;

/** One line each where the recording says something, the rest by id. */
function undecided(checks: readonly GateCheck[]): string {
  const rest = checks.filter(forProbes);
  const lines = checks
    .filter((c) => !rest.includes(c))
    .map((c) => `undecided ${c.message.replace(' is undecided:', ':')}`);
  if (rest.length > 0) lines.push(wantingLine(rest));
  return lines.flatMap((l) => wrap(l, lineWidth(), '  ')).join('\n');
}

/** The first finding of a check shows its lines, the others name them: they mostly look alike. */
const eventsOf = (finding: GateFinding, at: number): GateFinding['events'] =>
  at === 0 ? finding.events : [];
const findingTail = (finding: GateFinding, at: number): string =>
  at === 0 || finding.events.length === 0
    ? finding.basis
    : `${finding.basis}; lines ${finding.events.map((e) => e.line).join(', ')}`;

function failure(check: GateCheck, colour: Palette): string {
  const lines = [`${colour.red('FAIL')} ${colour.bold(check.id)}: ${found(check)}`];
  check.findings.forEach((finding, i) => {
    lines.push(`  ${finding.message} (${findingTail(finding, i)})`);
    for (const e of eventsOf(finding, i)) lines.push(`    line ${e.line}, ${e.role}: ${e.text.trim()}`);
  });
  if (check.next) lines.push(`  next: ${check.next}`);
  return `${lines.join('\n')}\n`;
}

/** Of several recordings, which ones failed and what of them; empty for one, or none. */
function failedIn({ traces }: GateReport): string {
  if (traces.length < 2) return '';
  return traces
    .map((t) => ({ path: t.path, ids: t.checks.filter((c) => c.outcome === 'fail').map((c) => c.id) }))
    .filter((t) => t.ids.length > 0)
    .map((t) => `${t.path} (${t.ids.join(', ')})`)
    .join('; ');
}

function closing(report: GateReport, colour: Palette): string {
  const { failed, partial } = report.summary;
  const word = verdict(failed, partial);
  const shown = failed > 0 ? colour.red(word) : partial ? word : colour.green(word);
  return `${shown}: ${tally(report)}\n`;
}

/** Checks, not rules: a recording's loss and lines are judged as well, and each of several recordings by itself. */
function tally({ summary }: GateReport): string {
  const { passed, failed, undecided, ignored, partial } = summary;
  const parts = [`${passed} ${passed === 1 ? 'check' : 'checks'} passed`, `${failed} failed`];
  if (undecided > 0) parts.push(`${undecided} undecided`);
  if (ignored > 0) parts.push(`${ignored} ignored`);
  return `${parts.join(', ')}${partial ? PARTIAL : ''}`;
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
    const wanting = trace.checks.filter(forProbes);
    for (const check of trace.checks) {
      if (wanting.includes(check)) continue;
      out.push(...line(`${WORD[check.outcome].padEnd(9)} ${check.id}: ${found(check)}`, '          '));
      if (check.outcome !== 'fail') continue;
      check.findings.forEach((finding, i) => {
        if (i > 0) out.push(...indented(`${finding.message} (${findingTail(finding, i)})`));
        for (const e of eventsOf(finding, i))
          out.push(...indented(`line ${e.line}, ${e.role}: ${e.text.trim()}`));
      });
      if (check.next) out.push(...next(check.next));
    }
    if (wanting.length > 0) out.push(...line(wantingLine(wanting), '          '));
  }
  const red = failedIn(report);
  if (red !== '') out.push('', ...line(`failed: ${red}`));
  const { failed, partial } = report.summary;
  out.push('', ...line(`${verdict(failed, partial)}: ${tally(report)}`));
  return `${out.join('\n')}\n`;
}

/** A command stays in one line, whatever its length: it is there to be copied. */
const next = (text: string): string[] =>
  text.startsWith('pttrace ') ? [`  next: ${text}`] : line(`next: ${text}`, '    ');

const indented = (text: string): string[] => hanging(`  ${ascii(text)}`, 75);

const line = (text: string, indent = '  '): string[] => wrap(ascii(text), 75, indent);
