import type { Decoder } from '../kernel/decoder.js';
import { OP, Op } from '../kernel/ops.js';
import type { Distribution } from '../latency/histogram/distribution.js';
import { RECORD_TIMES } from '../latency/record-times.js';
import { machinesApart, splitMachine } from '../parsers/input/machines.js';
import { TraceError } from '../parsers/input/trace-error.js';
import { newPipeline, type Pipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import type { InputReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { RecordBatch } from '../timeline/batch.js';
import { LAST_RESERVED, RESERVED } from '../timeline/events.js';
import { VERSION } from '../version.js';
import { PHASES, type Phase, PhaseClock, SYSCALLS } from './phases.js';
import { type CpuView, PAGE_CLASSES, Shootdowns } from './shootdown.js';

export const BREAKDOWN_SCHEMA = 'pttrace/breakdown/1';

export interface BreakdownOptions extends PipelineOptions {
  /** `munmap` (default) or `madvise`. */
  readonly syscall?: string | undefined;
}

/** Times in ns. */
export interface Times {
  count: number;
  sumNs: number;
  p50Ns: number;
  p99Ns: number;
  maxNs: number;
}

export interface PhaseReport extends Times {
  phase: Phase;
  /** Events that began it; 0: no such probe fired, its time is in the phase before. */
  begins: number;
}

export interface PairReport extends Times {
  source: number;
  target: number;
  /** Answers stamped before their question: not in the times. */
  early: number;
}

export interface SlowAnswer {
  source: number;
  target: number;
  answerNs: number;
  reachedNs: number;
  input: number;
  line: number;
  comm: string;
  pid: number;
  lastEvent: string;
  /** How long before the handler that event was. */
  lastEventAgoNs: number | null;
}

/** Where the time of unmaps went. */
export interface Breakdown {
  schema: typeof BREAKDOWN_SCHEMA;
  version: string;
  inputs: InputReport[];
  /** `munmap`, or `mmu_gather` where the recording shows no syscall of that name. */
  what: string;
  spans: Times & { censored: number };
  phases: PhaseReport[];
  shootdown: {
    flushes: number;
    local: number;
    unanswered: number;
    waits: (Times & { pages: (typeof PAGE_CLASSES)[number]; targets: number })[];
    pairs: PairReport[];
    slowest: SlowAnswer[];
  };
  notes: string[];
  partial: boolean;
}

/** What the rows of a recording are told to: calls and gathers in phases, and the shootdowns within. */
class Spans {
  readonly calls: PhaseClock;
  readonly gathers = new PhaseClock({ gather: true });
  readonly shots = new Shootdowns();
  private readonly views = new Map<number, CpuView>();
  private readonly op = new Op();

  /** `syscall`: id of the one whose calls are divided. */
  constructor(syscall: number) {
    this.calls = new PhaseClock({ syscall });
  }

  batch(decoder: Decoder, batch: RecordBatch): void {
    for (let row = 0; row < batch.length; row++) {
      const event = batch.event[row]!;
      if (event === RESERVED.lost) this.cut();
      if (event > LAST_RESERVED) this.row(decoder, batch, row, event);
    }
  }

  private row(decoder: Decoder, batch: RecordBatch, row: number, event: number): void {
    const { op, views } = this;
    const cpu = batch.cpu[row]!;
    const means = decoder.decode(batch, row, op);
    if (means) {
      this.calls.step(op);
      this.gathers.step(op);
      if (SHOOTS.has(op.kind)) {
        const at = { input: batch.input, line: batch.line[row]! };
        this.shots.step(op, at, views.get(cpu) ?? NOTHING);
      }
    }
    // Handlers say nothing of what they interrupted.
    if (means && op.kind === OP.CALLF) return;
    views.set(cpu, { comm: batch.comm[row]!, pid: batch.pid[row]!, event, tsNs: batch.tsNs[row]! });
  }

  /** Nothing is carried over a loss. */
  private cut(): void {
    this.calls.cut();
    this.gathers.cut();
    this.shots.cut();
  }

  /** A new capture begins. */
  boundary(): void {
    this.cut();
    this.views.clear();
  }

  finish(): void {
    this.calls.finish();
    this.gathers.finish();
  }
}

/** Throws TraceError for an unreadable input or a clock of ticks, UsageError for a syscall that unmaps nothing. */
export async function breakdown(options: BreakdownOptions): Promise<Breakdown> {
  const name = options.syscall ?? 'munmap';
  const syscall = SYSCALLS[name];
  if (syscall === undefined)
    throw new UsageError(`no breakdown of ${name}: ${Object.keys(SYSCALLS).join(', ')}`);
  await oneMachine(options.paths);
  const pipeline = newPipeline();
  const spans = new Spans(syscall);
  const run = await runPipeline(pipeline, options, (decoder) => ({
    batch: (batch) => spans.batch(decoder, batch),
    boundary: () => spans.boundary(),
  }));
  spans.finish();
  if (pipeline.time.unit === 'ticks') {
    throw new TraceError(
      'no-times',
      `its lines have no times in ns: times cannot be broken down. ${RECORD_TIMES}`,
      {
        path: options.paths[0],
      },
    );
  }
  const { calls, gathers, shots } = spans;
  const clock = calls.spans.count > 0 ? calls : gathers;
  const notes = missing(clock);
  if (clock !== calls && gathers.spans.count > 0) {
    notes.unshift(
      `no ${name} in the recording: every mmu_gather, from tlb_gather_mmu() to the return of tlb_finish_mmu()`,
    );
  }
  return {
    schema: BREAKDOWN_SCHEMA,
    version: VERSION,
    inputs: run.inputs.map((i) => i.report),
    what: clock === calls ? name : 'mmu_gather',
    spans: { ...times(clock.spans), censored: clock.censored },
    phases: phasesOf(clock),
    shootdown: shootdownOf(shots, pipeline),
    notes,
    partial: run.partial,
  };
}

/** Throws UsageError for a path that holds the recordings of several machines. */
async function oneMachine(given: readonly string[]): Promise<void> {
  const paths = await machinesApart(given);
  const [machine] = paths.filter((path) => splitMachine(path).machine !== '');
  if (paths.length > given.length && machine !== undefined)
    throw new UsageError(`it holds several machines; say which, e.g. ${machine}`);
}

const phasesOf = (clock: PhaseClock): PhaseReport[] =>
  PHASES.map((phase, i) => ({
    phase,
    ...times(clock.each[i]!),
    sumNs: clock.sums[i]!,
    begins: clock.begins[i]!,
  }));

const shootdownOf = (shots: Shootdowns, { names, events }: Pipeline): Breakdown['shootdown'] => ({
  flushes: shots.flushes,
  local: shots.local,
  unanswered: shots.unanswered,
  waits: PAGE_CLASSES.flatMap((pages, i) =>
    shots.waits[i]!.count === 0 ? [] : [{ pages, targets: shots.targetsOf[i]!, ...times(shots.waits[i]!) }],
  ),
  pairs: [...shots.pairs]
    .map(([key, p]) => {
      const [source, target] = key.split(' ').map(Number) as [number, number];
      return { source, target, early: p.early, ...times(p.answers) };
    })
    .sort((x, y) => x.source - y.source || x.target - y.target),
  slowest: shots.slowest.map((s) => ({
    source: s.source,
    target: s.target,
    answerNs: s.answerNs,
    reachedNs: s.reachedNs,
    input: s.input,
    line: s.line,
    comm: s.comm < 0 ? '' : names.text(s.comm),
    pid: s.pid,
    lastEvent: s.lastEvent < 0 ? '' : events.head(s.lastEvent).name,
    lastEventAgoNs: s.lastEvent < 0 ? null : s.sentNs + s.reachedNs - s.lastEventNs,
  })),
});

const SHOOTS = new Set<number>([OP.FR, OP.FD, OP.FMULTI, OP.TLBF, OP.IS, OP.IE, OP.IX, OP.INV]);
const NOTHING: CpuView = { comm: -1, pid: -1, event: -1, tsNs: Number.NaN };

function times(d: Distribution): Times {
  const q = (p: number): number => (d.count === 0 ? 0 : d.quantile(p));
  return {
    count: d.count,
    sumNs: Number(d.sumNs),
    p50Ns: q(0.5),
    p99Ns: q(0.99),
    maxNs: d.count === 0 ? 0 : d.maxNs,
  };
}

/** Phases that no event can begin here, so that their time is in another. */
function missing(clock: PhaseClock): string[] {
  if (clock.spans.count === 0) return [];
  const probes: [Phase, string][] = [
    ['zap', 'unmap_vmas'],
    ['unlink', 'free_pgtables'],
    ['free', 'tlb_finish_mmu'],
    ['flush: own TLB', 'flush_tlb_mm_range'],
  ];
  const none = probes.filter(([phase]) => clock.begins[PHASES.indexOf(phase)] === 0);
  if (none.length === 0) return [];
  return [
    `never seen inside a span: ${none.map((p) => p[1]).join(', ')}; the time of ${none.map((p) => p[0]).join(', ')} is in the phase before`,
  ];
}
