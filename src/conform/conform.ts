import { namesOf, VARIANTS } from '../kernel/variants.js';
import type { FreedAt, FreedGroup, FreedPath } from '../predict/freed.js';
import { type FreedOptions, freedIn } from '../predict/freed-in.js';
import { inWords } from '../predict/freed-words.js';
import type { EventQuote, InputReport } from '../result/types.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { VERSION } from '../version.js';
import { CONTEXTS, type ConformStep, languageOf } from './language.js';

export const CONFORM_SCHEMA = 'pttrace-conform/1';

/** What the machine of one variant says of the recording. */
export interface ConformVariant {
  readonly variant: string;
  /** The recording can be of it, by what replay detects. */
  readonly candidate: boolean;
  /** Frees that it explains, flush and release seen. */
  readonly accepted: number;
  /** … as far as they are seen. */
  readonly asFarAsSeen: number;
  readonly unexplained: number;
}

/** Frees that the machine of a variant cannot explain. */
export interface Unexplained {
  readonly variant: string;
  readonly path: string;
  readonly frees: number;
  /** The first step that it cannot take. */
  readonly step: string;
  /** What it would take there instead; empty: nothing follows, or it has no such path. */
  readonly expected: readonly string[];
  readonly events: readonly EventQuote[];
}

export interface ConformReport {
  readonly schema: typeof CONFORM_SCHEMA;
  readonly version: string;
  readonly inputs: readonly InputReport[];
  readonly verdict: 'accepted' | 'not-accepted' | 'not-seen-enough';
  /** Releases of page tables whose unlink the recording shows. */
  readonly frees: number;
  /** Steps whose probe shows nothing in the recording: they count as taken or not, whichever fits. */
  readonly unseen: readonly ConformStep[];
  readonly detected: readonly string[];
  /** Variants whose machine explains all of it. */
  readonly accepting: readonly string[];
  /** Detected variants that do not accept; empty where detection and machine agree. */
  readonly disagree: readonly string[];
  readonly variants: readonly ConformVariant[];
  /** For the detected variant that explains most, in the order of the recording. */
  readonly unexplained: readonly Unexplained[];
  readonly partial: boolean;
}

/**
 * Does the machine of the detected kernel variant accept what the recorded kernel did: each table's way from its
 * unlink to its release, as its own task and RCU took it?
 *
 * Throws as `freedIn`.
 */
export async function conform(options: FreedOptions): Promise<ConformReport> {
  const recorded = await freedIn(options);
  const { groups, quote } = recorded;
  const detected = namesOf(recorded.candidates);
  const frees = groups.reduce((sum, g) => sum + g.frees, 0);
  const judged = VARIANTS.map((variant) => {
    const languages = new Map(CONTEXTS.map((context) => [context, languageOf(variant, context)]));
    const matches = groups.map((group) => ({ group, match: matchOf(group.path, languages) }));
    const count = (how: Match['how']): number =>
      matches.reduce((sum, { group, match }) => sum + (match.how === how ? group.frees : 0), 0);
    const row: ConformVariant = {
      variant: variant.id,
      candidate: detected.includes(variant.id),
      accepted: count('accepted'),
      asFarAsSeen: count('as-far-as-seen'),
      unexplained: count('unexplained'),
    };
    return { row, matches };
  });
  const accepting = judged.filter(({ row }) => row.unexplained === 0).map(({ row }) => row.variant);
  const candidates = judged.filter(({ row }) => row.candidate);
  const best = candidates.reduce<(typeof judged)[number] | null>(
    (least, one) => (least && least.row.unexplained <= one.row.unexplained ? least : one),
    null,
  );
  const refused = (best?.matches ?? []).filter(({ match }) => match.how === 'unexplained');
  return {
    schema: CONFORM_SCHEMA,
    version: VERSION,
    inputs: recorded.inputs,
    verdict:
      refused.length > 0 ? 'not-accepted' : (best?.row.accepted ?? 0) > 0 ? 'accepted' : 'not-seen-enough',
    frees,
    unseen: unseenIn(groups),
    detected,
    accepting,
    disagree: detected.filter((id) => !accepting.includes(id)),
    variants: judged.map(({ row }) => row),
    unexplained: refused
      .sort((a, b) => a.group.at[0]!.free - b.group.at[0]!.free)
      .map(({ group, match }) => told(best!.row.variant, group, match, quote)),
    partial: recorded.partial,
  };
}

