import type { ShippedQuery } from '../../src/data/queries.js';
import type { Cell, QueryReport } from '../../src/data/query.js';
import { TABLES } from '../../src/data/tables.js';
import { printableReport } from '../../src/result/printable.js';
import { ascii, hanging, wrap } from './text.js';
import { plural } from './verdicts.js';

export interface QueryLook {
  readonly width: number;
  readonly plain: boolean;
}

/** Rows as a table; where that is wider than the width allows, each row by itself with a line per column. */
export function formatQuery(given: QueryReport, { width, plain }: QueryLook): string {
  const { columns, rows } = printableReport(given);
  const table = rows.map((row) => row.map(shown));
  const names = columns.map((c) => c.name);
  const wide = names.map((name, i) => Math.max(name.length, ...table.map((row) => row[i]!.length)));
  const fits = wide.reduce((sum, w) => sum + w + 2, -2) <= width;
  const lines = fits
    ? asTable(names, table, wide, columns.map(isNumber))
    : table.flatMap((row, i) => asRecord(names, row, i, width));
  const text = [...lines, `(${plural(rows.length, 'row')})`];
  return `${(plain ? text.map(ascii) : text).join('\n')}\n`;
}

const isNumber = ({ type }: { readonly type: string }): boolean =>
  /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|UINTEGER|FLOAT|DOUBLE|DECIMAL.*)$/.test(type);

function shown(value: Cell): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function asTable(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  wide: readonly number[],
  numbers: readonly boolean[],
): string[] {
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (numbers[i] ? cell.padStart(wide[i]!) : cell.padEnd(wide[i]!)))
      .join('  ')
      .trimEnd();
  return [line(names), wide.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)];
}

function asRecord(names: readonly string[], row: readonly string[], at: number, width: number): string[] {
  const left = Math.min(24, Math.max(...names.map((name) => name.length)));
  const lines = names.flatMap((name, i) => {
    const [first = '', ...rest] = wrap(row[i]!, width - left - 2);
    return [`${name.padEnd(left)}  ${first}`.trimEnd(), ...rest.map((l) => `${' '.repeat(left + 2)}${l}`)];
  });
  return [`-- row ${at + 1}`, ...lines];
}

/** What can be asked without writing SQL, and of what it can be written. */
export function formatQueries(queries: readonly ShippedQuery[], { width, plain }: QueryLook): string {
  const out = queries.flatMap(({ name, what }) => [
    name,
    ...wrap(`${what}.`, width - 2).map((line) => `  ${line}`),
  ]);
  out.push('', 'tables:');
  for (const { name, columns } of TABLES)
    out.push(...hanging(`  ${name}: kernel, host, ${columns.map((c) => c.name).join(', ')}`, width));
  return `${(plain ? out.map(ascii) : out).join('\n')}\n`;
}
