import type { PairMatcher } from './pairs.js';
import type { SpanSource } from './span-source.js';

/** Begins and ends seen, before pairing. */
export interface RowCounts {
  begins: number;
  ends: number;
  /** Rows that could not be paired: no thread id, no such argument. */
  keyless: number;
  /** Of those, ends. */
  keylessEnds: number;
  /** Ends whose duration stands on the line. */
  measured: number;
}

/** What a collector could not use, and why. */
export interface LeftOut {
  readonly source: SpanSource;
  readonly matcher: PairMatcher;
  readonly rows: RowCounts;
  readonly byThread: boolean;
  /** The recorder does not mark what it lost. */
  readonly silentLoss: boolean;
  /** Rows without a thread that were matched by their CPU instead. */
  readonly byCpu: number;
  /** Ends of an event pair without a begin. */
  readonly unmatched: number;
  /** Durations of function_graph that were printed without a number. */
  readonly unprinted: number;
  /** Events that are not used because others show the same. */
  readonly ignored: ReadonlySet<string>;
  /** Groups beyond what is kept apart. */
  readonly overflow: number;
}

/** What the numbers leave out, in words. */
export function pairNotes(left: LeftOut): string[] {
  const out: string[] = [];
  const { matcher, rows } = left;
  if (matcher.restarted > 0) {
    out.push(`${matcher.restarted} begins were followed by another begin before their end: dropped`);
  }
  if (left.silentLoss) {
    out.push(
      'the recorder does not mark lost events: a span may be made of two, and none is censored by loss',
    );
  }
  if (matcher.badClock > 0)
    out.push(`${matcher.badClock} spans end before they begin (broken clocks): dropped`);
  if (rows.keyless > 0)
    out.push(`${rows.keyless} events lack what they are matched by: dropped${otherMatch(left)}`);
  if (left.byCpu > 0) {
    out.push(
      'its lines name no thread: begins and ends are matched by CPU, which is wrong for a thread that slept or moved meanwhile',
    );
  }
  if (left.unmatched > 0) {
    out.push(`${left.unmatched} ends have no begin: begun before the recording or in loss, or never`);
  }
  if (left.unprinted > 0) out.push(`${left.unprinted} spans were printed without a duration: dropped`);
  if (left.ignored.size > 0) {
    out.push(`seen in more than one way; not used: ${[...left.ignored].sort().join(', ')}`);
  }
  if (left.overflow > 0) out.push('more than 65536 groups: the later ones are together in (other)');
  return out;
}

/** How spans without a thread may be matched all the same. */
function otherMatch({ byThread, rows, source }: LeftOut): string {
  // Nothing would be found by it where nothing ends.
  if (!byThread || rows.keylessEnds === 0) return '';
  const pair =
    source.kind === 'syscall'
      ? `--from sys_enter_${source.name} --to sys_exit_${source.name} `
      : source.kind === 'func'
        ? `--from ${source.name} --to ${source.name}%return `
        : '';
  return `. Their lines name no thread: ${pair}--match none takes each with the last before it`;
}
