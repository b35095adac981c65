import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll } from 'vitest';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/replay');

/** A folder that is gone after the tests of the file. */
export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-gate-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const fixture = (name: string): string => join(FIXTURES, name);

export const linesOf = (name: string): string[] =>
  gunzipSync(readFileSync(fixture(name)))
    .toString('latin1')
    .split('\n')
    .slice(0, -1);

export function write(dir: string, name: string, lines: readonly string[]): string {
  const file = join(dir, name);
  writeFileSync(file, lines.map((l) => `${l}\n`).join(''), 'latin1');
  return file;
}

/**
 * The same recording of a kernel with a bug: one flush that covered freed tables did not happen. Its line and that of
 * its return are gone, the probes fire everywhere else.
 */
export function withoutOneFlush(lines: readonly string[]): string[] {
  const flush = /^\s*(\S+-\d+)\s.* flush_tlb_mm_range: .*freed_tables=1/;
  const at = lines.findIndex((line, i) => i > lines.length / 2 && flush.test(line));
  const task = flush.exec(lines[at]!)![1]!;
  const back = lines.findIndex(
    (line, i) => i > at && line.includes(task) && line.includes('flush_tlb_mm_range_ret'),
  );
  return lines.filter((_, i) => i !== at && i !== back);
}
