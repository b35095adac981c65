import { eventQuote, quoteLines } from '../parsers/input/evidence.js';
import { newPipeline, type PipelineOptions, runPipeline } from '../read/pipeline.js';
import type { EventQuote } from '../result/types.js';
import { isKnown } from '../timeline/is-known.js';
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
  const refs = [...told.keys()].sort((a, b) => a - b);
  const quotes = await quoteLines(refs, run.inputs, pipeline);
  const events = refs.flatMap((ref) => {
    const quote = eventQuote(quotes.get(ref), ref, '', pipeline);
    return quote ? [{ ...quote, note: told.get(ref)! }] : [];
  });
  const notes: string[] = [];
  if (run.partial) notes.push('PARTIAL: interrupted, the rest of the trace was not read');
  if (events.length === 0) notes.push('no event of this trace is about it');
  if (omitted > 0) notes.push(`${omitted} further events are not shown; narrow it down or raise the limit`);
  const { filled, lives } = teller!;
  if (filled > 0) notes.push(`${filled} more of its entries were filled in between`);
  if (lives > 1) notes.push(`the page has ${lives} lives in this trace: --all-lives tells all of them`);
  if (!isKnown(run.bases.vmemmap)) {
    notes.push('the vmemmap base is unknown: releases (by pfn) cannot be tied to tables (by struct page)');
  }
  return {
    title: `${titleOf(subject)}${options.subject.line === undefined ? '' : ` (line ${options.subject.line})`}`,
    cpus: [...new Set(events.map((e) => e.cpu))].sort((a, b) => a - b),
    events,
    notes,
    errors: run.inputs.flatMap(({ report: { path, error } }) => (error ? [`${path}: ${error.message}`] : [])),
  };
}
