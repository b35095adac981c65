import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/analyse/analyse.js';
import type { Result } from '../../src/result/types.js';
import { folder, write } from '../gate/support/traces.js';
import * as dialects from './support/dialects.js';
import { inTurn } from './support/in-turn.js';

// The same events as each tool prints them: a correct kernel stays correct, a wrong order stays wrong.

const root = new URL('../../fixtures/', import.meta.url).pathname;
const read = (path: string): string => {
  const bytes = readFileSync(path);
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('latin1');
};
const dir = folder();
const replay = (text: string): Promise<Result> =>
  analyse({ paths: [write(dir, 'trace.txt', text.trimEnd().split('\n'))] });
const violated = ({ invariants }: Result): string[] =>
  invariants.filter((i) => i.verdict === 'violated').map((i) => i.id);

const { traceCmd, traceCmdLatency, perfScript, latencyFormat, bpftraceLog, functionTracer, functionGraph } =
  dialects;
const FORMS = { traceCmd, traceCmdLatency, perfScript, latencyFormat, bpftraceLog };
/** They print no arguments. */
const BARE = { functionTracer, functionGraph };

const ALARMS = readdirSync(`${root}alarms`).filter(
  (name) => /\.txt(?:\.gz)?$/.test(name) && !name.startsWith('two-kernels'),
);

describe.each(ALARMS)('%s', (name) => {
  const text = read(`${root}alarms/${name}`);
  it.each(inTurn(Object.entries({ ...FORMS, ...BARE }), 2, ALARMS.indexOf(name)))(
    'accuses nobody as %s',
    async (_, form) => {
      const result = await replay(form(text));
      expect(violated(result)).toEqual([]);
      const { skipped, foreign } = result.inputs[0]!.lines;
      expect([skipped, foreign]).toEqual([0, 0]);
    },
  );
});

const WRONG: Readonly<Record<string, readonly string[]>> = {
  'busy-cpu2-of-mask-not-flushed-ft0': ['I02', 'I03', 'I23'],
  '6.1-handler-runs-after-the-frees': ['I02', 'I03', 'I24'],
  'neighbour-range-flushed': ['I02', 'I03'],
  'neighbour-range-flushed-C': ['I02', 'I03', 'I09'],
  'generation-goes-back': ['I25'],
  'callback-leaks-one-of-four': ['I08', 'I12', 'I38'],
  'I06-reclaimed-table-freed-after-sync-ipi': ['I06'],
  'hand-over-outside-any-gather': ['I49'],
};
/** A log of bpftrace does not tell what it lost: what rests on an absence is unknown there. */
const LOSSY = new Set(['bpftraceLog']);

describe.each(Object.entries(WRONG))('%s', (name, ids) => {
  const text = read(`${root}wrong-orders/${name}.txt.gz`);
  it.each(Object.entries(FORMS))('is wrong as %s', async (form, write) => {
    const result = await replay(write(text));
    const found = violated(result).filter((id) => ids.includes(id));
    if (LOSSY.has(form) && found.length === 0) {
      const unknown = result.invariants.filter((i) => ids.includes(i.id) && i.verdict === 'unknown');
      expect(unknown.map((i) => i.reason).join()).toContain('events were lost, or may have been');
    } else expect(found).not.toEqual([]);
    expect([result.inputs[0]!.lines.skipped, result.inputs[0]!.lines.foreign]).toEqual([0, 0]);
  });
});
