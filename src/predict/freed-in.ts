import { OP, type OpKind } from '../kernel/ops.js';
import { probeKinds } from '../kernel/probe-kinds.js';
import { parseRelease, type Release } from '../kernel/releases.js';
import { ALL_VARIANTS, maskOf, type VariantMask } from '../kernel/variants.js';
import { variantsOf } from '../kernel/variants-of-release.js';
import { eventQuote, quoteLines } from '../parsers/input/evidence.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { newPipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import { ReplayEngine } from '../replay/engine.js';
import type { EventQuote, InputReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { type FreedGroup, FreedTables } from './freed.js';

export interface FreedOptions extends PipelineOptions {
  /** Variants the recording can be of; default: what it shows. */
  readonly variants?: readonly string[] | undefined;
  /** Release of the recorded kernel; default: what the recording says. */
  readonly kernel?: string | undefined;
}

/** The releases of page tables in a recording, and what is known of its kernel. */
export interface FreedIn {
  readonly inputs: readonly InputReport[];
  readonly partial: boolean;
  readonly groups: readonly FreedGroup[];
  readonly candidates: VariantMask;
  readonly release: Release | null;
  readonly flushIpis: boolean;
  readonly broadcasts: boolean;
  /** Lines of the recording, by what they are. */
  readonly quote: (ref: EvidenceRef, role: string) => EventQuote[];
}

/** Reads a recording. Throws TraceError when it cannot be read at all, UsageError for an unknown variant or release. */
export async function freedIn(options: FreedOptions): Promise<FreedIn> {
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
      watch: (evidence) => [freed.monitor(evidence)],
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
  const refs = freed.list.flatMap((g) => g.at.flatMap((at) => Object.values(at) as EvidenceRef[]));
  const wanted = [...new Set(refs)].filter((ref) => ref >= 0).sort((a, b) => a - b);
  const { missed } = probeKinds(facts.probes, facts.events, facts.missed);
  const quotes = await quoteLines(wanted, run.inputs, pipeline);
  return {
    inputs: run.inputs.map((i) => i.report),
    partial: run.partial,
    groups: doubted(
      freed.list,
      (kinds) =>
        kinds.every((kind) => replay.coverage.total(kind) === 0) || kinds.some((kind) => missed.has(kind)),
    ),
    candidates,
    release: release(),
    flushIpis: freed.flushIpis,
    broadcasts: freed.broadcasts,
    quote: (ref, role) => [eventQuote(quotes.get(ref), ref, role, pipeline) ?? []].flat(),
  };
}

/** A probe that fired nowhere, or missed hits, shows no absence. */
function doubted(groups: readonly FreedGroup[], blind: (kinds: readonly OpKind[]) => boolean): FreedGroup[] {
  const [flush, ipi] = [blind([OP.FR, OP.FD]), blind([OP.SYNC1, OP.IS])];
  const [rcu, callback] = [blind([OP.SYNCR]), blind([OP.RI, OP.CB])];
  return groups.map(({ path, ...rest }) => ({
    ...rest,
    path: {
      ...path,
      flush: flush && path.flush === 'no' ? 'unknown' : path.flush,
      syncIpi: ipi && path.syncIpi === 'no' ? 'unknown' : path.syncIpi,
      syncRcu: rcu && path.syncRcu === 'no' ? 'unknown' : path.syncRcu,
      end: callback && path.end === 'early' ? null : path.end,
    },
  }));
}
