import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll } from 'vitest';
import { linesOfFlush } from '../../replay/damage/damage-flush.js';
import { readRecording } from '../../replay/damage/recording.js';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/replay');

/** One folder per test file; the hook is registered while the file is loaded, so it runs whoever asks for folders. */
const root = mkdtempSync(join(tmpdir(), 'pttrace-gate-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A new folder that is gone after the tests of the file. */
export function folder(): string {
  // Another file of tests that shares this module may have ended, and removed it.
  mkdirSync(root, { recursive: true });
  return mkdtempSync(join(root, 'f-'));
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
 * The same recording of a kernel with a bug: one flush that covered freed tables did not happen. All of its lines are
 * gone, those of its handlers too; the probes fire everywhere else.
 */
export function withoutOneFlush(lines: readonly string[]): string[] {
  const flush = /^\s*(\S+-\d+)\s.* flush_tlb_mm_range: .*freed_tables=1/;
  const at = lines.findIndex((line, i) => i > lines.length / 2 && flush.test(line));
  const recording = readRecording(lines);
  const left = recording.gathers.flatMap((g) => g.flushes).find(({ request }) => request === at)!;
  const gone = new Set(linesOfFlush(recording, left));
  return lines.filter((_, i) => !gone.has(i));
}

const STAMP = /^(.* )(\d+\.\d{6})(: .*)$/;

/** The same events, every stamp mapped; lines without a stamp stay. */
export function stamped(lines: readonly string[], map: (seconds: number) => number): string[] {
  return lines.map((line) => {
    const m = STAMP.exec(line);
    return m ? `${m[1]}${map(Number(m[2])).toFixed(6)}${m[3]}` : line;
  });
}

/** The recording `times` times over, each later than the last, its time `slower` times as slow. */
export function repeated(lines: readonly string[], times: number, slower = 1): string[] {
  const stamps = lines.flatMap((l) => STAMP.exec(l)?.[2] ?? []).map(Number);
  const first = Math.min(...stamps);
  const period = Math.max(...stamps) - first + 1;
  return Array.from({ length: times }, (_, i) =>
    stamped(lines, (s) => first + (s - first) * slower + i * period * slower),
  ).flat();
}
