import { OP, type OpKind } from '../kernel/ops.js';
import { probeKinds } from '../kernel/probe-kinds.js';
import { olderThan, parseRelease } from '../kernel/releases.js';
import { ALL_VARIANTS, maskOf, namesOf, VARIANTS, type VariantMask } from '../kernel/variants.js';
import { variantsOf } from '../kernel/variants-of-release.js';
import type { FlushBy } from '../machine/kernel.js';
import { readerKind } from '../machine/readers.js';
import { quoteLines } from '../parsers/input/evidence.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { newPipeline, type Pipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import { ReplayEngine } from '../replay/engine.js';
import type { EventQuote } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import { type EvidenceRef, refInput } from '../timeline/batch.js';
import { VERSION } from '../version.js';
import { Decider } from './decide.js';
import { type FreedGroup, type FreedPath, FreedTables } from './freed.js';
import {
  PREDICT_LIMITS,
  PREDICT_SCHEMA,
  type PredictGroup,
  type PredictReader,
  type PredictReport,
} from './report.js';

export interface PredictOptions extends PipelineOptions {
  /** Kinds of walkers asked for; default: those in software, and the page walker of another CPU. */
  readonly readers?: readonly string[] | undefined;
  /** Variants the recording can be of; default: what it shows. */
  readonly variants?: readonly string[] | undefined;
  /** Release of the recorded kernel; default: what the recording says. */
  readonly kernel?: string | undefined;
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
  const given = options.variants?.length ? maskOf(...options.variants) : null;
  const named = options.kernel === undefined ? null : parseRelease(options.kernel);
  if (options.kernel !== undefined && !named)
    throw new UsageError(`'${options.kernel}' is no kernel release, e.g. 7.3 or 6.12.117`);
  const pipeline = newPipeline();
  const facts = options.facts ?? new RecordingFacts();
  const freed = new FreedTables();
  let engine: ReplayEngine | null = null;
  const release = () => named ?? parseRelease(facts.kernel().release || (facts.value('model') ?? ''));
  const run = await runPipeline(pipeline, { ...options, facts }, (decoder) => {
    engine = new ReplayEngine({
      names: pipeline.names,
      time: pipeline.time,
      funcs: pipeline.funcs,
      decoder,
      variants: given,
      filter: null,
      maxFindings: 1,
      release,
      exactClock: () => facts.value('model') !== null,
      listener: null,
      monitors: (evidence) => [freed.monitor(evidence)],
    });
    const replay = engine;
    return { batch: (batch) => replay.batch(batch), boundary: () => replay.boundary() };
  });
  const replay = engine!;
  replay.finish();
  const said = facts.kernel();
  const byRelease: VariantMask =
    given === null
      ? variantsOf({ release: options.kernel ?? said.release, config: said.config })
      : ALL_VARIANTS;
  const candidates = replay.session.settle(byRelease);
  const flushBy = flushesBy(freed, candidates);
  const old = release();
  const groups = doubted(freed.list, probeKinds(facts.probes, facts.events, facts.missed).missed);
  const decider = new Decider({
    flushBy,
    irqsOffIsReader: old === null || !olderThan(old, ONE_FLAVOUR),
    singlePaths: VARIANTS.filter((_, i) => (candidates & (1 << i)) !== 0).map((v) => v.singlePath),
  });
  const refs = freed.list.flatMap((g) => g.at.flatMap((at) => [at.unlink, at.free]));
  const quotes = await quoteLines(
    [...new Set(refs)].filter((r) => r >= 0).sort((a, b) => a - b),
    run.inputs,
    pipeline,
  );
  const quote = (ref: EvidenceRef, role: string): EventQuote[] => told(quotes.get(ref), ref, role, pipeline);
  return {
    schema: PREDICT_SCHEMA,
    version: VERSION,
    inputs: run.inputs.map((i) => i.report),
    variants: namesOf(candidates),
    frees: freed.list.reduce((sum, g) => sum + g.frees, 0),
    flushBy,
    readers: readers.map((reader) => answers(reader, groups, decider, quote)),
    limits: PREDICT_LIMITS,
    partial: run.partial,
  };
}

/** A probe that missed hits shows no absence. */
function doubted(groups: readonly FreedGroup[], missed: ReadonlyMap<OpKind, string>): FreedGroup[] {
  const any = (...kinds: OpKind[]): boolean => kinds.some((kind) => missed.has(kind));
  const [flush, ipi, rcu] = [any(OP.FR, OP.FD), any(OP.SYNC1, OP.IS), any(OP.SYNCR)];
  return groups.map(({ path, ...rest }) => ({
    ...rest,
    path: {
      ...path,
      flush: flush && path.flush === 'no' ? 'unknown' : path.flush,
      syncIpi: ipi && path.syncIpi === 'no' ? 'unknown' : path.syncIpi,
      syncRcu: rcu && path.syncRcu === 'no' ? 'unknown' : path.syncRcu,
    },
  }));
}

/** Interrupts that were seen are how flushes go here; guests of KVM leave a note for a vCPU that does not run. */
function flushesBy(freed: FreedTables, candidates: VariantMask): FlushBy[] {
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

const UNDER = {
  munmap: 'VMA detached before',
  reclaim: 'reclaimed under mmap_lock for reading',
  retract: 'retracted by khugepaged',
  exit: 'the mm has no user left',
} as const;

function inWords(path: FreedPath): string {
  const flush = {
    tables: 'flushed',
    leaf: 'flushed, lazy CPUs skipped',
    no: 'not flushed',
    unknown: 'flush not shown',
  };
  const parts = [
    path.under === null ? 'unlinked' : UNDER[path.under],
    ...(path.flushLate ? [] : [flush[path.flush]]),
    ...(path.syncIpi === 'yes' ? ['IPI to all CPUs'] : []),
    ...(path.syncRcu === 'yes' ? ['grace period on the spot'] : []),
    path.end === 'call-rcu'
      ? 'released by its callback'
      : path.end === 'free'
        ? 'released by its task'
        : 'released',
    ...(path.flushLate ? ['flushed only after call_rcu()'] : []),
  ];
  return parts.join(', ');
}

type Line = Awaited<ReturnType<typeof quoteLines>> extends Map<number, infer Q> ? Q : never;

function told(line: Line | undefined, ref: EvidenceRef, role: string, pipeline: Pipeline): EventQuote[] {
  if (!line) return [];
  return [
    {
      input: refInput(ref),
      line: line.line,
      offset: line.offset,
      tsNs: Number.isFinite(line.tsNs) ? pipeline.time.absolute(line.tsNs) : '0',
      cpu: line.cpu,
      task: line.task,
      text: line.text,
      role,
    },
  ];
}
