import { eventQuote, quoteLines } from '../parsers/input/evidence.js';
import {
  newPipeline,
  type Pipeline,
  type PipelineOptions,
  type PipelineRun,
  runPipeline,
} from '../read/pipeline.js';
import type { EventQuote } from '../result/types.js';
import type { EvidenceRef } from '../timeline/batch.js';
import { isKnown } from '../timeline/is-known.js';
import { aroundLine } from './around-line.js';
import { type Subject, titleOf, watchOf } from './subject.js';
import { subjectOfLine } from './subject-of-line.js';
import { Teller } from './teller.js';

export type { Subject } from './subject.js';

export interface ShowOptions extends PipelineOptions {
  readonly subject: Subject;
  /** With a line: every life of its page, not only the one that the line is in. */
  readonly allLives?: boolean | undefined;
  /** Events told at most; default 400. */
  readonly maxEvents?: number | undefined;
}

export interface Story {
  readonly title: string;
  readonly cpus: number[];
  readonly events: (EventQuote & { note: string })[];
  readonly notes: string[];
  /** Inputs that could not be read to their end. */
  readonly errors: string[];
}

const DEFAULT_EVENTS = 400;

/**
 * The life of one object across CPUs: every event that did something to it, and the flushes, enqueues and
 * callbacks it rode in. Throws TraceError for unreadable input, UsageError for a bad address.
 */
export async function show(options: ShowOptions): Promise<Story> {
  let { subject } = options;
  if (subject.line !== undefined) {
    const found = await subjectOfLine(options, subject.line);
    if (typeof found === 'string') {
      return { title: `line ${subject.line}`, cpus: [], events: [], notes: [found], errors: [] };
    }
    if (found === null) return around(options, subject.line);
    subject = found;
  }
  const pipeline = newPipeline();
  let teller: Teller | null = null;
  const run = await runPipeline(pipeline, options, (decoder, bases) => {
    teller = new Teller(
      decoder,
      watchOf(subject, bases),
      options.maxEvents ?? DEFAULT_EVENTS,
      options.subject.line ?? null,
      options.allLives ?? false,
    );
    const t = teller;
    return { batch: (batch) => t.batch(batch), boundary: () => t.boundary() };
  });
  const { told, omitted } = teller!;
  const story = await tell(pipeline, run, told);
  const { events, notes } = story;
  if (events.length === 0) notes.push('no event of this trace is about it');
  if (omitted > 0) notes.push(`${omitted} further events are not shown; narrow it down or raise the limit`);
  const { filled, lives } = teller!;
  if (filled > 0) notes.push(`${filled} more of its entries were filled in between`);
  if (lives > 1) notes.push(`the page has ${lives} lives in this trace: --all-lives tells all of them`);
  if (!isKnown(run.bases.vmemmap)) {
    notes.push('the vmemmap base is unknown: releases (by pfn) cannot be tied to tables (by struct page)');
  }
  return {
    ...story,
    title: `${titleOf(subject)}${options.subject.line === undefined ? '' : ` (line ${options.subject.line})`}`,
  };
}

/** The events around a line that is about no object. */
async function around(options: ShowOptions, line: number): Promise<Story> {
  const pipeline = newPipeline();
  const { run, told } = await aroundLine(pipeline, options, line, options.maxEvents ?? DEFAULT_EVENTS);
  const story = await tell(pipeline, run, told);
  story.notes.push('its event names no table, gather, rcu_head or mm: what happened around it is shown');
  return { ...story, title: `around line ${line}` };
}

async function tell(
  pipeline: Pipeline,
  run: PipelineRun,
  told: ReadonlyMap<EvidenceRef, string>,
): Promise<Omit<Story, 'title'>> {
  const refs = [...told.keys()].sort((a, b) => a - b);
  const quotes = await quoteLines(refs, run.inputs, pipeline);
  const events = refs.flatMap((ref) => {
    const quote = eventQuote(quotes.get(ref), ref, '', pipeline);
    return quote ? [{ ...quote, note: told.get(ref)! }] : [];
  });
  return {
    cpus: [...new Set(events.map((e) => e.cpu))].sort((a, b) => a - b),
    events,
    notes: run.partial ? ['PARTIAL: interrupted, the rest of the trace was not read'] : [],
    errors: run.inputs.flatMap(({ report: { path, error } }) => (error ? [`${path}: ${error.message}`] : [])),
  };
}
