import { describe, expect, test } from 'vitest';
import { BCC_TRACE } from '../../src/parsers/bcc/bcc-trace.js';
import { LATENCY_TABLE } from '../../src/parsers/columns/latency-table.js';
import type { DialectInfo } from '../../src/parsers/input/dialect.js';
import { LineScanner } from '../../src/parsers/input/line-scanner.js';
import { BABELTRACE } from '../../src/parsers/lttng/babeltrace.js';
import { STRACE } from '../../src/parsers/strace/strace.js';
import { FTRACE_DUMP } from '../../src/parsers/tracefs/ftrace-dump.js';
import { FTRACE_FIELDS } from '../../src/parsers/tracefs/ftrace-fields.js';
import { FUNCTION_GRAPH } from '../../src/parsers/tracefs/function-graph.js';
import { LATENCY_FORMAT } from '../../src/parsers/tracefs/latency-format.js';
import { SYSTRACE_HTML } from '../../src/parsers/tracefs/systrace-html.js';
import { TRACE_CMD_REPORT } from '../../src/parsers/tracefs/trace-cmd-report.js';
import { EventTable } from '../../src/timeline/events.js';
import { Interner } from '../../src/timeline/interner.js';
import { TimeBase } from '../../src/timeline/time-base.js';
import { bytes, fixture, golden, runDialect, text } from './support/run-dialect.js';

/** The lines of a small fixture again and again, its heading once. */
function again(name: string, heading: number): Uint8Array {
  const lines = text(fixture(name)).trimEnd().split('\n');
  const rest = lines.slice(heading);
  const copies = Math.ceil(60 / rest.length);
  return bytes([...lines.slice(0, heading), ...Array.from({ length: copies }, () => rest).flat()].join('\n'));
}

const CASES: readonly (readonly [string, DialectInfo, Uint8Array])[] = [
  ['strace', STRACE, again('inputs/W1-strace-T.txt', 0)],
  ['babeltrace', BABELTRACE, again('inputs/W2-babeltrace.txt', 0)],
  ['a table of latencies', LATENCY_TABLE, again('inputs/F21-bpftrace-latency-table.txt', 3)],
  ["bcc's trace", BCC_TRACE, again('inputs/F16-bcc-trace-tool.txt', 1)],
  ['function_graph', FUNCTION_GRAPH, fixture('function_graph/6.12.117-lab-y/abstime.txt')],
  ['latency-format', LATENCY_FORMAT, fixture('latency-format/6.12.117-lab-y/tracer-wakeup.txt')],
  ['verbose', LATENCY_FORMAT, fixture('latency-format/6.12.117-lab-y/verbose.txt')],
  ['report -R', TRACE_CMD_REPORT, fixture('trace-cmd-report/6.12.117-lab-y/report-R.txt')],
  ['report of function_graph', TRACE_CMD_REPORT, fixture('trace-cmd-report/6.12.117-lab-y/fgraph.txt')],
  ['fields', FTRACE_FIELDS, fixture('ftrace-options/debian-6.16.12/fields.txt')],
  [
    'dump',
    FTRACE_DUMP,
    bytes(
      `Dumping ftrace buffer:\n${'-'.repeat(33)}\n${text(fixture('latency-format/6.12.117-lab-y/tracer-irqsoff.txt')).replace(/^#.*\n/gm, '')}`
        .split('\n')
        .map((l) => `[    1.234567] ${l}`)
        .join('\r\n'),
    ),
  ],
  [
    'HTML',
    SYSTRACE_HTML,
    bytes(
      `<html>\n<script class="trace-data" type="application/text">\n${text(fixture('ftrace-options/6.12.117-lab-y/sym-addr.txt'))}</script>\n</html>`,
    ),
  ],
];

/** Rows through the real scanner, in the same form whatever the chunks. */
function scan(info: DialectInfo, input: Uint8Array, size: number): { rows: string[]; counts: number[] } {
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  const rows: string[] = [];
  const scanner = new LineScanner(info.open(), {
    input: 0,
    context,
    sink: (b) => {
      for (let i = 0; i < b.length; i++) {
        const head = context.events.head(b.event[i]!);
        if (head.kind === 'reserved') continue;
        rows.push(
          `${b.line[i]} ${b.offset[i]} ${context.time.absolute(b.tsNs[i]!)} ${b.cpu[i]} ${b.pid[i]} ${b.flags[i]} ` +
            `${context.names.text(b.comm[i]!)} ${head.kind} ${head.name} ${b.aux[i]} ${b.body(i)}`,
        );
      }
    },
  });
  for (let i = 0; i < input.length; i += size) scanner.push(input.subarray(i, i + size));
  scanner.finish();
  return { rows, counts: [...scanner.counts] };
}

describe.each(CASES)('%s', (_, info, input) => {
  const whole = runDialect(info, input);
  const want = whole.rows.map(
    (r) =>
      `${r.line} ${r.offset} ${r.ts} ${r.cpu} ${r.pid} ${r.flags} ${r.comm} ${r.kind} ${r.name} ${r.aux} ${r.body}`,
  );

  test.each([1, 7, 64, 4096, 1 << 20])('chunks of %i bytes give the same rows and counts', (size) => {
    const got = scan(info, input, size);
    expect(got.rows).toEqual(want);
    expect(got.counts).toEqual(Object.values(whole.counts));
    expect(want.length).toBeGreaterThan(40);
  });
});

test.each([
  ['strace', STRACE, 'W1-strace-T.txt'],
  ['babeltrace', BABELTRACE, 'W2-babeltrace.txt'],
  ['latency-table', LATENCY_TABLE, 'F21-bpftrace-latency-table.txt'],
  ['bcc-trace', BCC_TRACE, 'F16-bcc-trace-tool.txt'],
] as const)('%s: what every line is and says', async (id, info, name) => {
  await expect(golden(runDialect(info, fixture(`inputs/${name}`)))).toMatchFileSnapshot(`golden/${id}.txt`);
});
