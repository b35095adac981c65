import type { PhaseWatch } from '../breakdown/summary.js';
import { fullAddress } from '../kernel/base-tops.js';
import type { Bases } from '../kernel/bases.js';
import { OP } from '../kernel/ops.js';
import { namesOf, type VariantMask } from '../kernel/variants.js';
import type { PairCollector } from '../latency/pair-collector.js';
import { spanReports } from '../latency/spans.js';
import { eventQuote, quoteLines } from '../parsers/input/evidence.js';
import type { MachineNames } from '../parsers/input/machines.js';
import type { ScannedInput } from '../parsers/input/open-input.js';
import type { RecordingFacts } from '../parsers/input/recording-facts.js';
import type { Pipeline, PipelineRun } from '../read/pipeline.js';
import type { ReplayEngine } from '../replay/engine.js';
import { type Quote, quotedRefs, reportInvariants } from '../replay/report.js';
import { timelineReport } from '../replay/timeline-report.js';
import { type EventQuote, RESULT_SCHEMA, type Result, type VariantReport } from '../result/types.js';
import type { EvidenceRef } from '../timeline/batch.js';
import type { EventCounts } from '../timeline/event-counts.js';
import type { Filter } from '../timeline/filter.js';
import { isKnown } from '../timeline/is-known.js';
import { VERSION } from '../version.js';
import { conclude } from './conclude.js';
import type { QueueMeasures } from './queue-measures.js';

/** What is measured of the events themselves, beside the replay. */
export interface Measures {
  readonly filter: Filter | null;
  readonly syscall: string;
  readonly spans: PairCollector;
  readonly counts: EventCounts;
  readonly machines: MachineNames;
  /** Null where calls of several machines, or a part of them, would be added up. */
  readonly phases: PhaseWatch | null;
}

/** What an analysis has come to when everything is read. */
export interface Analysed {
  /** Findings quoted per rule. */
  readonly maxFindings: number;
  /** Variants that the user names; null: by what the trace allows. */
  readonly given: VariantMask | null;
  readonly pipeline: Pipeline;
  readonly run: PipelineRun;
  readonly replay: ReplayEngine;
  readonly facts: RecordingFacts;
  readonly measures: Measures;
  readonly queue: QueueMeasures;
}

/** Everything as it is reported, but for the summary. */
export async function resultOf(analysed: Analysed): Promise<Result> {
  const { maxFindings, given, pipeline, run, replay, facts, measures, queue } = analysed;
  const { time } = pipeline;
  const { kinds, candidates } = conclude(replay, run.inputs, facts, given);
  const wanted = evidenceWanted(replay, maxFindings, queue.walks.refs());
  run.recent?.keep(wanted);
  const quotes = await quoteLines(wanted, run.inputs, pipeline, run.recent);
  const quote: Quote = (ref, role) => eventQuote(quotes.get(ref), ref, role, pipeline);
  const spent = time.unit === 'ns' ? measures.phases?.finish() : null;
  const lookups = replay.operations[OP.MAPR]!;
  const headers = run.inputs.map((i) => i.header);
  const levels = [...facts.levels()];
  return {
    schema: RESULT_SCHEMA,
    version: VERSION,
    inputs: run.inputs.map((i) => i.report),
    timeline: {
      ...timelineReport(replay, headers, time, measures.filter),
      ...(run.joins.length > 0 ? { joins: [...run.joins] } : {}),
    },
    variant: variantReport(replay, candidates, given, quote),
    bases: basesReport(run.bases),
    ...(levels.length === 0 ? {} : { levels }),
    probes: measures.counts.list(),
    invariants: reportInvariants(
      replay.ledger,
      replay.coverage,
      candidates,
      quote,
      maxFindings,
      isWhole(replay, run.inputs) ? kinds.set : new Set(),
      facts.features(),
    ),
    latency: [...spanReports(measures.spans, measures.syscall, time), ...queue.delays.reports(time)],
    deferred: queue.deferred.report(time),
    ...(spent ? { phases: spent } : {}),
    ...(lookups > 0 ? { readers: queue.walks.report(time, lookups, quote) } : {}),
    operations: operations(replay),
    summary: {
      findings: 0,
      undecided: 0,
      checked: 0,
      tableFrees: tableFrees(replay, queue.count),
      partial: run.partial,
    },
  };
}

/** One recording with nothing lost or cut off: a probe that it says was set and that shows nothing was not hit. */
const isWhole = (replay: ReplayEngine, inputs: readonly ScannedInput[]): boolean =>
  inputs.length === 1 &&
  inputs[0]!.report.error === undefined &&
  !inputs[0]!.report.notes.some((note) => note.code === 'cut-file' || note.code === 'silent-loss') &&
  replay.cpus.every((cpu) => cpu.lossIntervals === 0);

/** Lines that the result quotes, as far as it has come. */
export function evidenceWanted(
  replay: ReplayEngine,
  maxFindings: number,
  readers: readonly EvidenceRef[],
): EvidenceRef[] {
  const refs = quotedRefs(replay.ledger, maxFindings);
  const shown = replay.detectors.flatMap((d) => d.evidence);
  for (const evidence of shown) for (const ref of evidence.refs) refs.add(ref);
  for (const ref of readers) refs.add(ref);
  return [...refs].filter((ref) => ref >= 0).sort((a, b) => a - b);
}

function variantReport(
  replay: ReplayEngine,
  candidates: VariantMask,
  given: VariantMask | null,
  quote: Quote,
): VariantReport {
  return {
    candidates: namesOf(candidates),
    how: given ? 'given' : 'detected',
    evidence: replay.detectors
      .flatMap((d) => d.evidence)
      .map((e) => ({
        text: e.text,
        keeps: namesOf(e.keepsMask),
        events: e.refs.map((ref) => quote(ref, 'evidence')).filter((q): q is EventQuote => q !== null),
      })),
  };
}

/** Operations that show a page table on its way out, or tell of it by trace markers. */
const FREES = [
  OP.TR,
  OP.APP,
  OP.PVOP,
  OP.UL,
  OP.DEFER,
  OP.LINK,
  OP.SETE,
  OP.PGD,
  OP.DEP,
  OP.BIND,
  OP.REUSE,
  OP.DR,
];

/** What there is to judge: 0 only where no page table is freed, and no fact of one is told. */
const tableFrees = (replay: ReplayEngine, queued: number): number =>
  FREES.reduce((sum, kind) => sum + replay.operations[kind]!, queued);

function operations(replay: ReplayEngine): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, kind] of Object.entries(OP)) {
    const n = replay.operations[kind]!;
    if (n > 0) counts[name] = n;
  }
  return counts;
}

function basesReport({ vmemmap, directMap, tops, how }: Bases): Result['bases'] {
  const said = (addr: number, top: number): string | null => (isKnown(addr) ? fullAddress(addr, top) : null);
  return { vmemmap: said(vmemmap, tops.vmemmap), directMap: said(directMap, tops.directMap), how };
}
