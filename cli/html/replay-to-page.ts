import { join } from 'node:path';
import { type AnalyseOptions, analyse } from '../../src/analyse/analyse.js';
import { isStored } from '../../src/parsers/input/chunks.js';
import { surroundings } from '../../src/perfetto/near-findings.js';
import { ReportSums } from '../../src/perfetto/report-sums.js';
import type { Result } from '../../src/result/types.js';
import { drawnFindings, replayPage } from './replay.js';

/** Replays, and draws what it was; null where there is nothing to draw. Inputs are read again where there are findings. */
export async function replayToPage(
  options: AnalyseOptions,
): Promise<{ readonly result: Result; readonly page: string | null }> {
  const sums = new ReportSums();
  let absolute = (_: number): string => '0';
  const result = await analyse({
    ...options,
    watch: ({ time, funcs }) => {
      absolute = (tsNs) => time.absolute(tsNs);
      return [sums.monitor((id) => funcs.name(id))];
    },
  });
  if (result.timeline.events === 0) return { result, page: null };
  const findings = drawnFindings(result).map((d) => d.finding);
  const again = rereadable(options, result);
  // An interrupted reading would end at another place.
  const read = again !== null && !result.summary.partial;
  const near = await surroundings(again ?? options, findings, BigInt(absolute(0)), read);
  return { result, page: replayPage(result, sums, near) };
}

/** The same inputs, those that can be read only once by their copies; null where there is none. */
function rereadable(options: AnalyseOptions, { inputs }: Result): AnalyseOptions | null {
  const { paths, spoolDir } = options;
  if (paths.every(isStored)) return options;
  if (spoolDir === undefined) return null;
  // Copies have the numbers in which inputs were read.
  const copy = (path: string): string => join(spoolDir, `stdin-${inputs.findIndex((i) => i.path === path)}`);
  return { ...options, paths: paths.map((path) => (isStored(path) ? path : copy(path))) };
}
