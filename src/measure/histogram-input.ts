import { existsSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadHistogram } from '../latency/histogram/binned.js';
import { readPrinted } from '../latency/printed/printed-text.js';
import type { HistogramText } from '../latency/printed/read-hist.js';
import { isStored, orAbort, streamFailure } from '../parsers/input/chunks.js';
import { machinesOf } from '../parsers/input/machines.js';
import { scanInput } from '../parsers/input/open-input.js';
import { type Compression, readSource } from '../parsers/input/source.js';
import { TraceError } from '../parsers/input/trace-error.js';
import { newPipeline } from '../read/pipeline.js';
import type { InputReport } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';

/** Printed histograms and result files are looked for in inputs up to this size (decompressed). */
const MAX_TEXT = 4 << 20;
/** … and, in a file that holds nothing else, up to this. */
const MAX_TABLES = 64 << 20;
/** What the events of an input are called that holds printed histograms too: `FILE#events`. */
export const EVENTS = 'events';
/** Results of pttrace itself may be larger. */
const MAX_RESULT = 256 << 20;

export type OpenedInput =
  /** Not a histogram: read it as a recording. `stdin` replaces the standard input that was looked at. */
  | { readonly kind: 'recording'; readonly stdin?: NodeJS.ReadableStream; readonly cut?: boolean }
  | {
      readonly kind: 'histograms';
      readonly text: string;
      readonly found: HistogramText;
      readonly input: InputReport;
      /** Trace lines that it holds besides; `stdin` replaces the standard input that was looked at. */
      readonly events: number;
      readonly stdin?: NodeJS.ReadableStream;
      readonly cut?: boolean;
    }
  | {
      readonly kind: 'result';
      readonly value: Record<string, unknown>;
      readonly input: InputReport;
      readonly cut?: boolean;
    };

export interface OpenOptions {
  readonly stdin?: NodeJS.ReadableStream | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `mail.txt#without patch` → path and title; a file that is really called so is taken whole. */
export function splitTitle(argument: string): { path: string; title: string | null } {
  const at = argument.indexOf('#');
  if (at <= 0 || existsSync(argument)) return { path: argument, title: null };
  return { path: argument.slice(0, at), title: argument.slice(at + 1) };
}

/**
 * Looks at the first bytes of an input: printed histograms (text, JSON, bcc, in a mail or not), a result of pttrace,
 * or, in all other cases, a recording. Throws TraceError for a file that cannot be read.
 *
 * Pipes other than stdin can be read only once: they are taken as recordings. `cut`: the abort came while stdin was
 * looked at; what had come by then is all there is, and is to be read although the signal is aborted.
 */
export async function openInput(path: string, options: OpenOptions): Promise<OpenedInput> {
  if (path !== '-') {
    if (existsSync(path) && !statSync(path).isDirectory() && !isStored(path)) return { kind: 'recording' };
    return classify(path, await peek(path, options, MAX_TEXT), options, undefined);
  }
  const source = (options.stdin as Readable | undefined)?.[Symbol.asyncIterator]() as
    | AsyncIterator<Uint8Array | string>
    | undefined;
  if (!source) throw new TraceError('unreadable', 'no standard input', { path });
  const held: Buffer[] = [];
  let size = 0;
  let ended = false;
  let failure: TraceError | null = null;
  while (!ended && failure === null && size < MAX_TEXT) {
    const step = await orAbort(source.next(), options.signal).catch((error: unknown) => {
      failure = streamFailure(error);
      return null;
    });
    if (failure !== null) break;
    if (step === null || step.done) ended = true;
    else {
      const chunk = Buffer.from(step.value as Uint8Array);
      held.push(chunk);
      size += chunk.length;
    }
  }
  const head = await peek('-', { ...options, stdin: Readable.from(held) }, MAX_TEXT);
  const rest = Readable.from(replay(held, source, ended, failure));
  const found = await classify(path, { ...head, whole: head.whole && ended }, options, rest);
  return options.signal?.aborted === true ? { ...found, cut: true } : found;
}

async function* replay(
  held: readonly Buffer[],
  source: AsyncIterator<Uint8Array | string>,
  ended: boolean,
  failure: TraceError | null,
): AsyncGenerator<Uint8Array | string> {
  yield* held;
  // Where it came, so that all before it is read.
  if (failure !== null) throw failure;
  while (!ended) {
    const step = await source.next();
    if (step.done) return;
    yield step.value;
  }
}

interface Head {
  readonly bytes: Buffer;
  readonly whole: boolean;
  readonly compression: Compression;
}

async function peek(path: string, options: OpenOptions, most: number): Promise<Head> {
  const parts: Buffer[] = [];
  let size = 0;
  const stop = new AbortController();
  const end = await readSource({ path, stdin: options.stdin, signal: stop.signal }, (chunk) => {
    if (size <= most) parts.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > most) stop.abort();
  });
  return {
    bytes: Buffer.concat(parts),
    whole: !end.aborted && end.error === null,
    compression: end.compression,
  };
}

