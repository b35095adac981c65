import { breakdown } from '../breakdown/breakdown.js';
import { PHASES } from '../breakdown/phases.js';
import {
  contrastOfPairs,
  contrastOfRuns,
  type RunValues,
  UNEVEN,
} from '../latency/statistics/between-runs.js';
import { isStored } from '../parsers/input/chunks.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { PipelineOptions } from '../read/pipeline.js';
import { durationWords } from './words.js';

/** Mean time of a call in each phase, in ns, of every run of a side. */
export type PhaseMeans = readonly (readonly number[])[];

/** Null unless the run is a recording on disk whose munmap calls can be broken down. */
export async function runPhases(
  path: string,
  options: Omit<PipelineOptions, 'paths'>,
): Promise<readonly number[] | null> {
  if (path === '-' || !isStored(path)) return null;
  try {
    const b = await breakdown({ ...options, paths: [path] });
    if (b.what !== 'munmap' || b.spans.count === 0) return null;
    return b.phases.map((p) => p.sumNs / b.spans.count);
  } catch (error) {
    if (error instanceof TraceError) return null;
    throw error;
  }
}

/**
 * The phase whose mean time moved most, with its interval between runs where there are several a side (and no side many
 * times as many as the other); empty where
 * nothing moved by a hundredth of a call.
 */
export function phaseSentence(a: PhaseMeans, b: PhaseMeans, alpha: number, paired: boolean): string {
  const column = (side: PhaseMeans, i: number): RunValues => ({
    values: side.map((run) => run[i]!),
    resolution: side.map(() => 0),
  });
  const mean = (x: RunValues): number => x.values.reduce((s, v) => s + v, 0) / x.values.length;
  const moved = PHASES.map((_, i) => mean(column(b, i)) - mean(column(a, i)));
  const all = moved.reduce((s, v) => s + v, 0);
  const call = PHASES.reduce((s, _, i) => s + mean(column(a, i)), 0);
  let most = 0;
  for (let i = 1; i < moved.length; i++) if (Math.abs(moved[i]!) > Math.abs(moved[most]!)) most = i;
  if (!(Math.abs(moved[most]!) >= call / 100)) return '';
  const contrast = paired ? contrastOfPairs : contrastOfRuns;
  const even = Math.max(a.length, b.length) <= UNEVEN * Math.min(a.length, b.length);
  const x =
    even && Math.min(a.length, b.length) > 1 ? contrast(column(a, most), column(b, most), alpha) : null;
  const interval = x ? ` [${signed(x.low)}, ${signed(x.high)}]` : ' as seen';
  return ` Of the mean call's change of ${signed(all)} the largest part is in ${PHASES[most]!}: ${signed(moved[most]!)}${interval}.`;
}

const signed = (ns: number): string => `${ns < 0 ? '−' : '+'}${durationWords(Math.abs(ns))}`;
