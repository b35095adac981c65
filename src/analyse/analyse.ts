import { PhaseWatch } from '../breakdown/summary.js';
import type { Decoder } from '../kernel/decoder.js';
import { parseRelease } from '../kernel/releases.js';
import { maskOf, type VariantMask } from '../kernel/variants.js';
import { PairCollector } from '../latency/pair-collector.js';
import { MachineNames, machinesApart } from '../parsers/input/machines.js';
import type { ScannedInput } from '../parsers/input/open-input.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { newPipeline, type Pipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import { ReplayEngine } from '../replay/engine.js';
import type { Evidence } from '../replay/evidence.js';
import type { Monitor } from '../replay/monitor.js';
import { kernelRule } from '../replay/report.js';
import { CATALOGUE } from '../replay/rules/catalogue.js';
import type { Result } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { RecordBatch } from '../timeline/batch.js';
import { EventCounts } from '../timeline/event-counts.js';
import { Filter, type FilterSpec } from '../timeline/filter.js';
import type { Measured, MeasuredSpan } from './measured.js';
import { QueueMeasures } from './queue-measures.js';
import { evidenceWanted, type Measures, resultOf } from './result-of.js';

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
  /** Who is told of every span, delay and margin by itself; made when the recording is opened. */
  readonly measured?: ((pipeline: Pipeline) => Measured) | undefined;
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
  refuse(options);
  const given = givenVariants(options);
  const maxFindings = options.maxFindings ?? DEFAULT_FINDINGS;
  const pipeline = newPipeline();
  const paths = await machinesApart(options.paths);
  const measured = options.measured?.(pipeline);
  const measures = measuresOf(options, paths, pipeline, measured);
  let engine: ReplayEngine | null = null;
  const queue = new QueueMeasures(measures.filter !== null, () => engine!.ledger.hidden, measured);
  const release = options.kernel === undefined ? [] : [`kernel Linux ${options.kernel}`];
  const facts = options.facts ?? new RecordingFacts([...release, ...(options.known ?? [])]);
  const wanted = () => (engine ? evidenceWanted(engine, maxFindings, queue.walks.refs()) : []);
  const run = await runPipeline(pipeline, { ...options, paths, apart: true, facts, wanted }, (decoder) => {
    const replay = engineOf(options, pipeline, decoder, facts, measures, queue);
    engine = replay;
    return {
      batch: (batch) => {
        measures.counts.batch(batch);
        measures.spans.observeBatch(batch);
        replay.batch(batch);
      },
      boundary: () => {
        measures.spans.segment();
        replay.boundary();
      },
    };
  });
  const replay = engine!;
  replay.finish();
  measures.spans.finish();
  measures.machines.learn(run.inputs.map((i) => i.report.path));
  noteOrder(replay, run.inputs);
  const result = await resultOf({ maxFindings, given, pipeline, run, replay, facts, measures, queue });
  summarise(result, options);
  return result;
}

function refuse({ require, kernel }: AnalyseOptions): void {
  for (const id of require ?? []) {
    if (!CATALOGUE.some((info) => info.id === id)) throw new UsageError(`unknown invariant ${id}`);
  }
  if (kernel !== undefined && !parseRelease(kernel)) {
    throw new UsageError(`'${kernel}' is no kernel release, e.g. 7.3 or 6.12.117`);
  }
}

/** Variants that the user names; null: by what the trace allows. */
const givenVariants = ({ variants }: AnalyseOptions): VariantMask | null =>
  variants?.length ? maskOf(...variants) : null;

function measuresOf(
  options: AnalyseOptions,
  paths: readonly string[],
  pipeline: Pipeline,
  measured: Measured | undefined,
): Measures {
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
    ...(measured
      ? { onSpan: (_, durationNs, batch, row) => measured.span(spanOf(durationNs, batch, row)) }
      : {}),
  });
  const phases = filter || machines.several ? null : new PhaseWatch(syscall);
  return { filter, syscall, spans, counts: new EventCounts(pipeline.events), machines, phases };
}

const spanOf = (durationNs: number, { tsNs, cpu, pid, comm }: RecordBatch, row: number): MeasuredSpan => ({
  endNs: tsNs[row]!,
  durationNs,
  cpu: cpu[row]!,
  tid: pid[row]!,
  comm: comm[row]!,
});

function engineOf(
  options: AnalyseOptions,
  pipeline: Pipeline,
  decoder: Decoder,
  facts: RecordingFacts,
  { filter, phases }: Measures,
  queue: QueueMeasures,
): ReplayEngine {
  return new ReplayEngine({
    names: pipeline.names,
    time: pipeline.time,
    funcs: pipeline.funcs,
    events: pipeline.events,
    decoder,
    variants: givenVariants(options),
    filter,
    maxFindings: Math.max(options.maxFindings ?? DEFAULT_FINDINGS, 50),
    // A log made from a program: one clock, and the rules of the release that the model is of.
    release: () => parseRelease(facts.kernel().release || (facts.value('model') ?? '')),
    phases: phases ?? undefined,
    exactClock: () => facts.value('model') !== null,
    watch: options.watch && ((evidence) => options.watch!(pipeline, evidence)),
    mayMiss: () => facts.missed.size > 0,
    listener: queue,
  });
}

/** Says where the events are in no order of time, or are several excerpts. */
function noteOrder(replay: ReplayEngine, inputs: readonly ScannedInput[]): void {
  const notes = inputs[0]?.report.notes;
  if (replay.disorder !== null) notes?.push({ code: 'out-of-order', message: replay.disorder });
  else if (replay.excerpts > 0) {
    const message = `the time of several CPUs goes back together ${replay.excerpts} times: each time another excerpt begins`;
    notes?.push({ code: 'excerpts', message });
  }
}

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
