import type { EvidenceRef, RecordBatch } from '../../timeline/batch.js';
import { type EventTable, LAST_RESERVED } from '../../timeline/events.js';
import { copyBatch } from '../../timeline/window.js';

/** Lines with the stamp of another that are remembered; older ones are all taken to have one. */
const MOST = 1 << 16;
/** Neighbours of one stamp, and kinds of them, that are all in the order of the alphabet where nobody has sorted them: none has so many. */
const PAIRS = 16;
const KINDS = 5;
/** What neighbours have in common whose lines differ first behind it. */
const SAME = ['tsNs', 'cpu', 'pid', 'comm', 'flags'] as const;

export const SORTED_BY_TEXT =
  'the lines of one stamp stand in the order of the alphabet, as sort leaves them: what came before what is not known there (sort -s keeps their order)';

/**
 * Events of a CPU with one stamp, and whether their order is the one in which they happened. `sort` without `-s`, as people
 * merge recordings by hand, compares whole lines where the keys are equal. It is told by neighbours of one CPU, task and context,
 * whose lines differ first in the name of the event or its arguments; kernels write some of them against the alphabet.
 */
export class Ties {
  private readonly events: EventTable;
  private readonly tied = new Set<EvidenceRef>();
  /** By CPU: its last stamp and line. */
  private readonly lastNs: number[] = [];
  private readonly lastRef: EvidenceRef[] = [];
  private readonly kinds = new Set<number>();
  /** Last of the lines no longer remembered. */
  private forgotten: EvidenceRef = -1;
  /** Last row of the batch before. */
  private before: RecordBatch | null = null;
  private pairs = 0;
  private against = false;

  constructor(events: EventTable) {
    this.events = events;
  }

  /** Row of a batch that stands behind those before it in the input. */
  event(batch: RecordBatch, row: number, ts: number, cpu: number): void {
    if (this.against || cpu < 0) return;
    if (this.lastNs[cpu] === ts) {
      this.remember(this.lastRef[cpu]!);
      this.remember(batch.ref(row));
      if (row > 0) this.compare(batch, row - 1, batch, row);
      else if (this.before) this.compare(this.before, 0, batch, row);
    }
    this.before = row === batch.length - 1 ? copyBatch(batch, row, row + 1) : null;
    this.lastNs[cpu] = ts;
    this.lastRef[cpu] = batch.ref(row);
  }

  /** Nothing speaks for the order of lines with one stamp. */
  get sorted(): boolean {
    return !this.against && this.pairs >= PAIRS && this.kinds.size >= KINDS;
  }

  /** Whether one of the lines has a stamp that another line of its CPU has too. */
  any(lines: readonly EvidenceRef[]): boolean {
    return lines.some((ref) => ref >= 0 && (ref <= this.forgotten || this.tied.has(ref)));
  }

  private remember(ref: EvidenceRef): void {
    this.tied.add(ref);
    if (this.tied.size <= MOST) return;
    for (const oldest of this.tied) {
      this.tied.delete(oldest);
      this.forgotten = Math.max(this.forgotten, oldest);
      return;
    }
  }

  private compare(first: RecordBatch, i: number, second: RecordBatch, j: number): void {
    for (const name of SAME) if (first[name][i] !== second[name][j]) return;
    const [a, b] = [first.event[i]!, second.event[j]!];
    if (a <= LAST_RESERVED) return;
    const order = a === b ? bodies(first, i, second, j) : this.names(a, b);
    if (order === 0) return;
    if (order > 0) {
      this.against = true;
      this.tied.clear();
      return;
    }
    this.pairs++;
    if (this.kinds.size < KINDS) this.kinds.add(a * 65536 + b);
  }

  private names(a: number, b: number): number {
    const one = this.events.head(a).name;
    const other = this.events.head(b).name;
    let i = 0;
    while (i < one.length && one[i] === other[i]) i++;
    return inOrder(one.charCodeAt(i), other.charCodeAt(i));
  }
}

function bodies(first: RecordBatch, i: number, second: RecordBatch, j: number): number {
  const [a, b] = [first.bytes, second.bytes];
  let [p, q] = [first.bodyStart[i]!, second.bodyStart[j]!];
  const [end, last] = [first.bodyEnd[i]!, second.bodyEnd[j]!];
  while (p < end && q < last && a[p] === b[q]) {
    p++;
    q++;
  }
  return p < end && q < last ? inOrder(a[p]!, b[q]!) : 0;
}

/** Below 0 in the order of every locale, above 0 against it, 0: locales differ in it (they skip all but digits and letters). */
function inOrder(a: number, b: number): number {
  const told = (c: number): boolean => (c >= 48 && c <= 57) || (c >= 97 && c <= 122);
  return told(a) && told(b) ? a - b : 0;
}
