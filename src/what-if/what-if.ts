import { maskOf, namesOf, VARIANTS, type Variant } from '../kernel/variants.js';
import { seededRandom } from '../latency/statistics/resampling.js';
import { eventQuote, quoteLines } from '../parsers/input/evidence.js';
import type { ScannedInput } from '../parsers/input/open-input.js';
import type { Pipeline } from '../read/pipeline.js';
import type { Witness } from '../replay/tally.js';
import { VERSION } from '../version.js';
import { CallbackClock } from './callback-clock.js';
import { CostModel } from './costs.js';
import { countsOf, type ShapeCounts, shapeCounts } from './counts.js';
import { drawnFailures, failingPart } from './memory.js';
import { noBetter, notesOf } from './notes.js';
import { type Facts, type Policy, policyOf, refusalOf } from './policy.js';
import { deferredOf, handOvers, pool, SEED, seriesOf } from './predict.js';
import { quantileOf } from './quantile-of.js';
import { readSource, type Source, type WhatIfOptions } from './read-source.js';
import type { GatherRec, Recorded } from './recorded.js';
import {
  LIMITS,
  METHOD,
  WHAT_IF_SCHEMA,
  type WhatIfCost,
  type WhatIfReport,
  type WhatIfVerdict,
} from './report.js';
import { rerun } from './rerun.js';
import { seriesReport } from './statistics.js';
import { type Change, changeOf, shapeOf } from './transform.js';

export type { WhatIfOptions } from './read-source.js';

/**
 * Re-run a recording under another kernel variant.
 *
 * Throws TraceError when an input cannot be read at all, UsageError for an unknown variant. A re-run that would be
 * unsound is no error: the report says `refused`.
 */
export async function whatIf(options: WhatIfOptions): Promise<WhatIfReport> {
  return (await whatIfDetail(options)).report;
}

/** The report and what it was made from, for those who check predictions against other recordings. */
export interface WhatIfDetail {
  readonly report: WhatIfReport;
  /** Single durations in ns: recorded, and of several possible runs under the target. */
  readonly series: readonly {
    readonly name: string;
    readonly recorded: Float64Array;
    /** Of each recorded one, the part that is the same code in every kernel. */
    readonly shared: Float64Array;
    readonly predicted: Float64Array;
  }[];
  readonly shapes: readonly ShapeCounts[];
}

export async function whatIfDetail(options: WhatIfOptions): Promise<WhatIfDetail> {
  const target = VARIANTS[Math.log2(maskOf(options.target))]!;
  const source = await readSource(options);
  const { recorded, candidates } = source;
  const withTables = recorded.gathers.filter((g) => g.levels.length > 0).length;
  const asked: Facts = {
    candidates,
    contradiction: source.contradiction,
    gathersWithTables: withTables,
    reclaims: recorded.reclaims,
    ticks: source.pipeline.time.unit === 'ticks',
    singles: recorded.gathers.filter((g) => g.single.includes(true)).length,
  };
  const report: WhatIfReport = {
    schema: WHAT_IF_SCHEMA,
    version: VERSION,
    inputs: source.inputs.map((i) => i.report),
    source: { candidates: namesOf(candidates), how: source.given ? 'given' : 'detected', leaf: null },
    target: { id: target.id, title: target.title, kernels: target.kernels },
    refused: refusalOf(asked, target),
    gathers: {
      total: recorded.gathers.length,
      withTables,
      reproduced: 0,
      cut: recorded.cut,
      starved: 0,
    },
    counts: [],
    series: [],
    deferred: null,
    costs: [],
    order: { checked: false, reason: '', operations: 0, verdicts: [] },
    method: METHOD,
    limits: [...LIMITS],
    notes: [],
    partial: source.partial,
  };
  if (report.refused) return { report, series: [], shapes: [] };
  return predictInto(report, source, target);
}

