import type { ConformReport } from '../../src/conform/conform.js';
import { printableReport } from '../../src/result/printable.js';
import { lineWidth } from '../width.js';
import { palette } from './colour.js';
import { inputText } from './report.js';
import { ascii, wrap } from './text.js';

/** The verdict, what each variant's machine explains, and what the detected one cannot. */
export function formatConform(given: ConformReport, plain = false): string {
  const report = printableReport(given);
  const colour = palette(plain ? false : undefined);
  const width = lineWidth(plain);
  const out = [
    ...wrap(colour.bold(headline(report)), width, '  '),
    ...report.inputs
      .flatMap((input) => inputText(input, colour).trimEnd().split('\n'))
      .flatMap((line) => wrap(line, width, '  ')),
    '',
    `detected: ${report.detected.join(' ') || 'none'}; accepting: ${report.accepting.join(' ') || 'none'}`,
  ];
  if (report.disagree.length > 0)
    out.push(...wrap(`detected, and not accepting: ${report.disagree.join(' ')}`, width, '  '));
  if (report.unseen.length > 0)
    out.push(...wrap(`not shown by any probe, so either way: ${report.unseen.join(', ')}`, width, '  '));
  out.push('', 'variant  explained  as far as seen  not explained');
  for (const v of report.variants) {
    const row = `${v.variant.padEnd(7)}${v.candidate ? '*' : ' '}${String(v.accepted).padStart(10)}${String(v.asFarAsSeen).padStart(16)}${String(v.unexplained).padStart(15)}`;
    out.push(v.candidate && v.unexplained > 0 ? colour.red(row) : row);
  }
  out.push('* detected');
  for (const u of report.unexplained) {
    const instead = u.expected.length > 0 ? `${u.expected.join(' or ')} expected` : 'no such path there';
    out.push(
      '',
      ...wrap(`${u.frees} × ${u.path}: ${u.variant} cannot take ${u.step}; ${instead}`, width, '  '),
    );
    for (const e of u.events)
      out.push(
        ...wrap(`  ${e.role}, line ${e.line}: ${e.text.trim()}`, width - 2, '    ').map((l) => `  ${l}`),
      );
  }
  return `${(plain ? out.map(ascii) : out).join('\n')}\n`;
}

function headline(r: ConformReport): string {
  if (r.verdict === 'accepted')
    return `accepted: the machine explains all ${r.frees} releases of page tables`;
  if (r.verdict === 'not-accepted')
    return `NOT ACCEPTED: the machine cannot explain some of ${r.frees} releases`;
  return r.frees === 0
    ? 'not seen enough: no release of a page table whose unlink is shown'
    : `not seen enough: none of ${r.frees} releases shows its flush, its release and who unlinked`;
}