async function classify(
  path: string,
  head: Head,
  options: OpenOptions,
  rest: NodeJS.ReadableStream | undefined,
): Promise<OpenedInput> {
  const recording: OpenedInput =
    rest === undefined ? { kind: 'recording' } : { kind: 'recording', stdin: rest };
  if (/^\s*\{\s*"schema": *"pttrace\//.test(head.bytes.subarray(0, 256).toString('latin1'))) {
    const all = head.whole ? head : await peek(path, { ...options, stdin: rest }, MAX_RESULT);
    return {
      kind: 'result',
      value: parseResult(all, path),
      input: report(path, all, 'pttrace-result', null),
    };
  }
  if (!head.whole || head.bytes.length > MAX_TEXT) return recording;
  if (!isLikely(head.bytes)) return recording;
  const { text, found } = readPrinted(head.bytes);
  if (found.histograms.length === 0) return recording;
  const events = await eventsIn(head.bytes);
  const input = report(path, head, 'histograms', found);
  if (rest === undefined || events === 0) return { kind: 'histograms', text, found, input, events };
  return { kind: 'histograms', text, found, input, events, stdin: Readable.from([head.bytes]) };
}

/** Trace lines in a text that holds printed histograms. */
async function eventsIn(bytes: Buffer): Promise<number> {
  try {
    const stdin = Readable.from([bytes]);
    const scanned = await scanInput('-', { input: 0, context: newPipeline(), sink: () => {}, stdin });
    return scanned.report.lines.event;
  } catch (error) {
    if (error instanceof TraceError) return 0;
    throw error;
  }
}

/**
 * The recording that `FILE#TITLE` names: the events of a file, or one machine of a report of several. Throws UsageError
 * for anything else.
 */
export async function recordingNamed(path: string, title: string | null): Promise<string> {
  if (title === null || title === EVENTS) return path;
  const machines = await machinesOf(path);
  if (machines.includes(title)) return `${path}#${title}`;
  const has = machines.length > 0 ? `machines ${machines.join(', ')}` : 'no parts with names';
  throw new UsageError(`${path} is a recording: it has no block called "${title}" (it has ${has})`);
}

/**
 * Printed histograms of a file that turned out to hold no trace, whatever its size up to 64 MiB; null if there are
 * none. Throws TraceError for a file that cannot be read.
 */
export async function onlyTables(
  path: string,
  options: OpenOptions,
): Promise<Extract<OpenedInput, { kind: 'histograms' }> | null> {
  if (path === '-' || !isStored(path)) return null;
  const head = await peek(path, options, MAX_TABLES);
  if (!head.whole) return null;
  const { text, found } = readPrinted(head.bytes);
  if (found.histograms.length === 0) return null;
  return { kind: 'histograms', text, found, input: report(path, head, 'histograms', found), events: 0 };
}

/** A cheap look before the text is read line by line; of a mail the text may be coded. */
function isLikely(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return LIKELY.test(text) || /^content-transfer-encoding: *base64/im.test(text);
}

/** A heading, a row, or an object that only printed histograms have. */
const LIKELY =
  /^[>| ]*@\w*(?:\[[^\n]*\])?: ?\r?$|^[>| ]*[[(][^\])\n]{1,40}[\])] +\d+ *(?:\||\r?$)|"type": *"hist"|: (?:count +distribution|Count +Distribution)|^[>| ]*\[[^\n]*(?:=20|=)$|\| +COUNT \| GRAPH| hitcount:|Percentile"?[ ,]+"?TotalCount/m;

function parseResult(head: Head, path: string): Record<string, unknown> {
  try {
    return JSON.parse(head.bytes.toString('utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new TraceError('corrupt', 'is no complete pttrace result', { path, cause: error });
  }
}

/** What to say where an input holds both events and printed histograms, and the events are taken. */
export function alsoPrinted(path: string, all: readonly ReadHistogram[]): string {
  const [first] = all;
  const names = all.slice(0, 4).map(histogramName).join(', ');
  const more = all.length > 4 ? `, and ${all.length - 4} more` : '';
  return `${all.length} printed histogram${all.length === 1 ? '' : 's'} stand in it, too: ${names}${more}; ${path}#line ${first?.line ?? 0} names ${all.length === 1 ? 'it' : 'the first'}`;
}

/** The other way round. */
export const alsoEvents = (path: string, events: number): string =>
  `${events} events stand in it, too: ${path}#${EVENTS} names them, or say what to measure (--syscall, --func, --span, --from)`;

function report(path: string, head: Head, format: string, found: HistogramText | null): InputReport {
  const text = head.bytes.toString('latin1');
  const newlines = text.split('\n').length - 1;
  const total = found?.lines.total ?? newlines + (text.endsWith('\n') || text === '' ? 0 : 1);
  const l = found?.lines;
  return {
    path,
    format,
    formatWhy: found ? 'it holds printed histograms' : 'it says so in its schema field',
    compression: head.compression,
    bytes: head.bytes.length,
    lines: {
      total,
      event: 0,
      header: l ? l.heading + l.row + l.json : total,
      lost: 0,
      stack: 0,
      continuation: l?.continuation ?? 0,
      blank: l?.blank ?? 0,
      foreign: l?.other ?? 0,
      skipped: 0,
    },
    skips: [],
    notes: [],
  };
}

/** Longest line that can be a title; longer ones are the command or a sentence before the histogram. */
const MAX_TITLE = 60;

/** Title without its colon; empty where the line before is none. */
export function titleOf(h: ReadHistogram): string {
  const title = h.title.replace(/:$/, '');
  return title.length > MAX_TITLE || title.startsWith('$ ') ? '' : title;
}

/** `without patch: @ns[stress-ng], line 639`: how a histogram is called in messages. */
export function histogramName(h: ReadHistogram): string {
  const map = `${h.name}${h.key === null ? '' : `[${h.key}]`}`;
  const title = titleOf(h);
  const line = h.source === 'json' ? '' : ` (line ${h.line})`;
  return `"${title === '' ? map : title}"${title === '' || map === '' ? '' : ` ${map}`}${line}`;
}

/**
 * The histograms of a text that `title` names: its title, map or key equals it, or failing that its title holds it,
 * case not minded; `line 37`: the one that begins there. Null title: all.
 */
export function histogramsNamed(all: readonly ReadHistogram[], title: string | null): ReadHistogram[] {
  if (title === null) return [...all];
  const want = plain(title);
  const line = /^line (\d+)$/.exec(want);
  if (line !== null) return all.filter((h) => h.line === Number(line[1]));
  const names = (h: ReadHistogram): string[] => [
    plain(h.title),
    plain(h.name),
    plain(`${h.name}[${h.key ?? ''}]`),
    plain(h.key ?? ''),
  ];
  const exact = all.filter((h) => names(h).includes(want));
  if (exact.length > 0) return exact;
  const words = all.filter((h) => new RegExp(`(?:^|\\W)${escaped(want)}(?:\\W|$)`).test(plain(h.title)));
  return words.length > 0 ? words : all.filter((h) => plain(h.title).includes(want));
}

/**
 * The one histogram meant. Throws UsageError listing what there is when none or several are.
 */
export function oneHistogram(
  all: readonly ReadHistogram[],
  title: string | null,
  path: string,
): ReadHistogram {
  const meant = histogramsNamed(all, title);
  if (meant.length === 1) return meant[0]!;
  const there = all.map(histogramName).join(', ');
  const why =
    title === null
      ? 'holds several histograms'
      : `has ${meant.length === 0 ? 'no histogram' : 'several histograms'} called "${title}"`;
  const how = all.some((h) => h.source === 'json') ? `${path}#TITLE` : `${path}#TITLE or ${path}#line N`;
  throw new UsageError(`${path} ${why}; say which as ${how}: ${there}`);
}

const plain = (text: string): string => text.trim().replace(/\s+/g, ' ').replace(/:$/, '').toLowerCase();
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
