/**
 * The one serialisable answer of a run. Renderers turn it into text; `--json` prints it as it is.
 * Its JSON Schema is `src/schema/result.schema.json`. Stamps are decimal strings of ns (ticks: of ticks).
 */
export const RESULT_SCHEMA = 'pttrace/result/1';

export interface LineCounts {
  total: number;
  event: number;
  header: number;
  lost: number;
  stack: number;
  continuation: number;
  blank: number;
  foreign: number;
  skipped: number;
}

export interface SkipSummary {
  reason: string;
  count: number;
  /** 1-based line of the first example. */
  firstLine: number;
  offset: number;
  text: string;
}

export interface InputReport {
  /** As given on the command line; `-` is stdin. */
  path: string;
  /** Dialect id, e.g. `ftrace`, `trace-cmd-report`. */
  format: string;
  /** Why that dialect was chosen. */
  formatWhy: string;
  compression: 'none' | 'gzip' | 'zlib' | 'zstd' | 'xz' | 'base64';
  /** Bytes after decompression. */
  bytes: number;
  lines: LineCounts;
  skips: SkipSummary[];
  /** Facts the reader must know: cut file, overwritten buffer, tick clock … */
  notes: { code: string; message: string }[];
  /** Stretches in different dialects; absent when the input is in one. */
  blocks?: { format: string; firstLine: number; why: string }[];
  /** Set when the input could not be read to its end; what came before is in the result. */
  error?: { code: string; message: string; line?: number; offset?: number };
}

/** How inputs stand in the timeline: merged by time, or a capture of its own; captures follow each other in this order. */
export interface InputJoin {
  /** Indices into `inputs`. */
  inputs: number[];
  how: 'merged' | 'apart';
  reason: string;
}

export interface TimelineReport {
  events: number;
  firstNs: string;
  lastNs: string;
  /** Time that the captures cover, added up. */
  spanNs: string;
  unit: 'ns' | 'ticks';
  resolutionNs: number;
  clock: string;
  cpus: number[];
  segments: number;
  /** Events the ring buffer said it lost; -1: lost an unknown number. */
  lost: { cpu: number; count: number; intervals: number }[];
  /** What IPIs say about the clocks of the CPUs: pairs seen, effects stamped before their cause. */
  skew: {
    pairs: number;
    inversions: number;
    worstInversionNs: number;
    /** Widest interval in which the offset of two CPU clocks can lie; null without pairs both ways. */
    widestOffsetNs: number | null;
  };
  /** Of several inputs: which were merged, which kept apart, and why. */
  joins?: InputJoin[];
  filter?: string;
}

export type Verdict = 'pass' | 'violated' | 'unknown' | 'not-applicable';
export type BasisName = 'observed' | 'inferred' | 'assumed' | 'inferred (absence)' | 'order-dependent';

export interface EventQuote {
  input: number;
  line: number;
  offset: number;
  tsNs: string;
  cpu: number;
  task: string;
  /** The line as it stands in the input. */
  text: string;
  /** What this event is in the story, e.g. `free`, `call_rcu`. */
  role: string;
}

export interface Finding {
  message: string;
  severity: 'S1' | 'S2' | 'S3' | 'S4';
  basis: BasisName;
  /** In file order. */
  events: EventQuote[];
  /** Who still held what when it happened: a CPU's TLB or paging-structure cache, a reader, RCU, a list. */
  held: string[];
  /** The operation that should have come between; `''` where no rule says. */
  missing: string;
  /** Index into `events` of the one before which `missing` should have come. */
  missingBefore: number;
  /** The kernel rule, formally. */
  rule: string;
  /** Where the kernel has it: file and function, manual section. */
  source: string;
  /** Commits that made or restored the rule, comma separated; `''` where the source names none. */
  commit: string;
  /**
   * Error of one CPU's clock against another's, ns, at which the verdict would turn to unknown or vanish; null where
   * it rests on no order of two CPUs.
   */
  flipNs: number | null;
}

export interface InvariantReport {
  id: string;
  name: string;
  verdict: Verdict;
  severity: 'S1' | 'S2' | 'S3' | 'S4';
  /** `censored`: cut off by an edge of the recording, so no opportunity at all. */
  instances: { pass: number; violated: number; unknown: number; censored: number };
  /** Passes by how they are known. */
  basis: { observed: number; inferred: number; absence: number; assumed: number };
  /** Why it is unknown or not applicable; empty when decided. */
  reason: string;
  /** Probes or markers that would settle it, where it is unknown and this trace lacks them. */
  settledBy: string[];
  /** Unknown instances, itemised. */
  unknowns: { reason: string; count: number; example: EventQuote | null }[];
  findings: Finding[];
  /** Findings beyond those listed. */
  moreFindings: number;
}

