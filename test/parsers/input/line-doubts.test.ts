import { describe, expect, test } from 'vitest';
import { FTRACE } from '../../../src/parsers/tracefs/ftrace.js';
import { bytes } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const at = (sec: number): string =>
  `          ptwork-1195    [001] d.h1.    ${sec}.692642: tlb_flush: pages:1 reason:local mm shootdown (3)\n`;
const print = (sec: number): string =>
  `          ptwork-1195    [001] d.h1.    ${sec}.692642: tracing_mark_write: begin\n`;
const DAMAGED = '          ptwork-1195    [001] d.h1.    39.6926\n';

/** The rows, as `event` or the name of the fact, whatever the chunks. */
function rowsOf(text: string): string[] {
  const runs = CHUNKS.map((size) =>
    scanChunks(FTRACE, bytes(text), size).rows.map((row) => / reserved (\w+) /.exec(row)?.[1] ?? 'event'),
  );
  for (const run of runs) expect(run).toEqual(runs[0]);
  return runs[0]!;
}

describe('an event may be missing', () => {
  test.each([
    [
      'where a line is skipped, once however many are',
      at(38) + DAMAGED + DAMAGED + at(40),
      ['event', 'lost', 'event'],
    ],
    ['again behind the next event', at(38) + DAMAGED + at(40) + DAMAGED, ['event', 'lost', 'event', 'lost']],
    ['where a piece of a line stands between two', `${at(38)}(3)\n${at(40)}`, ['event', 'lost', 'event']],
    ['not behind the last one', `${at(38)}(3)\n`, ['event']],
    ['not before the first one', `(3)\n${at(40)}`, ['event']],
    ['not where user space wrote the line', `${print(38)}(3)\n${at(40)}`, ['event', 'event']],
    ['not in a comment', `${at(38)}# more\n${at(40)}`, ['event', 'event']],
  ])('%s', (_, text, expected) => {
    expect(rowsOf(text)).toEqual(expected);
  });
});

describe('excerpts', () => {
  const prose = '\nBefore that it was:\n\n';

  test('behind prose the time may go back: another one begins', () => {
    const rows = rowsOf(at(40) + prose + at(38));
    expect(rows).toContain('segment');
    expect(rows.at(-1)).toBe('event');
    const { notes } = scanChunks(FTRACE, bytes(at(40) + prose + at(38)), 64);
    expect(notes.map(({ code }) => code)).toContain('excerpts');
  });

  test('behind prose the time goes on: it is the same one', () => {
    expect(rowsOf(at(38) + prose + at(40))).not.toContain('segment');
  });
});
