import type { Finding, InvariantReport, Result } from '../../src/result/types.js';
import { MAIL_WIDTH } from '../width.js';
import { joinLines, ranges } from './report.js';
import {
  ascii,
  distinctLatencies,
  duration,
  hanging,
  histogram,
  histStyle,
  quantileLine,
  seconds,
  wrap,
} from './text.js';
import { headline, nextSteps, restLines, splitVerdicts, tellOnce, undecidedLines } from './verdicts.js';
import { witnessLines } from './witness.js';

export { MAIL_WIDTH };

/** ASCII, at most 75 columns: to be pasted into a mailing-list reply. */
export function formatPlain(result: Result, style?: string): string {
  const family = histStyle(style);
  const out: string[] = [];
  const say = (text: string, indent = ''): void => {
    for (const line of wrap(ascii(text), MAIL_WIDTH, indent)) out.push(line);
  };
  say(headline(result), '  ');
  out.push('');
  for (const input of result.inputs) {
    const l = input.lines;
    say(`${input.path}: ${input.format}, ${l.total} lines, ${l.event} events, ${l.skipped} skipped`, '  ');
    for (const block of input.blocks ?? []) say(`  from line ${block.firstLine}: ${block.format}`, '  ');
    for (const note of input.notes) say(`note: ${note.message}`, '  ');
    if (input.error) say(`error: ${input.error.message}`, '  ');
  }
  for (const line of joinLines(result)) say(line, '  ');
  const t = result.timeline;
  const span =
    t.unit === 'ns'
      ? `${seconds(t.firstNs)} to ${seconds(t.lastNs)} s (${duration(Number(t.spanNs))})`
      : 'clock ticks, no ns';
  const lost = t.lost.map((x) => `CPU ${x.cpu}: ${x.count < 0 ? '?' : x.count}`).join(', ');
  say(`${span}, CPUs ${ranges(t.cpus)}, lost events: ${lost || 'none reported'}`, '  ');
  if (t.filter !== undefined) say(`filter: ${t.filter}`, '  ');
  say(`kernel variant: ${result.variant.candidates.join(' ') || 'none fits'} (${result.variant.how})`, '  ');
  out.push('');
  out.push('id   rule                      verdict         pass violated  unknown');
  const split = splitVerdicts(result.invariants);
  for (const i of split.rows) out.push(row(i));
  for (const line of restLines(split)) say(line, '  ');
  for (const i of result.invariants) {
    const { full, alike } = tellOnce(i.findings);
    for (const f of full) {
      out.push('');
      say(`${i.id} ${i.name} [${f.severity}, ${f.basis}]: ${f.message}`, '  ');
      for (const line of witnessLines(inAscii(f), MAIL_WIDTH, t.unit)) out.push(line);
      for (const e of f.events) say(`${e.line}: (${e.role}) ${e.text.trim()}`, '    ');
      say(nextSteps(result, i.id, f), '  ');
    }
    if (alike.length + i.moreFindings > 0) out.push('');
    for (const line of alike) say(`${i.id}: ${line}`, '  ');
    if (i.moreFindings > 0) out.push(`${i.id}: ${i.moreFindings} more (--max-findings)`);
  }
  if (result.invariants.some((i) => i.findings.length > 0)) out.push('');
  for (const line of undecidedLines(split.rows)) out.push(...hanging(ascii(line), MAIL_WIDTH));
  for (const l of distinctLatencies(result.latency)) {
    out.push('');
    say(`${l.name}${l.key === '' ? '' : ` [${l.key}]`}: ${quantileLine(l)}`, '  ');
    for (const line of narrow(histogram(l, family))) out.push(line);
  }
  const d = result.deferred;
  if (d.peakTables > 0) {
    out.push('');
    say(
      `tables queued to RCU: now ${d.nowTables}, peak ${d.peakTables} (${d.peakBytes / 1024} KiB with batch pages)`,
      '  ',
    );
  }
  return `${out.join('\n')}\n`;
}

/** A finding with nothing in it that a mail must not hold. */
function inAscii(f: Finding): Finding {
  return {
    ...f,
    events: f.events.map((e) => ({ ...e, role: ascii(e.role) })),
    held: f.held.map(ascii),
    missing: ascii(f.missing),
    rule: ascii(f.rule),
    source: ascii(f.source),
  };
}

function row(i: InvariantReport): string {
  const n = i.instances;
  const name = i.name.length > 25 ? `${i.name.slice(0, 24)}~` : i.name;
  return `${i.id.padEnd(5)}${name.padEnd(26)}${i.verdict.padEnd(14)}${String(n.pass).padStart(7)}${String(n.violated).padStart(9)}${String(n.unknown).padStart(9)}`.trimEnd();
}

/** bpftrace rows are 80 columns: shorten the bar, keep label and count. */
export function narrow(rows: string, keepBlank = false): string[] {
  const lines: string[] = [];
  for (const line of rows.split('\n')) {
    if (line === '') {
      if (keepBlank) lines.push('');
      continue;
    }
    const m = /^(.{24,}?) \|([@ ]*)\|$/.exec(line);
    if (!m) {
      lines.push(...wrap(ascii(line), MAIL_WIDTH, '  '));
      continue;
    }
    const room = MAIL_WIDTH - m[1]!.length - 3;
    const bar = m[2]!.trimEnd().length;
    const drawn = bar === 0 ? 0 : Math.max(1, Math.round((bar * room) / 52));
    lines.push(`${ascii(m[1]!)} |${'@'.repeat(Math.min(room, drawn)).padEnd(room)}|`);
  }
  return lines;
}