function unseenIn(groups: readonly FreedGroup[]): ConformStep[] {
  const none = (hidden: (path: FreedPath) => boolean): boolean =>
    groups.length > 0 && groups.every(({ path }) => hidden(path));
  return [
    ...(none((p) => p.flush === 'unknown') ? (['flush'] as const) : []),
    ...(none((p) => p.syncIpi === 'unknown') ? (['sync-ipi'] as const) : []),
    ...(none((p) => p.syncRcu === 'unknown') ? (['sync-rcu'] as const) : []),
    ...(none((p) => p.end === null) ? (['call-rcu'] as const) : []),
  ];
}

interface Match {
  readonly how: 'accepted' | 'as-far-as-seen' | 'unexplained';
  readonly step: ConformStep | null;
  readonly expected: readonly string[];
}

function matchOf(path: FreedPath, languages: ReadonlyMap<string, ReadonlySet<string>>): Match {
  const contexts = path.under === null ? CONTEXTS : [path.under];
  const words = contexts.flatMap((context) => [...languages.get(context)!].map((word) => word.split(' ')));
  const recorded = wordsOf(path);
  const accepted = recorded.some((steps) => words.some((word) => word.join(' ') === steps.join(' ')));
  if (accepted) {
    // Waits that no probe shows are silent steps; without flush and release there is little to explain.
    const sure = path.under !== null && path.flush !== 'unknown' && path.end !== null;
    return { how: sure ? 'accepted' : 'as-far-as-seen', step: null, expected: [] };
  }
  // As it may have been, the one that gets furthest.
  let far = { length: -1, step: null as ConformStep | null, expected: [] as string[] };
  for (const steps of recorded) {
    for (let length = 0; length <= steps.length; length++) {
      const after = words.filter((word) => steps.slice(0, length).every((step, i) => word[i] === step));
      if (after.length === 0 && length > 0) break;
      if (length <= far.length) continue;
      const expected = [...new Set(after.flatMap((word) => word[length] ?? []))].sort();
      far = { length, step: steps[length] ?? null, expected };
    }
  }
  return { how: 'unexplained', step: far.step, expected: far.expected };
}

/** All that its own task and RCU may have done, by what is seen. */
function wordsOf(path: FreedPath): ConformStep[][] {
  const flushes: ConformStep[][] =
    path.flush === 'unknown'
      ? [[], ['flush'], ['leaf-flush']]
      : [path.flush === 'tables' ? ['flush'] : path.flush === 'leaf' ? ['leaf-flush'] : []];
  const ipis: ConformStep[][] = path.ownIpi
    ? [['sync-ipi']]
    : path.syncIpi === 'unknown'
      ? [[], ['sync-ipi']]
      : [[]];
  const rcus: ConformStep[][] = path.ownRcu
    ? [['sync-rcu']]
    : path.syncRcu === 'unknown'
      ? [[], ['sync-rcu']]
      : [[]];
  const calls: ConformStep[] =
    path.alone === null ? ['call-rcu', 'call-rcu-alone'] : [path.alone ? 'call-rcu-alone' : 'call-rcu'];
  const ends: ConformStep[][] =
    path.end === 'free'
      ? [['free']]
      : [
          ...calls.map((call) => (path.end === 'early' ? [call, 'free' as const] : [call])),
          ...(path.end === null ? [['free' as const]] : []),
        ];
  return flushes.flatMap((flush) =>
    ipis.flatMap((ipi) =>
      rcus.flatMap((rcu) =>
        ends.map((end): ConformStep[] =>
          path.flushLate ? [...ipi, ...rcu, ...end, ...flush] : [...flush, ...ipi, ...rcu, ...end],
        ),
      ),
    ),
  );
}

const PLACE: Readonly<Record<ConformStep, keyof FreedAt>> = {
  flush: 'flush',
  'leaf-flush': 'flush',
  'sync-ipi': 'ipi',
  'sync-rcu': 'free',
  'call-rcu': 'call',
  'call-rcu-alone': 'call',
  free: 'free',
};

function told(
  variant: string,
  group: FreedGroup,
  match: Match,
  quote: (ref: EvidenceRef, role: string) => EventQuote[],
): Unexplained {
  const at = group.at[0]!;
  const step = match.step;
  const events = [
    ...quote(at.unlink, 'unlinked'),
    ...(step ? quote(at[PLACE[step]], `not explained: ${step}`) : quote(at.free, 'released')),
  ];
  return {
    variant,
    path: inWords(group.path),
    frees: group.frees,
    step: step ?? 'the end',
    expected: match.expected,
    events,
  };
}
