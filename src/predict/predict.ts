import { olderThan } from '../kernel/releases.js';
import { namesOf, VARIANTS } from '../kernel/variants.js';
import type { FlushBy } from '../machine/kernel.js';
import { readerKind } from '../machine/readers.js';
import type { EventQuote } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { VERSION } from '../version.js';
import { Decider } from './decide.js';
import type { FreedGroup } from './freed.js';
import { type FreedIn, type FreedOptions, freedIn } from './freed-in.js';
import { inWords } from './freed-words.js';
import {
  PREDICT_LIMITS,
  PREDICT_SCHEMA,
  type PredictGroup,
  type PredictReader,
  type PredictReport,
} from './report.js';

export interface PredictOptions extends FreedOptions {
  /** Kinds of walkers asked for; default: those in software, and the page walker of another CPU. */
  readonly readers?: readonly string[] | undefined;
}

export const PREDICT_READERS: readonly string[] = [
  'gup-fast',
  'pte-offset-map',
  'pte-offset-map-lock',
  'hardware',
];
/** Since then RCU takes a CPU with interrupts off for a reader (the flavours were made one). */
const ONE_FLAVOUR = '4.20';

/**
 * For each release of a page table in a recording: would a walker of some kind have been safe there, at any point that
 * the recorded order allows?
 *
 * Throws TraceError when an input cannot be read at all, UsageError for an unknown variant, reader or release.
 */
export async function predict(options: PredictOptions): Promise<PredictReport> {
  const readers = options.readers?.length ? options.readers : PREDICT_READERS;
  for (const name of readers) {
    if (name === 'pgd-list') throw new UsageError('pgd-list walks no table that a gather frees');
    readerKind(name);
  }
  const recorded = await freedIn(options);
  const { groups, candidates, release, quote } = recorded;
  const flushBy = flushesBy(recorded);
  const decider = new Decider({
    flushBy,
    irqsOffIsReader: release === null || !olderThan(release, ONE_FLAVOUR),
    singlePaths: VARIANTS.filter((_, i) => (candidates & (1 << i)) !== 0).map((v) => v.singlePath),
  });
  return {
    schema: PREDICT_SCHEMA,
    version: VERSION,
    inputs: recorded.inputs,
    variants: namesOf(candidates),
    frees: groups.reduce((sum, g) => sum + g.frees, 0),
    flushBy,
    readers: readers.map((reader) => answers(reader, groups, decider, quote)),
    limits: PREDICT_LIMITS,
    partial: recorded.partial,
  };
}

/** Interrupts that were seen are how flushes go here; guests of KVM leave a note for a vCPU that does not run. */
function flushesBy(freed: FreedIn): FlushBy[] {
  const { candidates } = freed;
  const guest = VARIANTS.some((v, i) => (candidates & (1 << i)) !== 0 && v.machine === 'pv-guest');
  if (freed.flushIpis)
    return [...(freed.broadcasts ? (['invlpgb'] as const) : []), 'ipi', ...(guest ? (['kvm'] as const) : [])];
  return freed.broadcasts ? ['invlpgb'] : ['ipi', 'hypercall', 'invlpgb'];
}

function answers(
  reader: string,
  groups: readonly FreedGroup[],
  decider: Decider,
  quote: (ref: EvidenceRef, role: string) => EventQuote[],
): PredictReader {
  const sums = { candidate: 0, safe: 0, unknown: 0 };
  const out: PredictGroup[] = [];
  for (const { path, frees, at } of groups) {
    const answer = decider.answer(path, reader);
    sums[answer.verdict] += frees;
    out.push({
      path: inWords(path),
      frees,
      ...answer,
      events: at.slice(0, 1).flatMap((a) => [...quote(a.unlink, 'unlinked'), ...quote(a.free, 'released')]),
    });
  }
  const order = { candidate: 0, unknown: 1, safe: 2 } as const;
  out.sort((a, b) => order[a.verdict] - order[b.verdict] || b.frees - a.frees);
  return { reader, candidates: sums.candidate, safe: sums.safe, unknown: sums.unknown, groups: out };
}
