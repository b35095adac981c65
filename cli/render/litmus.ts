import Table from 'cli-table3';
import type { LitmusOutcome } from '../../src/litmus/suite.js';
import { lineWidth } from '../width.js';
import { type Palette, palette } from './colour.js';
import { MAIL_WIDTH } from './plain.js';
import { ascii, wrap } from './text.js';

const ids = (list: readonly string[]): string => (list.length === 0 ? 'silent' : list.join(' '));

/** One row per order, and the reason of every order that differs; on a narrow terminal, and in a pipe, as for a mail. */
export function formatLitmus(outcomes: readonly LitmusOutcome[], colour: Palette = palette()): string {
  const table = new Table({
    head: ['id', 'order', 'variant', 'broken rule', 'expected', 'litmus', 'ftrace', ''],
    style: { head: [], border: [], compact: true },
  });
  for (const o of outcomes) {
    table.push([
      o.id,
      o.order,
      o.variants.join(',') || 'any',
      o.broken.join(', ') || '-',
      ids(o.expected),
      ids(o.litmus),
      ids(o.ftrace),
      o.ok ? colour.green('ok') : colour.red('DIFFERS'),
    ]);
  }
  const drawn = table.toString();
  // The first line is a border: as long as it looks.
  if (drawn.indexOf('\n') > lineWidth()) return formatLitmusPlain(outcomes);
  return `${drawn}\n${differences(outcomes, lineWidth())}${closing(outcomes)}\n`;
}

/** The same for a mail: ASCII, at most 75 columns. */
export function formatLitmusPlain(outcomes: readonly LitmusOutcome[]): string {
  const out = ['id     order     variant  expected  got litmus        got ftrace'];
  for (const o of outcomes) {
    const row = [
      o.id.padEnd(6),
      o.order.padEnd(9),
      (o.variants.join(',') || 'any').padEnd(8),
      ids(o.expected).padEnd(9),
      ids(o.litmus).padEnd(17),
      ids(o.ftrace).padEnd(17),
      o.ok ? 'ok' : 'DIFFERS',
    ];
    out.push(...wrap(ascii(row.join(' ')), MAIL_WIDTH, '       '));
    if (o.broken.length > 0) out.push(`       broken: ${o.broken.join(', ')}`);
  }
  return `${out.join('\n')}\n${ascii(differences(outcomes, MAIL_WIDTH))}${closing(outcomes)}\n`;
}

function differences(outcomes: readonly LitmusOutcome[], width: number): string {
  const lines: string[] = [];
  for (const o of outcomes) {
    if (o.ok) continue;
    lines.push(
      ...wrap(
        `${o.id} ${o.order}: expected ${ids(o.expected)}, got ${ids(o.litmus)} (ftrace: ${ids(o.ftrace)})`,
        width,
        '  ',
      ),
    );
    for (const f of o.findings) lines.push(...wrap(`  ${f.id}: ${f.message}`, width, '    '));
    for (const cpu of o.stuck) lines.push(`  P${cpu} waits forever: who should answer never does`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function closing(outcomes: readonly LitmusOutcome[]): string {
  const ok = outcomes.filter((o) => o.ok).length;
  return `${ok} of ${outcomes.length} orders as expected, in both forms`;
}
