import { describe, expect, test } from 'vitest';
import { LINE } from '../../../src/parsers/input/dialect.js';
import { PERF_SCRIPT } from '../../../src/parsers/perf/perf-script.js';
import { FTRACE } from '../../../src/parsers/tracefs/ftrace.js';
import { LATENCY_FORMAT } from '../../../src/parsers/tracefs/latency-format.js';
import { TRACE_CMD_REPORT } from '../../../src/parsers/tracefs/trace-cmd-report.js';
import { bytes } from '../support/run-dialect.js';
import { CHUNKS, scanChunks } from '../support/scan-chunks.js';

const flush = (n: number): string => `tlb_flush: pages:${n} reason:local mm shootdown (3)`;
const FORMS = [
  ['ftrace', FTRACE, (n: number) => `          ptwork-1195    [001] d.h1.    38.69264${n}: ${flush(n)}`],
  [
    'ftrace without flags',
    FTRACE,
    (n: number) => `          ptwork-1195    [001]    38.69264${n}: ${flush(n)}`,
  ],
  ['perf script', PERF_SCRIPT, (n: number) => `  ptwork  1195 [001]    38.69264${n}: tlb:${flush(n)}`],
  [
    'trace-cmd',
    TRACE_CMD_REPORT,
    (n: number) => `          ptwork-1195  [001]    38.69264${n}: tlb_flush:  ${flush(n).slice(11)}`,
  ],
] as const;

describe.each(FORMS)('two events on one line: %s', (_, info, form) => {
  const run = (glue: string, size = 4096) =>
    scanChunks(info, bytes(`${form(1)}\n${form(2)}${glue}${form(3)}\n${form(4)}\n`), size);

  test('the newline between them lost', () => {
    for (const size of CHUNKS) {
      for (const glue of ['', '\x0b', ' ']) {
        const { counts, skips, rows } = run(glue, size);
        expect([counts[LINE.event], counts[LINE.skipped]], JSON.stringify(glue)).toEqual([2, 1]);
        expect(skips[0]).toMatchObject({ reason: 'two events run into one line', firstLine: 2 });
        expect(rows.filter((row) => row.includes(' reserved lost -1 '))).toHaveLength(1);
      }
    }
  });

  test('nothing lost', () => {
    expect(run('\n').counts[LINE.event]).toBe(4);
  });

  test('the first of its event, and one cut short before', () => {
    const { counts } = scanChunks(info, bytes(`${form(2).slice(0, -20)}${form(3)}\n${form(4)}\n`), 64);
    expect([counts[LINE.event], counts[LINE.skipped]]).toEqual([1, 1]);
  });
});

test('what is written to the marker may quote a trace', () => {
  const form = FORMS[0][2];
  const marker = form(1).replace(/tlb_flush.*/, `tracing_mark_write: see ${form(2).trim()}`);
  expect(scanChunks(FTRACE, bytes(`${marker}\n${form(3)}\n`), 64).counts[LINE.event]).toBe(2);
});

test('the latency format prints no stamp of that form', () => {
  const line = '  ptwork-1195      1d.h1. 38us : tlb_flush: pages:1 reason:[001] 38.692642 (3)\n';
  expect(scanChunks(LATENCY_FORMAT, bytes(line.repeat(2)), 64).counts[LINE.event]).toBe(2);
});
