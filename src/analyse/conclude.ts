import { probeKinds } from '../kernel/probe-kinds.js';
import { olderThan, parseRelease } from '../kernel/releases.js';
import { ALL_VARIANTS, maskOf, type VariantMask } from '../kernel/variants.js';
import { variantsOf } from '../kernel/variants-of-release.js';
import type { ScannedInput } from '../parsers/input/open-input.js';
import type { RecordingFacts } from '../parsers/input/recording-facts.js';
import type { ReplayEngine } from '../replay/engine.js';
import { doubtMissed } from '../replay/missed-hits.js';

/** mm: skip redundant sync IPIs (variants F): not in 7.3.4. */
const UNRELEASED_UP_TO = '7.4';

/** What is known of a recording once its last line is read. */
export interface Conclusion {
  readonly kinds: ReturnType<typeof probeKinds>;
  readonly candidates: VariantMask;
}

/**
 * Settles the verdicts of a replay that is over: hits that kprobes missed, CPUs that show nothing, the variants that
 * are left. `kernel`: its release; default: what the recording says.
 */
export function conclude(
  replay: ReplayEngine,
  inputs: readonly ScannedInput[],
  facts: RecordingFacts,
  given: VariantMask | null,
  kernel: string | undefined,
): Conclusion {
  const kinds = probeKinds(facts.probes, facts.events, facts.missed);
  doubtMissed(replay.ledger, kinds.missed);
  const said = facts.kernel();
  const release = kernel ?? said.release;
  const byRelease = given === null ? releasedOf(release, said.config) : ALL_VARIANTS;
  return { kinds, candidates: settle(replay, inputs, byRelease) };
}

/** Resolve what could only be resolved at the end; returns the variants the trace allows. */
function settle(replay: ReplayEngine, inputs: readonly ScannedInput[], byRelease: VariantMask): VariantMask {
  const { session } = replay;
  const announced = Math.max(...inputs.map((i) => i.header.cpus), 0);
  const seen = replay.cpus.filter((c) => c.events > 0).length;
  const machine = Math.max(announced, replay.cpus.length, replay.cpusNamed);
  if (machine > seen) {
    session.ledger.blind(
      `only ${seen} of ${machine} CPUs have events in this trace: the others may have acted unseen`,
    );
  }
  return session.settle(byRelease);
}

/** Variants of a kernel of that release ('' unknown): the series after 7.1 is in none yet, and from 7.0 on x86 always reclaims. */
function releasedOf(release: string, config: ReadonlyMap<string, string> | null): VariantMask {
  let mask = variantsOf({ release, config });
  const parsed = parseRelease(release);
  if (!parsed || parsed.next) return mask;
  if (olderThan(parsed, UNRELEASED_UP_TO)) mask &= ~maskOf('F', 'Fn');
  return olderThan(parsed, '7.0') ? mask : mask & ~maskOf('Dn', 'En', 'Fn');
}
