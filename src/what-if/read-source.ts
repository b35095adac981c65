import { conclude } from '../analyse/conclude.js';
import type { Decoder } from '../kernel/decoder.js';
import { VariantDetector } from '../kernel/detect-variant.js';
import { parseRelease } from '../kernel/releases.js';
import { maskOf, type VariantMask } from '../kernel/variants.js';
import type { ScannedInput } from '../parsers/input/open-input.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { newPipeline, type Pipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import { ReplayEngine } from '../replay/engine.js';
import { OpLog } from './op-log.js';
import type { Recorded } from './recorded.js';
import { WhatIfRecorder } from './recorder.js';

export interface WhatIfOptions extends PipelineOptions {
  /** Variant to re-run the recording under. */
  readonly target: string;
  /** Variants the recording can be; default: what it shows. */
  readonly variants?: readonly string[] | undefined;
  /** Measured syscall; default munmap. */
  readonly syscall?: string | undefined;
}

/** A recording read for a re-run: what happened, every operation, and what replay says of it. */
export interface Source {
  readonly pipeline: Pipeline;
  readonly inputs: readonly ScannedInput[];
  readonly recorded: Recorded;
  readonly log: OpLog;
  readonly replay: ReplayEngine;
  /** Name of the measured syscall. */
  readonly syscall: string;
  readonly given: boolean;
  /** Variants the recorded kernel can be. */
  readonly candidates: VariantMask;
  readonly contradiction: boolean;
  readonly partial: boolean;
}

/** Reads the inputs once, for the re-run and for replay. Throws TraceError when one cannot be read at all. */
export async function readSource(options: WhatIfOptions): Promise<Source> {
  const given = options.variants?.length ? maskOf(...options.variants) : null;
  const syscall = options.syscall ?? 'munmap';
  const pipeline = newPipeline();
  const detector = new VariantDetector(given);
  const log = new OpLog();
  let recorder: WhatIfRecorder | null = null;
  const facts = options.facts ?? new RecordingFacts(options.known);
  let engine: ReplayEngine | null = null;
  const run = await runPipeline(pipeline, { ...options, facts }, (decoder) => {
    const replay = engineOf(pipeline, decoder, given, facts);
    engine = replay;
    const made = new WhatIfRecorder({
      events: pipeline.events,
      decoder,
      syscall,
      syscallId: pipeline.funcs.idOfName(syscall),
      onOp: (op) => {
        if (op === null) {
          detector.segment();
          log.segment();
        } else {
          detector.observe(op);
          log.add(op);
        }
      },
    });
    recorder = made;
    return {
      batch: (batch) => {
        made.batch(batch);
        replay.batch(batch);
      },
      boundary: () => {
        made.boundary();
        replay.boundary();
      },
    };
  });
  const recorded = recorder!.finish();
  const replay = engine!;
  replay.finish();
  conclude(replay, run.inputs, facts, given);
  return {
    pipeline,
    inputs: run.inputs,
    recorded,
    log,
    replay,
    syscall,
    given: given !== null,
    candidates: detector.contradiction ? (given ?? detector.consistent) : detector.mask,
    contradiction: detector.contradiction,
    partial: run.partial,
  };
}

const engineOf = (
  { names, time, funcs }: Pipeline,
  decoder: Decoder,
  variants: VariantMask | null,
  facts: RecordingFacts,
): ReplayEngine =>
  new ReplayEngine({
    names,
    time,
    funcs,
    decoder,
    variants,
    filter: null,
    maxFindings: 1,
    release: () => parseRelease(facts.kernel().release || (facts.value('model') ?? '')),
    exactClock: () => facts.value('model') !== null,
    mayMiss: () => facts.missed.size > 0,
    listener: null,
  });
