import type { PredictGroup, PredictReader, PredictReport } from '../../src/predict/report.js';
import { printableReport } from '../../src/result/printable.js';
import { lineWidth } from '../width.js';
import { type Palette, palette } from './colour.js';
import { inputText } from './report.js';
import { ascii, wrap } from './text.js';

/** One paragraph a walker: candidates of all frees, the reasons, and for each kind of candidate one order of steps. */
export function formatPredict(given: PredictReport, plain = false): string {
  const report = printableReport(given);
  const colour = palette(plain ? false : undefined);
  const width = lineWidth(plain);
  const put = (text: string, indent = ''): string[] => wrap(text, width, `${indent}  `);
  const out = [
    colour.bold(`${report.frees} releases of page tables whose unlink is shown`),
    ...put(
      `kernel: ${report.variants.join(' ')}; flushes reach other CPUs by ${report.flushBy.join(' or ')}`,
    ),
    ...report.inputs
      .flatMap((input) => inputText(input, colour).trimEnd().split('\n'))
      .flatMap((line) => put(line)),
  ];
  for (const reader of report.readers) {
    out.push('', ...put(headline(reader, report.frees, colour)));
    for (const group of reader.groups) {
      const lines = paragraph(group);
      out.push(...indented(lines[0]!, width, 2));
      for (const line of lines.slice(1)) out.push(...indented(line, width, 6));
    }
  }
  out.push('', ...report.limits.flatMap((limit) => put(limit)));
  return `${(plain ? out.map(ascii) : out).join('\n')}\n`;
}

/** Wrapped, with a hanging indent. */
const indented = (text: string, width: number, by: number): string[] =>
  wrap(text, width - by, '    ').map((line) => ' '.repeat(by) + line);

function headline(r: PredictReader, frees: number, colour: Palette): string {
  const rest = [
    ...(r.safe > 0 ? [`${r.safe} safe`] : []),
    ...(r.unknown > 0 ? [`${r.unknown} not decided`] : []),
  ];
  const text = `${r.reader}: candidates ${r.candidates} of ${frees} frees${rest.length > 0 ? ` (${rest.join(', ')})` : ''}`;
  return r.candidates > 0 ? colour.red(text) : text;
}

function paragraph(g: PredictGroup): string[] {
  const head = `${g.frees} × ${g.path}`;
  if (g.verdict === 'safe') return [`${head}: safe, because ${g.because}`];
  const at = g.events.map((e) => `${e.role}, line ${e.line}: ${e.text.trim()}`);
  if (g.verdict === 'unknown') return [`${head}: not decided; ${g.because}`, ...at];
  return [`${head}: CANDIDATE`, ...at, 'one order of steps:', ...g.steps.map((s, i) => `${i + 1}  ${s}`)];
}
