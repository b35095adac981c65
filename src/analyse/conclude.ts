import { probeKinds } from '../kernel/probe-kinds.js';
import { ALL_VARIANTS, type VariantMask } from '../kernel/variants.js';
import { releasedVariantsOf } from '../kernel/variants-of-release.js';
import type { ScannedInput } from '../parsers/input/open-input.js';
import type { RecordingFacts } from '../parsers/input/recording-facts.js';
import type { ReplayEngine } from '../replay/engine.js';

/** What is known of a recording once its last line is read. */
export interface Conclusion {
  readonly kinds: ReturnType<typeof probeKinds>;
  readonly candidates: VariantMask;
}

/**
 * Settles the verdicts of a replay that is over: hits that kprobes missed, CPUs that show nothing, the variants that
 * are left.
 */
export function conclude(
  replay: ReplayEngine,
  inputs: readonly ScannedInput[],
  facts: RecordingFacts,
  given: VariantMask | null,
): Conclusion {
  const kinds = probeKinds(facts.probes, facts.events, facts.missed);
  replay.missed.apply(replay.ledger, kinds, replay.segments);
  const byRelease = given === null ? releasedVariantsOf(facts.kernel()) : ALL_VARIANTS;
  return { kinds, candidates: settle(replay, inputs, byRelease) };
}

/** Resolve what could only be resolved at the end; returns the variants the trace allows. */
function settle(replay: ReplayEngine, inputs: readonly ScannedInput[], byRelease: VariantMask): VariantMask {
  const { session } = replay;
  const announced = inputs.map((i) => i.header.cpus);
  // Where inputs were merged, which of them is whose is not told.
  const most = Math.max(...announced, 0);
  const { recorded } = replay;
  const byGroup =
    recorded.groups === inputs.length ? announced : Array.from({ length: recorded.groups }, () => most);
  for (const [why, captures] of recorded.lacking(byGroup)) session.ledger.blind(why, captures);
  return session.settle(byRelease);
}