/** Fills in what the target would have done. */
async function predictInto(report: WhatIfReport, source: Source, target: Variant): Promise<WhatIfDetail> {
  const { recorded, pipeline, candidates } = source;
  const to = policyOf(target)!;
  const from = sourcePolicy(candidates, recorded, to);
  report.source.leaf = from.leaf === 'pages' ? 'sync' : 'rcu';
  const { changes, part } = changesOf(recorded, from, to);
  const done = changes.filter((c): c is Change => c !== null);
  report.gathers.reproduced = done.filter((c) => c.agrees).length;
  report.gathers.starved = recorded.gathers.filter((g) => shapeOf(g, from).noMemory.includes(true)).length;
  const model = new CostModel(recorded);
  const clock = new CallbackClock(recorded.callbacks, seededRandom(SEED + 2));
  const before = handOvers(recorded.gathers, changes, 'from', clock);
  const same = from.leaf === to.leaf && done.every((c) => c.from.singleCalls === c.to.singleCalls);
  const after = same ? before : handOvers(recorded.gathers, changes, 'to', clock);
  const cpus = Math.max(recorded.cpus, ...source.inputs.map((i) => i.header.cpus), 1);
  report.counts = countsOf(recorded, changes, cpus);
  report.deferred = {
    before: deferredOf(before, pipeline.time),
    after: deferredOf(after, pipeline.time),
    clock: { ...clock.used },
  };
  const series = seriesOf(recorded, source.syscall, changes, before, after);
  report.series = series.map((s) => seriesReport(s, model, part === null));
  report.costs = costReports(
    model,
    new Set(series.flatMap((s) => s.jobs.flatMap((j) => j.terms.map((t) => t.cost)))),
  );
  const again = rerun({
    log: source.log,
    recorded,
    changes,
    after,
    source: candidates,
    recordedViolated: (invariant) => source.replay.ledger.tally(invariant).violated,
    target: maskOf(target.id),
    policy: to,
    cpus,
    latest: (cpu, queuedNs) => clock.latest(cpu, queuedNs),
    funcName: (id) => pipeline.funcs.name(id),
    resolutionNs: pipeline.time.resolutionNs,
  });
  report.order = again.order;
  await quoteWitnesses(report.order.verdicts, again.witnesses, source.inputs, pipeline);
  report.notes = [...notesOf(report, recorded, from, to, part), ...noBetter(report, done)];
  return {
    report,
    series: series.map((s) => ({
      name: s.name,
      recorded: Float64Array.from(s.jobs, (j) => j.oldNs),
      shared: Float64Array.from(s.jobs, (j) => j.sharedNs),
      predicted: pool(s.jobs, model),
    })),
    shapes: shapeCounts(recorded, changes, cpus),
  };
}

/** What each gather with tables does otherwise, and the part of batch pages that cannot be had; null: not known. */
function changesOf(
  recorded: Recorded,
  from: Policy,
  to: Policy,
): { changes: (Change | null)[]; part: number | null } {
  // Calls that are measured may be the only ones that are short of memory, as under fault injection.
  const within = (g: GatherRec): boolean => g.span >= 0;
  const measured = failingPart(recorded.gathers.filter(within), from, to);
  const others = failingPart(
    recorded.gathers.filter((g) => !within(g)),
    from,
    to,
  );
  const random = seededRandom(SEED + 3);
  const changes = recorded.gathers.map((g): Change | null => {
    if (g.levels.length === 0) return null;
    const fails = within(g) ? measured : others;
    return changeOf(g, from, to, fails === null ? undefined : drawnFailures(g.levels.length, fails, random));
  });
  return { changes, part: measured ?? others };
}

async function quoteWitnesses(
  verdicts: readonly WhatIfVerdict[],
  witnesses: ReadonlyMap<string, readonly Witness[]>,
  inputs: readonly ScannedInput[],
  pipeline: Pipeline,
): Promise<void> {
  const refs = [...witnesses.values()].flatMap((list) => list.map((e) => e.ref)).sort((a, b) => a - b);
  const quotes = await quoteLines(refs, inputs, pipeline);
  for (const v of verdicts) {
    for (const { ref, role } of witnesses.get(v.id) ?? []) {
      const quote = eventQuote(quotes.get(ref), ref, role, pipeline);
      if (quote) v.events.push(quote);
    }
  }
}

/** Policy of the recorded kernel: of its candidates the one that is the target, else the first whose leaf is known. */
function sourcePolicy(candidates: number, recorded: Recorded, target: Policy): Policy {
  const policies = VARIANTS.filter((_, i) => candidates & (1 << i))
    .map(policyOf)
    .filter((p): p is Policy => p !== null);
  const same = policies.find((p) => p.id === target.id);
  if (same) return same;
  const synced = recorded.gathers.some((g) => g.syncs > 0);
  const queued = recorded.gathers.some((g) => g.singleCalls > 0);
  const fits = policies.find(
    (p) =>
      p.leaf === 'pages' ||
      (queued
        ? p.single.includes('call-rcu') && p.single.includes('sync-ipi') === synced
        : !synced || (p.single.includes('sync-ipi') && p.single.includes('free'))),
  );
  return fits ?? policies[0]!;
}

function costReports(model: CostModel, used: ReadonlySet<string>): WhatIfCost[] {
  return Object.values(model.costs).map((c) => {
    const sorted = [...c.values].sort((a, b) => a - b);
    const prior = c.basis === 'prior';
    return {
      id: c.id,
      basis: c.basis,
      from: c.from,
      count: c.count,
      low: prior ? sorted[0]! : quantileOf(sorted, 0.1),
      median: prior ? null : quantileOf(sorted, 0.5),
      high: prior ? sorted.at(-1)! : quantileOf(sorted, 0.9),
      used: used.has(c.id),
    };
  });
}
