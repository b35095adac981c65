import { UsageError } from '../result/usage-error.js';
import type { Answers } from './answers.js';
import { askIntoFiles, type ManyOptions } from './many.js';
import type { Plan } from './plan.js';
import { isFault, type RecordingRow, rowWithout } from './recording-row.js';

export interface ShardRun {
  /** Recordings that were answered before, answered now, and those that the surroundings kept from it. */
  readonly known: number;
  readonly answered: number;
  readonly faults: readonly RecordingRow[];
  readonly partial: boolean;
}

/**
 * Answers what of a shard is not answered yet. Run it as often as is needed, also twice at once: an answer is written
 * whole, and is the same whoever writes it. Throws UsageError for a shard that there is not, StoreError where answers
 * cannot be kept.
 */
export async function runShard(
  plan: Plan,
  shard: number,
  answers: Answers,
  options: ManyOptions,
): Promise<ShardRun> {
  const of = plan.shards[shard];
  if (of === undefined) {
    throw new UsageError(`there is no shard ${shard}: the plan has shards 0 to ${plan.shards.length - 1}`);
  }
  const open = of.filter((i) => answers.read(i) === null);
  const asked = open.map((i) => ({ ...plan.recordings[i]!, place: answers.place(i) }));
  const faults: RecordingRow[] = [];
  let answered = 0;
  const tablesOf = (i: number): string => answers.tables(open[i]!)!;
  const many = plan.question.tables ? { ...options, tablesOf } : options;
  for await (const row of askIntoFiles(plan.question, asked, many)) {
    if (isFault(row)) faults.push(row);
    else answered++;
  }
  return { known: of.length - open.length, answered, faults, partial: options.io.signal?.aborted === true };
}

/** All answers to a plan in the order of its recordings. */
export interface Merged {
  readonly rows: readonly RecordingRow[];
  readonly bodyOf: (index: number) => string | null;
  /** Folder of the tables of a recording; null where the plan asks for none. */
  readonly tablesOf: (index: number) => string | null;
  /** Recordings that are neither answered nor given up, by shard. */
  readonly missing: readonly { readonly shard: number; readonly recordings: number }[];
}

/** Rows of what was given up, or is missing, say so; the rest is what one process would say. Throws StoreError. */
export function mergeShards(plan: Plan, answers: Answers): Merged {
  const missing = new Set<number>();
  const rows = plan.recordings.map(({ path }, i) => {
    const row = answers.read(i)?.row ?? answers.givenUp(i);
    if (row !== null) return row;
    missing.add(i);
    const error = { code: 'missing', message: 'is not answered yet' };
    return rowWithout(path, 'failed', error, plan.question.hostOf);
  });
  const bodyOf = (i: number): string | null => {
    const body = answers.read(i)?.body;
    return body === undefined || body === 'null' ? null : body;
  };
  const left = plan.shards.map((of, shard) => ({
    shard,
    recordings: of.filter((i) => missing.has(i)).length,
  }));
  return { rows, bodyOf, tablesOf: (i) => answers.tables(i), missing: left.filter((m) => m.recordings > 0) };
}
