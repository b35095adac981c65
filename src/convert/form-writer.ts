import type { HeaderFacts } from '../parsers/input/dialect.js';
import type { RecordBatch } from '../timeline/batch.js';
import type { EventTable } from '../timeline/events.js';
import { FLAG, migrateDepth, preemptDepth } from '../timeline/flags.js';
import type { Interner } from '../timeline/interner.js';
import type { TimeBase } from '../timeline/time-base.js';
import type { ByteText } from './byte-text.js';

/** The timeline that is written. */
export interface Written {
  readonly names: Interner;
  readonly events: EventTable;
  readonly time: TimeBase;
}

/** One form of output. Everything goes to `out`, which the caller empties. */
export interface FormWriter {
  /** Before the rows of an input; `first`: of the output. */
  begin(first: boolean): void;
  /** What the recording says of itself (`recording-facts.ts`), before its rows. */
  recorded(facts: readonly string[]): void;
  rows(batch: RecordBatch): void;
  /** Behind the rows of an input: what its header said. */
  end(header: HeaderFacts): void;
  /** What the form has no words for → rows concerned. */
  readonly unsaid: ReadonlyMap<string, number>;
}

export type MakeWriter = (timeline: Written, out: ByteText) => FormWriter;

/** Facts of a header that a reader of the output must know. */
export function headerFacts(header: HeaderFacts): [string, string | number][] {
  const all: [string, string | number][] = [
    ['tracer', header.tracer],
    ['clock', header.clock],
    ['cpus', header.cpus],
    ['entriesInBuffer', header.entriesInBuffer],
    ['entriesWritten', header.entriesWritten],
  ];
  return all.filter(([, value]) => value !== '' && value !== -1);
}

/** Absolute stamp as a decimal string; plain arithmetic where it is exact. */
export function stampOf(time: TimeBase, tsNs: number): string {
  const absolute = (time.baseSec ?? 0) * 1e9 + tsNs;
  return Number.isSafeInteger(absolute) && Number.isInteger(tsNs) ? String(absolute) : time.absolute(tsNs);
}

/** The five-column form of packed flags; empty when the recording had no such column. */
export function flagsText(flags: number): string {
  if ((flags & FLAG.known) === 0) return '';
  const irqs = flags & FLAG.irqsOff ? (flags & FLAG.bhOff ? 'D' : 'd') : flags & FLAG.bhOff ? 'b' : '.';
  const both = FLAG.needResched | FLAG.needReschedLazy;
  const need =
    (flags & both) === both ? 'L' : flags & FLAG.needResched ? 'N' : flags & FLAG.needReschedLazy ? 'l' : '.';
  const hard = flags & FLAG.hardirq;
  const soft = flags & FLAG.softirq;
  const context = flags & FLAG.nmi ? (hard ? 'Z' : 'z') : hard ? (soft ? 'H' : 'h') : soft ? 's' : '.';
  const depth = (n: number): string => (n === 0 ? '.' : n.toString(16));
  return `${irqs}${need}${context}${depth(preemptDepth(flags))}${depth(migrateDepth(flags))}`;
}

/** Remembers one string per small integer. */
export function cached(make: (id: number) => string): (id: number) => string {
  const known = new Map<number, string>();
  return (id) => {
    let text = known.get(id);
    if (text === undefined) known.set(id, (text = make(id)));
    return text;
  };
}
