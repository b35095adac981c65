import { type AnalyseOptions, analyse } from '../analyse/analyse.js';
import type { Finding } from '../result/types.js';
import { type Kept, KeptSink, type TimeWindow } from './kept-sink.js';
import { Tracks } from './tracks.js';

/** Part of a finding's time that is shown before and after it, and at least this many ns. */
const MARGIN = 0.06;
const LEAST_MARGIN_NS = 1000;

/** What the CPUs did around a finding. Stamps in ns relative to `base`. */
export interface Surroundings extends TimeWindow {
  readonly slices: readonly Kept[];
  /** Slices for which there was no room. */
  readonly leftOut: number;
  /** Stamps of the finding's events, in their order. */
  readonly times: readonly number[];
}

/** The stretch of time that a finding's picture shows; null where it quotes no event. `base`: absolute ns of stamp 0. */
function windowOf(finding: Finding, base: bigint): (TimeWindow & { readonly times: number[] }) | null {
  const times = finding.events.map((e) => Number(BigInt(e.tsNs) - base));
  if (times.length === 0) return null;
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const margin = Math.max(LEAST_MARGIN_NS, (last - first) * MARGIN);
  return { fromNs: first - margin, toNs: last + margin, times };
}

/**
 * Reads the inputs once more, since only the end of a recording tells what is a finding, and keeps what the CPUs did
 * around each; null where a finding quotes no event. `again`: false gives the times alone. Throws as `analyse` does.
 */
export async function surroundings(
  options: AnalyseOptions,
  findings: readonly Finding[],
  base: bigint,
  again = true,
): Promise<(Surroundings | null)[]> {
  const windows = findings.map((f) => windowOf(f, base));
  const drawn = windows.filter((w) => w !== null);
  const sink = new KeptSink(drawn);
  if (again && drawn.length > 0) {
    let tracks: Tracks | undefined;
    await analyse({
      ...options,
      watch: ({ funcs }) => {
        tracks ??= new Tracks(sink, (id) => funcs.name(id));
        return [tracks.monitor()];
      },
    });
  }
  return windows.map((w) => w && { ...w, ...sink.of(drawn.indexOf(w)) });
}
