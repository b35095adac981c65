import { Op } from '../kernel/ops.js';
import { type Pipeline, type PipelineOptions, type PipelineRun, runPipeline } from '../read/pipeline.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { LAST_RESERVED } from '../timeline/events.js';
import { KIND_NOTE } from './event-notes.js';

/** Events told before the line at most, and as many behind it. */
const NEIGHBOURS = 8;

interface Told {
  readonly ref: EvidenceRef;
  readonly note: string;
}

/** For an event that is about no object: it and the events around it, of all CPUs, each with what it is called. */
export async function aroundLine(
  pipeline: Pipeline,
  options: PipelineOptions,
  wanted: number,
  maxEvents: number,
): Promise<{ readonly run: PipelineRun; readonly told: ReadonlyMap<EvidenceRef, string> }> {
  const aside = Math.min(NEIGHBOURS, Math.floor((maxEvents - 1) / 2));
  const before: Told[] = [];
  const from: Told[] = [];
  const op = new Op();
  const run = await runPipeline(pipeline, options, (decoder) => ({
    boundary: () => {},
    batch: (batch) => {
      for (let row = 0; row < batch.length && from.length <= aside; row++) {
        const event = batch.event[row]!;
        if (event <= LAST_RESERVED) continue;
        const known = decoder.decode(batch, row, op) ? KIND_NOTE[op.kind] : undefined;
        const { name, symbol } = pipeline.events.head(event);
        const told = { ref: batch.ref(row), note: known ?? (name === '' ? symbol : name) };
        if (from.length > 0 || batch.line[row] === wanted) from.push(told);
        else if (before.push(told) > aside) before.shift();
      }
    },
  }));
  return { run, told: new Map([...before, ...from].map(({ ref, note }) => [ref, note])) };
}
