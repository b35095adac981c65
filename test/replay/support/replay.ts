import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type AnalyseOptions, analyse } from '../../../src/analyse/analyse.js';
import type { InvariantReport, Result } from '../../../src/result/types.js';
import { BASES, print, type Step } from './story.js';

/** Looking for the format takes as long as the replay of a short recording. */
const formatOf = (text: string) => (/^# tracer: nop\n/.test(text) ? { format: 'ftrace' } : {});

/** A recording held in memory, through the whole path from bytes to the result. */
export function replayText(text: string, options: Partial<AnalyseOptions> = {}): Promise<Result> {
  const stdin = Readable.from([Buffer.from(text, 'latin1')]);
  return analyse({ paths: ['-'], stdin, ...formatOf(text), ...options });
}

export const replayLines = (lines: readonly string[], options: Partial<AnalyseOptions> = {}) =>
  replayText(`${lines.join('\n')}\n`, options);

export function report(result: Result, id: string): InvariantReport {
  const found = result.invariants.find((i) => i.id === id);
  if (!found) throw new RangeError(`no report for ${id}`);
  return found;
}

export const violatedIds = (result: Result): string[] =>
  result.invariants.filter((i) => i.instances.violated > 0).map((i) => i.id);

/** What no harmless change may alter: every verdict and every count, without places and texts. */
export const verdicts = (result: Result) =>
  Object.fromEntries(
    result.invariants.map((i) => [i.id, { verdict: i.verdict, ...i.instances, ...i.basis }]),
  );

/** As `replayText`, from a file, so that findings quote their lines. */
export async function replayFile(text: string, options: Partial<AnalyseOptions> = {}): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  try {
    const path = join(folder, 'trace.txt');
    writeFileSync(path, Buffer.from(text, 'latin1'));
    return await analyse({ paths: [path], ...options });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A hand-made recording; the bases are given, it is too short to learn them from. */
export const replayStory = (steps: readonly Step[], options: Partial<AnalyseOptions> = {}, cpus = 2) =>
  replayText(print(steps, cpus), { ...BASES, ...options });

/** Verdict of one invariant on a hand-made recording, and the whole report of it. */
export async function judged(
  id: string,
  steps: readonly Step[],
  options: Partial<AnalyseOptions> = {},
): Promise<InvariantReport> {
  return report(await replayStory(steps, options), id);
}
