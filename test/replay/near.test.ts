import { describe, expect, it } from 'vitest';
import type { Result } from '../../src/result/types.js';
import { CALLBACKS } from './near/callbacks.js';
import { CAPTURES } from './near/captures.js';
import type { NearCase } from './near/cases.js';
import { FLUSHES } from './near/flushes.js';
import { GATHERS } from './near/gathers.js';
import { bpftraceLog, functionGraph, latencyFormat, perfScript, traceCmd } from './support/dialects.js';
import { inTurn } from './support/in-turn.js';
import { replayText, violatedIds } from './support/replay.js';

// Made logs near to what was once judged wrongly, as each tool prints them (near/steps.ts): nothing of a correct order is
// violated; a wrong one is, or it is said why it cannot be told.

const FORMS: Readonly<Record<string, (text: string) => string>> = {
  ftrace: (text) => text,
  traceCmd,
  perfScript,
  latencyFormat,
  bpftraceLog,
};
/** Prints no arguments. */
const BARE = { functionGraph };
/** As ftrace prints it, and by turns as others do. */
const formsOf = <T>(forms: Readonly<Record<string, T>>, c: NearCase): readonly [string, T][] => {
  const [ftrace, ...others] = Object.entries(forms);
  return [ftrace!, ...inTurn(others, 2, ALL.indexOf(c))];
};
/** Each capture for itself. */
const CAPTURE = /^(?=# tracer: nop\n)/m;
const inForm = (write: (text: string) => string, text: string): string =>
  text.split(CAPTURE).map(write).join('');
const replay = ({ kernel }: NearCase, text: string): Promise<Result> =>
  replayText(text, kernel === undefined ? {} : { kernel });
const said = (result: Result, ids: readonly string[]): string =>
  result.invariants
    .filter((i) => ids.includes(i.id))
    .flatMap((i) => i.unknowns.map((u) => `${i.id}: ${u.reason}`))
    .join('\n');

const ALL = [...FLUSHES, ...CALLBACKS, ...GATHERS, ...CAPTURES];
const messages = (result: Result): string[] =>
  result.invariants.flatMap((i) => i.findings.map((f) => `${i.id}: ${f.message}`));

describe.each(ALL.filter((c) => c.wrong === undefined))('correct: $name', (c) => {
  it.each(formsOf({ ...FORMS, ...BARE }, c))('as %s', async (form, write) => {
    const result = await replay(c, inForm(write, c.text));
    expect(messages(result)).toEqual([]);
    // It is judged, not passed over.
    if (form === 'ftrace')
      expect(result.invariants.filter((i) => i.instances.pass > 0).length).toBeGreaterThan(8);
    expect([result.inputs[0]!.lines.skipped, result.inputs[0]!.lines.foreign]).toEqual([0, 0]);
  });
});

describe.each(ALL.filter((c) => c.wrong !== undefined))('wrong: $name', (c) => {
  it.each(formsOf(FORMS, c))('as %s', async (form, write) => {
    const result = await replay(c, inForm(write, c.text));
    const found = violatedIds(result).filter((id) => c.wrong!.includes(id));
    if (c.undecided) {
      expect(violatedIds(result)).toEqual([]);
      expect(said(result, c.wrong!)).toMatch(c.undecided);
    } else if (form === 'ftrace') expect(found, said(result, c.wrong!)).not.toEqual([]);
    else if (found.length === 0) expect(said(result, c.wrong!)).not.toBe('');
  });
});
