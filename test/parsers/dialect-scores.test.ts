import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isHistTrigger } from '../../src/parsers/printed/hist-trigger.js';
import { FTRACE_DUMP } from '../../src/parsers/tracefs/ftrace-dump.js';
import { FTRACE_FIELDS } from '../../src/parsers/tracefs/ftrace-fields.js';
import { FUNCTION_GRAPH } from '../../src/parsers/tracefs/function-graph.js';
import { LATENCY_FORMAT } from '../../src/parsers/tracefs/latency-format.js';
import { SYSTRACE_HTML } from '../../src/parsers/tracefs/systrace-html.js';
import { TRACE_CMD_REPORT } from '../../src/parsers/tracefs/trace-cmd-report.js';
import { recogniseRefusal } from '../../src/parsers/tracefs/tracefs-refusals.js';
import { corpus, hasShared, recording, shared } from './support/run-dialect.js';

const DIALECTS = [
  FUNCTION_GRAPH,
  LATENCY_FORMAT,
  FTRACE_DUMP,
  TRACE_CMD_REPORT,
  FTRACE_FIELDS,
  SYSTRACE_HTML,
];

/** Which of the dialects here claims a file, by what the file's name says it is; everything else: none. */
const CLAIMS: readonly (readonly [RegExp, string])[] = [
  [/\/function_graph/, 'function-graph'],
  [/\/(?:latency-format|tracer-)/, 'latency-format'],
  [/\/trace-cmd-report/, 'trace-cmd-report'],
  [
    /\.report(?:-ns|-raw\.head3000)?\.txt$|trappy\/(?:doc_trace|raw_trace|trace_(?:common|empty|sched))/,
    'trace-cmd-report',
  ],
  [/\/opt-fields/, 'ftrace-fields'],
  [/systrace\.html$/, 'systrace-html'],
  [/\/opt-raw/, 'trace-raw'],
  [/\/opt-hex/, 'trace-hex'],
  [/\/no-context-info/, 'trace-no-context'],
  [/histogram\.rst$/, 'hist'],
];

function claim(sample: Uint8Array): string {
  const refusal = recogniseRefusal(sample);
  if (refusal !== null) return refusal.id;
  if (isHistTrigger(sample)) return 'hist';
  let best = 'none';
  let score = 0.5;
  for (const d of DIALECTS) {
    const s = d.score(sample);
    if (s > score) [best, score] = [d.id, s];
  }
  return best;
}

function files(root: string): string[] {
  return readdirSync(root).flatMap((name) => {
    const path = join(root, name);
    if (statSync(path).isDirectory()) return files(path).map((f) => `${name}/${f}`);
    return /\.(?:dat|perf|md|tsv)(?:\.gz)?$|perf\.data\.gz$/.test(name) ? [] : [name];
  });
}

test.skipIf(!hasShared)(
  'every shared file is claimed by its own dialect only (skipped: no ../shared)',
  () => {
    const wrong: string[] = [];
    const check = (name: string, input: Uint8Array): void => {
      const want = CLAIMS.find(([form]) => form.test(`/${name}`))?.[1] ?? 'none';
      const got = claim(input.subarray(0, 65536));
      if (got !== want) wrong.push(`${name}: ${got}, not ${want}`);
    };
    for (const f of files(join(shared, 'recordings'))) check(f, recording(f));
    for (const f of files(join(shared, 'corpus'))) check(f, corpus(f));
    expect(wrong).toEqual([]);
  },
);
