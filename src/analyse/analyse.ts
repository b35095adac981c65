import { PhaseWatch } from '../breakdown/summary.js';
import { OP } from '../kernel/ops.js';
import { parseRelease } from '../kernel/releases.js';
import { maskOf, namesOf, type VariantMask } from '../kernel/variants.js';
import { DeferredTables } from '../latency/deferred.js';
import { CallbackDelays, delayKind } from '../latency/delays.js';
import { PairCollector } from '../latency/pair-collector.js';
import { spanReports } from '../latency/spans.js';
import { eventQuote, quoteLines } from '../parsers/input/evidence.js';
import { MachineNames, machinesApart } from '../parsers/input/machines.js';
import type { ScannedInput } from '../parsers/input/open-input.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { newPipeline, type Pipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import { DISORDER, ReplayEngine } from '../replay/engine.js';
import type { Evidence } from '../replay/evidence.js';
import type { Monitor } from '../replay/monitor.js';
import { kernelRule, type Quote, quotedRefs, reportInvariants } from '../replay/report.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import { timelineReport } from '../replay/timeline-report.js';
import { type EventQuote, RESULT_SCHEMA, type Result, type VariantReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { EventCounts } from '../timeline/event-counts.js';
import { Filter, type FilterSpec } from '../timeline/filter.js';
import { isKnown } from '../timeline/is-known.js';
import { VERSION } from '../version.js';
import { conclude } from './conclude.js';
import { QueueScope } from './queue-scope.js';
import { ReaderMargins } from './reader-margins.js';

export interface AnalyseOptions extends PipelineOptions {
  /** Any skipped line is a finding. */
  readonly strict?: boolean | undefined;
  /** Ids of invariants for which unknown is a finding. */
  readonly require?: readonly string[] | undefined;
  /** Kernel variants it can be; default: what the trace allows. */
  readonly variants?: readonly string[] | undefined;
  /** Release of the recorded kernel, `7.3`; default: what the recording says. */
  readonly kernel?: string | undefined;
  /** Syscall whose spans are measured; default munmap. */
  readonly syscall?: string | undefined;
  readonly groupBy?: 'all' | 'comm' | undefined;
  readonly filter?: FilterSpec | undefined;
  /** Monitors that are told of everything the machine does, made anew for each capture. */
  readonly watch?: ((pipeline: Pipeline, evidence: Evidence) => readonly Monitor[]) | undefined;
  /** Findings listed per invariant; default 10. */
  readonly maxFindings?: number | undefined;
}

const DEFAULT_FINDINGS = 10;

/**
 * Read, replay and measure; the one place that composes the parts.
 *
 * Throws TraceError when an input cannot be read at all, UsageError for an unknown variant or invariant id.
 */
export async function analyse(options: AnalyseOptions): Promise<Result> {
  for (const id of options.require ?? []) {
    if (!CATALOGUE.some((info) => info.id === id)) throw new UsageError(`unknown invariant ${id}`);
  }
  const given = options.variants?.length ? maskOf(...options.variants) : null;
  if (options.kernel !== undefined && !parseRelease(options.kernel)) {
    throw new UsageError(`'${options.kernel}' is no kernel release, e.g. 7.3 or 6.12.117`);
  }
  const maxFindings = options.maxFindings ?? DEFAULT_FINDINGS;
  const pipeline = newPipeline();
  const paths = await machinesApart(options.paths);
  const machines = new MachineNames(paths);
  const filter = Filter.isEmpty(options.filter)
    ? null
    : new Filter(options.filter!, pipeline.names, pipeline.time);
  const syscall = options.syscall ?? 'munmap';
  const spans = new PairCollector({
    source: { kind: 'syscall', name: syscall },
    by: [...(machines.several ? [machines] : []), ...(options.groupBy === 'comm' ? (['comm'] as const) : [])],
    events: pipeline.events,
    names: pipeline.names,
    ...(filter ? { filter: (ts, cpu, pid, comm) => filter.shows(ts, cpu, pid, comm, Number.NaN) } : {}),
  });
  const delays = new CallbackDelays();
  const deferred = new DeferredTables();
  const readers = new ReaderMargins();
  const counts = new EventCounts(pipeline.events);
  const phases = filter || machines.several ? null : new PhaseWatch(syscall);
  let engine: ReplayEngine | null = null;
  let queued = 0;
  const scope = new QueueScope(filter !== null, () => engine!.ledger.hidden);
  const release = options.kernel === undefined ? [] : [`kernel Linux ${options.kernel}`];
  const facts = options.facts ?? new RecordingFacts([...release, ...(options.known ?? [])]);
  const run = await runPipeline(pipeline, { ...options, paths, facts }, (decoder) => {
    engine = new ReplayEngine({
      names: pipeline.names,
      time: pipeline.time,
      funcs: pipeline.funcs,
      decoder,
      variants: given,
      filter,
      maxFindings: Math.max(maxFindings, 50),
      // A log made from a program: one clock, and the rules of the release that the model is of.
      release: () => parseRelease(facts.kernel().release || (facts.value('model') ?? '')),
      phases: phases ?? undefined,
      exactClock: () => facts.value('model') !== null,
      watch: options.watch && ((evidence) => options.watch!(pipeline, evidence)),
      mayMiss: () => facts.missed.size > 0,
      listener: {
        queued: (tsNs, func, tables, known) => {
          if (!scope.queued(tsNs)) return;
          queued++;
          deferred.queued(tsNs, known ? tables : Number.NaN, delayKind(func) === 'batch');
        },
        ran: (crTsNs, cbTsNs, func, tables, known) => {
          const kind = delayKind(func);
          if (!kind || !scope.ran(crTsNs)) return;
          queued++;
          delays.ran(crTsNs, cbTsNs, known ? tables : Number.NaN, kind);
          deferred.ran(cbTsNs, known ? tables : Number.NaN, kind === 'batch');
        },
        censored: (func, why) => {
          const kind = delayKind(func);
          if (!kind || !scope.censored(why)) return;
          queued++;
          delays.censored(kind, why);
        },
        segment: (tsNs) => deferred.segment(tsNs),
        walks: readers,
      },
    });
    const replay = engine;
    return {
      batch: (batch) => {
        counts.batch(batch);
        spans.observeBatch(batch);
        replay.batch(batch);
      },
      boundary: () => {
        spans.segment();
        replay.boundary();
      },
    };
  });

  const replay = engine!;
  replay.finish();
  spans.finish();
  machines.learn(run.inputs.map((i) => i.report.path));
  if (replay.disorder) run.inputs[0]?.report.notes.push({ code: 'out-of-order', message: DISORDER });
  else if (replay.excerpts > 0) {
    const message = `the time of several CPUs goes back together ${replay.excerpts} times: each time another excerpt begins`;
    run.inputs[0]?.report.notes.push({ code: 'excerpts', message });
  }
  const { kinds, candidates } = conclude(replay, run.inputs, facts, given);
  const wanted = evidenceWanted(replay, maxFindings, readers.refs());
  const quotes = await quoteLines(wanted, run.inputs, pipeline);
  const quote: Quote = (ref, role) => eventQuote(quotes.get(ref), ref, role, pipeline);
  const invariants = reportInvariants(
    replay.ledger,
    replay.coverage,
    candidates,
    quote,
    maxFindings,
    isWhole(replay, run.inputs) ? kinds.set : new Set(),
    facts.features(),
  );
  const spent = pipeline.time.unit === 'ns' ? phases?.finish() : null;
  const result: Result = {
    schema: RESULT_SCHEMA,
    version: VERSION,
    inputs: run.inputs.map((i) => i.report),
    timeline: {
      ...timelineReport(
        replay,
        run.inputs.map((i) => i.header),
        pipeline.time,
        filter,
      ),
      ...(run.joins.length > 0 ? { joins: [...run.joins] } : {}),
    },
    variant: variantReport(replay, candidates, given, quote),
    bases: {
      vmemmap: hex(run.bases.vmemmap),
      directMap: hex(run.bases.directMap),
      how: run.bases.how,
    },
    probes: counts.list(),
    invariants,
    latency: [...spanReports(spans, syscall, pipeline.time), ...delays.reports(pipeline.time)],
    deferred: deferred.report(pipeline.time),
    ...(spent ? { phases: spent } : {}),
    ...(replay.operations[OP.MAPR]! > 0
      ? { readers: readers.report(pipeline.time, replay.operations[OP.MAPR]!, quote) }
      : {}),
    operations: operations(replay),
    summary: {
      findings: 0,
      undecided: 0,
      checked: 0,
      tableFrees: tableFrees(replay, queued),
      partial: run.partial,
    },
  };
  summarise(result, options);
  return result;
}

/** One recording with nothing lost or cut off: a probe that it says was set and that shows nothing was not hit. */
const isWhole = (replay: ReplayEngine, inputs: readonly ScannedInput[]): boolean =>
  inputs.length === 1 &&
  inputs[0]!.report.error === undefined &&
  !inputs[0]!.report.notes.some((note) => note.code === 'cut-file' || note.code === 'silent-loss') &&
  replay.cpus.every((cpu) => cpu.lossIntervals === 0);

function evidenceWanted(
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

/** A finding is a violation, an unknown that was required to be decided, or (strict) a skipped line. */
function summarise(result: Result, options: AnalyseOptions): void {
  const { summary } = result;
  for (const invariant of result.invariants) {
    if (invariant.verdict === 'not-applicable') continue;
    summary.checked++;
    if (invariant.verdict === 'unknown') summary.undecided++;
    summary.findings += invariant.instances.violated;
    if (invariant.verdict === 'unknown' && options.require?.includes(invariant.id)) {
      summary.findings++;
      invariant.findings.push({
        message: `required to be decided, but unknown: ${invariant.reason}`,
        severity: invariant.severity,
        basis: 'observed',
        events: [],
        held: [],
        missing: '',
        missingBefore: 0,
        ...kernelRule(CATALOGUE.find((info) => info.id === invariant.id)!),
        flipNs: null,
      });
    }
  }
  if (options.strict) for (const input of result.inputs) summary.findings += input.lines.skipped;
}

function operations(replay: ReplayEngine): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, kind] of Object.entries(OP)) {
    const n = replay.operations[kind]!;
    if (n > 0) counts[name] = n;
  }
  return counts;
}

function hex(addr: number): string | null {
  if (!isKnown(addr)) return null;
  // Canonical kernel addresses: the bits above the stored 53 are all ones.
  return `0x${(BigInt(addr) | 0xffe0_0000_0000_0000n).toString(16)}`;
}
