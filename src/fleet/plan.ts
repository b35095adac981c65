import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { TraceError } from '../parsers/input/trace-error.js';
import { UsageError } from '../result/usage-error.js';
import { VERSION } from '../version.js';
import type { Question } from './question.js';
import { RESULT_FILE_SCHEMA, sha256 } from './result-file.js';

export const PLAN_SCHEMA = 'pttrace/plan/1';

export interface PlannedRecording {
  /** As given, relative to the folder that the shards are run in. */
  readonly path: string;
  readonly bytes: number;
  /** Of the file as it lies there, packed or not. */
  readonly sha256: string;
}

/**
 * What is asked of which recordings, and who does what: all that the machines must agree on, in one file. JSON Schema:
 * `src/schema/plan.schema.json`.
 */
export interface Plan {
  readonly schema: typeof PLAN_SCHEMA;
  /** Of pttrace: another one may answer otherwise. */
  readonly version: string;
  /** SHA-256 of all the rest. */
  readonly id: string;
  readonly question: Question;
  /** In the order of the report. */
  readonly recordings: readonly PlannedRecording[];
  /** Indices into `recordings`; every one is in exactly one shard. */
  readonly shards: readonly (readonly number[])[];
}

/**
 * Reads every recording once for its hash. Shards get about the same number of bytes; the same files and options give the
 * same plan. Throws TraceError for a file that cannot be read, UsageError for fewer than one shard.
 */
export function makePlan(question: Question, paths: readonly string[], shards: number): Plan {
  if (!(shards >= 1 && shards <= 100_000)) throw new UsageError('--shards wants a number from 1 to 100000');
  if (paths.includes('-')) throw new UsageError('standard input cannot be planned: other processes read it');
  return planOf(question, paths.map(contentOf), shards);
}

/** As `makePlan`, of recordings whose hashes are known. */
export function planOf(question: Question, recordings: readonly PlannedRecording[], shards: number): Plan {
  if (!(shards >= 1 && shards <= 100_000)) throw new UsageError('--shards wants a number from 1 to 100000');
  const rest = {
    schema: PLAN_SCHEMA,
    version: VERSION,
    // As it will be read again: what is undefined is not there.
    question: JSON.parse(JSON.stringify(question)) as Question,
    recordings,
    shards: balanced(recordings, shards),
  } as const;
  return { ...rest, id: idOf(rest) };
}

/** Throws UsageError for what is no plan, was changed by hand, or was made by another version. */
export function readPlan(path: string): Plan {
  let plan: Partial<Plan>;
  try {
    plan = JSON.parse(readFileSync(path, 'utf8')) as Partial<Plan>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path} cannot be read as a plan (${code ?? message})`);
  }
  if (plan.schema !== PLAN_SCHEMA) throw new UsageError(`${path} is no plan of pttrace shard plan`);
  const { id, ...rest } = plan as Plan;
  if (id !== idOf(rest)) throw new UsageError(`${path} was changed: its hash is not that of its content`);
  if (rest.version !== VERSION)
    throw new UsageError(
      `${path} was made by pttrace ${rest.version}, this is ${VERSION}: they may answer otherwise`,
    );
  return plan as Plan;
}

/** What the answer to one recording is known by: nothing else can change it. */
export const answerKey = (plan: Plan, { path, sha256: content }: PlannedRecording): string =>
  sha256(JSON.stringify([RESULT_FILE_SCHEMA, plan.version, plan.question, path, content]));

/** Size and hash of a file. Throws TraceError. */
export function contentOf(path: string): PlannedRecording {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    if (!statSync(path).isFile()) throw new TraceError('unreadable', 'is no plain file', { path });
    const fd = openSync(path, 'r');
    try {
      const chunk = Buffer.allocUnsafe(1 << 20);
      for (let n = readSync(fd, chunk); n > 0; n = readSync(fd, chunk)) {
        hash.update(chunk.subarray(0, n));
        bytes += n;
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof TraceError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new TraceError('not-found', 'no such file', { path, cause: error });
    throw new TraceError('unreadable', `cannot be read (${code ?? String(error)})`, { path, cause: error });
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

const idOf = ({ schema, version, question, recordings, shards }: Omit<Plan, 'id'>): string =>
  sha256(JSON.stringify([schema, version, question, recordings, shards]));

/** The largest first, each to the shard that has least; within a shard in the order of the report. */
function balanced(recordings: readonly PlannedRecording[], count: number): number[][] {
  const shards = Array.from({ length: count }, () => ({ bytes: 0, of: [] as number[] }));
  const order = recordings
    .map((_, i) => i)
    .sort((a, b) => recordings[b]!.bytes - recordings[a]!.bytes || a - b);
  for (const i of order) {
    let least = shards[0]!;
    for (const shard of shards)
      if (shard.bytes < least.bytes || (shard.bytes === least.bytes && shard.of.length < least.of.length))
        least = shard;
    least.bytes += recordings[i]!.bytes;
    least.of.push(i);
  }
  return shards.map(({ of }) => of.sort((a, b) => a - b));
}