export interface HistogramBucket {
  lowNs: number;
  highNs: number;
  count: number;
}

export interface LatencyReport {
  /** e.g. `munmap`, `call_rcu→callback`. */
  name: string;
  /** Grouping key, `''` for overall. */
  key: string;
  count: number;
  /** Spans cut off at an edge of the recording or by loss: not in the numbers. */
  censored: { start: number; end: number; loss: number };
  histogram: HistogramBucket[];
  /** Exact, nearest rank; null when count is 0 or the clock gives no ns. */
  quantiles: { p50: number; p90: number; p99: number; p999: number; max: number } | null;
  sumNs: string;
}

/** Time by phase, added up over spans; the phases add up to the spans. */
export interface PhaseSummary {
  /** The syscall, or `mmu_gather`. */
  what: string;
  count: number;
  censored: number;
  sumNs: number;
  phases: { phase: string; sumNs: number }[];
}

export interface DeferredReport {
  /** Tables and bytes handed to RCU and not yet freed. */
  nowTables: number;
  nowBytes: number;
  peakTables: number;
  peakBytes: number;
  peakAtNs: string;
  /** At most 200 points, evenly thinned: [tsNs, tables]. */
  series: [string, number][];
  /** Batches whose table count the trace does not give. */
  unknownBatches: number;
}

/** One reader that was in a page table when it was unlinked. */
export interface ReaderVisit {
  /** `gup-fast`: a bracket around the part with interrupts off. */
  kind: 'walker' | 'gup-fast';
  enters: EventQuote | null;
  /** Null: its end was not seen. */
  leaves: EventQuote | null;
  cpu: number;
  /** Where it ended: another CPU if it was preempted and moved. */
  leftOnCpu: number | null;
  /** From the unlink; null as `leaves`. */
  stayedNs: number | null;
}

/** One life of a PTE table that had readers in it when it was unlinked. */
export interface ReaderTable {
  table: string;
  /** User address it mapped; null unknown. */
  address: string | null;
  unlinkedBy: string;
  unlink: EventQuote | null;
  release: EventQuote | null;
  releasedAfterNs: number;
  /** Walker sections that named it in its life. */
  walks: number;
  inside: ReaderVisit[];
  /** Release minus the end of the last of these readers; negative: released under it. */
  marginNs: number;
}

/** Readers of PTE tables, where lookups were recorded. */
export interface ReadersReport {
  /** Lookups that returned a table. */
  lookups: number;
  /** Walker sections on tables that were released. */
  walks: number;
  /** Released tables that a walker was seen in; of these had readers at their unlink; whose unlink was not seen. */
  tables: { released: number; visited: number; unlinkUnseen: number };
  inside: {
    atUnlink: { walkers: number; gupFast: number };
    /** GUP-fast: brackets, of which the part with interrupts off may be over. */
    atFree: { walkers: number; gupFast: number };
  };
  /** Walkers that were led into a table after its unlink. */
  foundAfterUnlink: number;
  /** Readers inside at an unlink whose end was not seen. */
  unseenEnds: number;
  margin: LatencyReport;
  stayed: { walkers: LatencyReport; gupFast: LatencyReport };
  wait: LatencyReport;
  /** At most 100, smallest margin first. */
  closest: ReaderTable[];
}

export interface VariantReport {
  candidates: string[];
  how: 'detected' | 'given';
  evidence: { text: string; keeps: string[]; events: EventQuote[] }[];
}

export interface Result {
  schema: typeof RESULT_SCHEMA;
  version: string;
  inputs: InputReport[];
  timeline: TimelineReport;
  variant: VariantReport;
  bases: { vmemmap: string | null; directMap: string | null; how: string };
  /** Levels of `pttrace record` that the inputs say; absent where none does. */
  levels?: string[];
  /** Events of the recording, most frequent first: `event` as printed, `symbol` the probed function or empty. */
  probes: { kind: string; event: string; symbol: string; count: number }[];
  invariants: InvariantReport[];
  latency: LatencyReport[];
  deferred: DeferredReport;
  /** Where the time of the measured calls went; absent where no event divides them. */
  phases?: PhaseSummary;
  /** Absent where no lookup was recorded. */
  readers?: ReadersReport;
  /** Events per operation kind the machine used. */
  operations: Record<string, number>;
  summary: {
    findings: number;
    undecided: number;
    checked: number;
    /** Events that show a page table being freed, or tell of one by trace markers; 0: nothing to judge. */
    tableFrees: number;
    partial: boolean;
  };
}
