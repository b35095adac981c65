import type { Finding } from '../../src/result/types.js';
import { duration, wrap } from './text.js';

/** Line number, blanks, time, blanks. */
const GUTTER = 7 + 2 + 11 + 2;
const WIDEST_CELL = 34;
/** Narrower than this, a column cannot hold a role: all CPUs share one. */
const NARROWEST_CELL = 13;

/**
 * The explanation of one finding: its events, one column per CPU and time downwards, with the operation that should
 * have come between; then who held what, the rule of the kernel, and how sure the order is. At most `width` columns;
 * ASCII if the finding is.
 */
export function witnessLines(finding: Finding, width: number, unit: 'ns' | 'ticks' = 'ns'): string[] {
  return [...storyLines(finding, width, unit), ...footnotes(finding, width)];
}

/** Its events alone, one column per CPU and time downwards. */
export function storyLines(finding: Finding, width: number, unit: 'ns' | 'ticks' = 'ns'): string[] {
  const { events } = finding;
  const first = events[0];
  if (!first) return [];
  const cpus = [...new Set(events.map((e) => e.cpu))].sort((a, b) => a - b);
  const room = width - GUTTER;
  const cell = Math.min(WIDEST_CELL, Math.floor(room / cpus.length));
  const shared = cell < NARROWEST_CELL;
  const head = shared ? 'events' : cpus.map((cpu) => cpuName(cpu).padEnd(cell)).join('');
  const out = [`${'line'.padStart(7)}  ${'time'.padStart(11)}  ${head}`.trimEnd()];
  events.forEach((e, i) => {
    if (i === finding.missingBefore) out.push(...missing(finding, width));
    const at = shared ? 0 : cpus.indexOf(e.cpu) * cell;
    const text = shared ? `${cpuName(e.cpu)}: ${e.role}` : e.role;
    const lines = wrap(text, shared ? room : cell - 1);
    const time = i === 0 ? '0' : since(first.tsNs, e.tsNs, unit);
    lines.forEach((line, n) => {
      const gutter = n === 0 ? `${String(e.line).padStart(7)}  ${time.padStart(11)}` : ' '.repeat(GUTTER - 2);
      out.push(`${gutter}  ${' '.repeat(at)}${line}`.trimEnd());
    });
  });
  return out;
}

function missing(finding: Finding, width: number): string[] {
  if (finding.missing === '') return [];
  const indent = ' '.repeat(GUTTER);
  // Not through `wrap` as a whole: it would eat the blanks in front.
  return wrap(`>> missing: ${finding.missing}`, width - GUTTER + 3, '   ').map(
    (line) => `${indent.slice(3)}${line}`,
  );
}

function footnotes(finding: Finding, width: number): string[] {
  const notes: string[] = [];
  if (finding.events.length === 0 && finding.missing !== '') notes.push(`missing: ${finding.missing}`);
  if (finding.held.length > 0) notes.push(`still held: ${finding.held.join('; ')}`);
  if (finding.rule !== '') notes.push(`rule: ${finding.rule}`);
  if (finding.source !== '') notes.push(`kernel: ${finding.source}`);
  notes.push(`basis: ${basis(finding)}`);
  return notes.flatMap((note) => wrap(note, width - 2, '  ').map((line) => `  ${line}`));
}

export function basis({ basis: known, flipNs }: Finding): string {
  if (flipNs === null) return known;
  return `${known}; the order would flip if the clocks of its CPUs were off by more than ${duration(flipNs)}`;
}

const cpuName = (cpu: number): string => (cpu < 0 ? 'CPU ?' : `CPU ${cpu}`);

/** `+1.20 us`, `-3 ns`: exact in, rounded for people. */
function since(from: string, to: string, unit: 'ns' | 'ticks'): string {
  const delta = Number(BigInt(to) - BigInt(from));
  const size = unit === 'ns' ? duration(Math.abs(delta)) : `${Math.abs(delta)}`;
  return `${delta < 0 ? '-' : '+'}${size}`;
}
