import { existsSync } from 'node:fs';
import type { Decoder } from '../kernel/decoder.js';
import type { KeyPart } from '../latency/group-keys.js';
import { PairCollector, type SpanGroup } from '../latency/pair-collector.js';
import { describeSource, type SpanSource } from '../latency/span-source.js';
import { isStored } from '../parsers/input/chunks.js';
import { MachineNames, machinesApart } from '../parsers/input/machines.js';
import { newPipeline, type Pipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import type { InputReport } from '../result/types.js';
import type { RecordBatch } from '../timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../timeline/events.js';
import { Filter, type FilterSpec } from '../timeline/filter.js';

export interface CollectOptions extends PipelineOptions {
  readonly source: SpanSource;
  readonly by?: readonly KeyPart[] | undefined;
  readonly filter?: FilterSpec | undefined;
  /** Durations also kept in the order the spans ended, at most this many; default none. */
  readonly keepOrder?: number | undefined;
  readonly exactLimit?: number | undefined;
}

/** The spans of one source in one or several recordings, read one after the other. */
export interface SpanRun {
  readonly inputs: readonly InputReport[];
  readonly groups: readonly SpanGroup[];
  /** ns, in order of their ends, the first `keepOrder` of all groups. */
  readonly ordered: Float64Array;
  /** All durations are in `ordered`. */
  readonly orderedAll: boolean;
  readonly unit: 'ns' | 'ticks';
  /** The recorder measured every duration: they need no clock. */
  readonly measured: boolean;
  readonly resolutionNs: number;
  /** First to last event, added up over captures, within --since and --until; 0 with fewer than two events. */
  readonly windowNs: number;
  readonly filter: string | null;
  /** Groups have the machine as the first part of their key. */
  readonly byMachine: boolean;
  readonly partial: boolean;
  readonly notes: readonly string[];
  /** Where nothing of the source is in it: what has durations that its lines carry (`--span NAME`). */
  readonly measurable: readonly string[];
}

/** What is measured where nothing says it. */
const MUNMAP: SpanSource = { kind: 'syscall', name: 'munmap' };

/**
 * As `collectSpans`; without a source: munmap, or, of a file without one, the only thing that its lines measure, such as
 * the latency column of a table.
 */
export async function collectAny(
  options: Omit<CollectOptions, 'source'> & { readonly source?: SpanSource | undefined },
): Promise<{ run: SpanRun; source: SpanSource }> {
  const source = options.source ?? MUNMAP;
  const run = await collectSpans({ ...options, source });
  const [only, ...more] = run.measurable;
  const again = options.source === undefined && only !== undefined && more.length === 0;
  if (!again || run.partial || !options.paths.every((p) => isStored(splitMachine(p)))) return { run, source };
  const span: SpanSource = { kind: 'span', name: only };
  const second = await collectSpans({ ...options, source: span });
  return { run: second, source: span };
}

const splitMachine = (path: string): string => (existsSync(path) ? path : path.replace(/#.*$/s, ''));

/** Throws TraceError when an input cannot be read at all. */
export async function collectSpans(options: CollectOptions): Promise<SpanRun> {
  const pipeline = newPipeline();
  const paths = await machinesApart(options.paths);
  const machines = new MachineNames(paths);
  const filter = Filter.isEmpty(options.filter)
    ? null
    : new Filter(options.filter!, pipeline.names, pipeline.time);
  const span = new Window(options.filter, pipeline);
  let collectors: PairCollector[] = [];
  const orders = [new Ordered(options.keepOrder ?? 0), new Ordered(options.keepOrder ?? 0)];
  const make = (decoder: Decoder, rcuWay: 'probes' | 'tracepoints', order: Ordered): PairCollector =>
    new PairCollector({
      source: options.source,
      by: [...(machines.several ? [machines] : []), ...(options.by ?? [])],
      events: pipeline.events,
      names: pipeline.names,
      funcs: pipeline.funcs,
      decoder,
      rcuWay,
      ...(filter ? { filter: (ts, cpu, pid, comm) => filter.shows(ts, cpu, pid, comm, Number.NaN) } : {}),
      ...(options.keepOrder === undefined ? {} : { onSpan: (_group, durationNs) => order.add(durationNs) }),
      exactLimit: options.exactLimit,
      cpuForThread: true,
    });
  const run = await runPipeline(pipeline, { ...options, paths }, (decoder) => {
    collectors = [make(decoder, 'probes', orders[0]!)];
    if (options.source.kind === 'rcu') collectors.push(make(decoder, 'tracepoints', orders[1]!));
    return {
      batch: (batch) => {
        span.observe(batch);
        for (const c of collectors) c.observeBatch(batch);
      },
      boundary: () => {
        span.close();
        for (const c of collectors) c.segment();
      },
    };
  });
  for (const c of collectors) c.finish();
  machines.learn(run.inputs.map((i) => i.report.path));
  const notes: string[] = [];
  let chosen = collectors[0]!;
  let order = orders[0]!;
  const second = collectors[1];
  if (second && spansOf(second) > spansOf(chosen)) {
    chosen = second;
    order = orders[1]!;
    notes.push('taken from the rcu tracepoints: the probes show fewer of these callbacks');
  } else if (second && spansOf(chosen) > 0 && hasEvent(pipeline, 'rcu_invoke_callback'))
    notes.push(LATER_THAN_REPLAY);
  const nothing = chosen.rows.begins + chosen.rows.ends === 0;
  const measurable = nothing && options.source.kind !== 'span' ? measuredIn(pipeline) : [];
  if (nothing) notes.push(absent(options.source, pipeline, measurable));
  notes.push(...chosen.notes());
  return {
    inputs: run.inputs.map((i) => i.report),
    groups: chosen.results(),
    ordered: order.values.subarray(0, order.count),
    orderedAll: order.all && options.keepOrder !== undefined,
    unit: chosen.measured ? 'ns' : pipeline.time.unit,
    measured: chosen.measured,
    resolutionNs: pipeline.time.resolutionNs,
    windowNs: pipeline.time.unit === 'ticks' && chosen.measured ? 0 : span.total(),
    filter: filter?.describe() ?? null,
    byMachine: machines.several,
    partial: run.partial,
    notes,
    measurable,
  };
}

const spansOf = (c: PairCollector): number => c.results().reduce((n, g) => n + g.durations.count, 0);

/** Values in order, the first `limit` of them. */
class Ordered {
  values = new Float64Array(0);
  count = 0;
  all = true;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(value: number): void {
    if (this.count >= this.limit) {
      this.all = false;
      return;
    }
    if (this.count === this.values.length) {
      const bigger = new Float64Array(Math.min(this.limit, Math.max(1024, this.count * 2)));
      bigger.set(this.values);
      this.values = bigger;
    }
    this.values[this.count++] = value;
  }
}

/** Time covered by events, capture by capture. */
class Window {
  private first = Number.NaN;
  private last = Number.NaN;
  private sum = 0;
  private readonly clip: Filter | null;

  constructor(spec: FilterSpec | undefined, pipeline: Pipeline) {
    const times = { sinceNs: spec?.sinceNs, untilNs: spec?.untilNs };
    this.clip = Filter.isEmpty(times) ? null : new Filter(times, pipeline.names, pipeline.time);
  }

  observe(batch: RecordBatch): void {
    for (let row = 0; row < batch.length; row++) {
      if (batch.event[row] === RESERVED.segment) this.close();
      if (batch.event[row]! <= LAST_RESERVED) continue;
      const ts = batch.tsNs[row]!;
      if (this.clip && !this.clip.shows(ts, 0, 0, 0, Number.NaN)) continue;
      if (!(ts >= this.first)) this.first = ts;
      if (!(ts <= this.last)) this.last = ts;
    }
  }

  close(): void {
    if (this.last > this.first) this.sum += this.last - this.first;
    this.first = Number.NaN;
    this.last = Number.NaN;
  }

  total(): number {
    this.close();
    return this.sum;
  }
}

/** One delay, two ends: the probe on the callback comes some microseconds behind the tracepoint before it. */
const LATER_THAN_REPLAY =
  'ends at the probe on the callback; `replay` ends these delays where rcu:rcu_invoke_callback announces it, a little earlier';

const hasEvent = (pipeline: Pipeline, name: string): boolean => {
  for (let id = LAST_RESERVED + 1; id < pipeline.events.size; id++)
    if (pipeline.events.head(id).name === name) return true;
  return false;
};

/** What the lines carry durations of, by name. */
function measuredIn(pipeline: Pipeline): string[] {
  const names = new Set<string>();
  for (let id = LAST_RESERVED + 1; id < pipeline.events.size; id++) {
    const head = pipeline.events.head(id);
    const name = head.symbol || head.name;
    if (head.kind === 'span' && !name.startsWith('(')) names.add(name);
  }
  return [...names].sort();
}

/** Names a reader may have meant, most telling first. */
function absent(source: SpanSource, pipeline: Pipeline, measurable: readonly string[]): string {
  const names = new Set<string>();
  for (let id = LAST_RESERVED + 1; id < pipeline.events.size; id++) {
    const head = pipeline.events.head(id);
    if (source.kind === 'syscall' && head.kind.startsWith('syscall')) names.add(head.name);
    else if (source.kind === 'span' && head.kind === 'span') names.add(head.symbol || head.name);
    else if (source.kind === 'func' && head.kind === 'retprobe') names.add(head.symbol || head.name);
    else if (source.kind === 'events' && head.kind !== 'function' && head.kind !== 'span')
      names.add(head.name);
  }
  if (names.size === 0 && measurable.length > 0)
    return `nothing in this recording is ${describeSource(source)}; it has durations of ${measurable.slice(0, 12).join(', ')}: --span ${measurable[0]!} measures one`;
  const list = [...names].sort();
  const shown = list.slice(0, 12).join(', ');
  const has =
    list.length === 0 ? '' : `; it has ${shown}${list.length > 12 ? ` and ${list.length - 12} more` : ''}`;
  return `nothing in this recording is ${describeSource(source)}${has}`;
}
