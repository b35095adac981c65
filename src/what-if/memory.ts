import type { Random } from '../latency/statistics/resampling.js';
import type { Policy } from './policy.js';
import type { GatherRec } from './recorded.js';
import { shapeOf } from './transform.js';

/** Beyond these parts of the asks that failed the recording is one of memory that was there, or was not. */
const SELDOM = 0.05;
const MOSTLY = 0.95;
/** Slots of a gather on the stack: with more pages or tables it asks for a batch page. */
const ASKS_FROM = 9;

/**
 * How often a gather of the recorded kernel that asked for a batch page got none, where that is carried over to a kernel
 * which asks at other points; null where nothing has to be carried over, or all asks went the same way. Each ask of the
 * other kernel is then drawn with that chance, since which of them would have failed is not in the recording.
 */
export function failingPart(gathers: readonly GatherRec[], from: Policy, to: Policy): number | null {
  if (from.leaf === to.leaf) return null;
  let asks = 0;
  let failures = 0;
  for (const g of gathers) {
    if (g.levels.length === 0) continue;
    if (from.leaf === 'pages') {
      const failed = shapeOf(g, from).noMemory.includes(true);
      if (failed) failures++;
      if (failed || g.pages + g.levels.length >= ASKS_FROM) asks++;
    } else {
      failures += g.single.filter((s) => s).length;
      asks += g.single.filter((s) => s).length + g.batchCalls;
    }
  }
  const part = asks === 0 ? 0 : failures / asks;
  return part > SELDOM && part < MOSTLY ? part : null;
}

/** For each table of a gather, whether an ask at it would fail. */
export const drawnFailures = (tables: number, part: number, random: Random): boolean[] =>
  Array.from({ length: tables }, () => random() < part);
