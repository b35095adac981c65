import { rmSync, statSync } from 'node:fs';
import { runPhases } from '../compare/phases.js';
import { loadRun, type RunOptions, type RunSample } from '../compare/sides.js';
import { type RunTables, runTables } from '../compare/tables-out.js';
import { Distribution, type DistributionState } from '../latency/histogram/distribution.js';
import { TraceError } from '../parsers/input/trace-error.js';
import { type Answer, ask, type Io, unanswered } from './ask.js';
import { contentOf } from './plan.js';
import type { Question } from './question.js';
import { isFault, type RecordingRow, rowError } from './recording-row.js';
import { type Place, writeAnswer } from './result-file.js';
import { keepTables, partOf } from './table-folder.js';

/** Options of a run that are plain data. */
export type PlainRunOptions = Omit<RunOptions, 'stdin' | 'spoolDir' | 'signal' | 'onProgress' | 'facts'>;

/** How far a task is. */
export type Progress = Parameters<NonNullable<RunOptions['onProgress']>>[0];

/** What one thread does at a time: plain data. */
export type Task =
  | {
      readonly kind: 'ask';
      readonly question: Question;
      readonly path: string;
      /** Where the answer is kept; null: it is handed back. A fault of the surroundings is never kept. */
      readonly place: Place | null;
      /** Hash that the recording was planned with; absent: it was not. */
      readonly sha256?: string | undefined;
      /** Where the recording is fetched from, into the current folder; absent: it is there. */
      readonly store?: string | undefined;
      /** Folder that its tables are written into; absent: none are. */
      readonly tables?: string | undefined;
    }
  | { readonly kind: 'run'; readonly argument: string; readonly options: PlainRunOptions }
  | { readonly kind: 'phases'; readonly path: string; readonly options: PlainRunOptions }
  | { readonly kind: 'tables'; readonly path: string; readonly options: PlainRunOptions };

type AskTask = Extract<Task, { kind: 'ask' }>;

/** As `RunSample`, without what has methods. */
type PackedSample = Omit<RunSample, 'durations'> & { readonly durations: DistributionState | null };

/** What comes back from a thread: plain data too. */
export type Handed =
  | { readonly kind: 'row'; readonly row: RecordingRow }
  | {
      readonly kind: 'answer';
      readonly answer: Answer;
      /** Of a gate with a baseline, by syscall. */
      readonly samples: readonly (readonly [string, PackedSample])[];
    }
  | { readonly kind: 'run'; readonly sample: PackedSample }
  | { readonly kind: 'phases'; readonly means: readonly number[] | null }
  | { readonly kind: 'tables'; readonly tables: RunTables | null };

/** Does one task. An answer that is kept in a file need not travel: only its row comes back. */
export async function perform(task: Task, io: Io = {}): Promise<Handed> {
  if (task.kind === 'run')
    return { kind: 'run', sample: packSample(await loadRun(task.argument, { ...task.options, ...io })) };
  if (task.kind === 'phases')
    return { kind: 'phases', means: await runPhases(task.path, { ...task.options, ...io }) };
  if (task.kind === 'tables')
    return { kind: 'tables', tables: await runTables(task.path, { ...task.options, ...io }) };
  const answer = await askWithTables(task, io);
  if (task.place === null) return packAnswer(answer);
  if (!isFault(answer.row)) writeAnswer(task.place, answer);
  return { kind: 'row', row: answer.row };
}

/** Where an answer is, its tables are: they are kept before it. */
async function askWithTables(task: AskTask, io: Io): Promise<Answer> {
  const { tables, place } = task;
  if (tables === undefined) return askPlanned(task, io);
  const part = partOf(tables);
  try {
    const answer = await askPlanned(task, io, part);
    if (!isFault(answer.row)) keepTables(part, tables, place?.durable ?? false);
    return answer;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** A fetched recording goes when it has been answered. */
async function askPlanned(task: AskTask, io: Io, tables?: string): Promise<Answer> {
  const { store, path, question } = task;
  if (store === undefined) return askHere(task, io, tables);
  const { ObjectStore } = await import('./object-store.js');
  try {
    await new ObjectStore(store).fetch(path, '.');
    return await askHere(task, io, tables);
  } catch (error) {
    if (error instanceof TraceError) return unanswered(question, path, 'unreadable', rowError(error));
    throw error;
  } finally {
    rmSync(path, { force: true });
  }
}

/** A recording that is no longer, or not yet, what was planned (a copy under way, another file system) is not asked. */
async function askHere(task: AskTask, io: Io, tables?: string): Promise<Answer> {
  const { question, path, sha256 } = task;
  if (sha256 === undefined) return ask(question, path, io, tables);
  try {
    const before = statSync(path);
    if (contentOf(path).sha256 !== sha256) return unanswered(question, path, 'unreadable', CHANGED);
    const answer = await ask(question, path, io, tables);
    const after = statSync(path);
    const same = before.size === after.size && before.mtimeMs === after.mtimeMs && before.ino === after.ino;
    return same ? answer : unanswered(question, path, 'unreadable', CHANGED);
  } catch (error) {
    if (error instanceof TraceError) return unanswered(question, path, 'unreadable', rowError(error));
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return unanswered(question, path, 'unreadable', {
      code: code === 'ENOENT' ? 'not-found' : 'unreadable',
      message: code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`,
    });
  }
}

const CHANGED = { code: 'changed', message: 'is not what was planned: it was changed, or is not all there' };

function packAnswer(answer: Answer): Handed {
  if (answer.command !== 'validate' || !answer.body?.reading) return { kind: 'answer', answer, samples: [] };
  const { reading } = answer.body;
  const samples = [...reading.samples].map(([name, s]) => [name, packSample(s)] as const);
  const body = { ...answer.body, reading: { ...reading, samples: new Map() } };
  return { kind: 'answer', answer: { ...answer, body }, samples };
}

export function unpackAnswer({ answer, samples }: Extract<Handed, { kind: 'answer' }>): Answer {
  if (answer.command !== 'validate' || !answer.body?.reading) return answer;
  const reading = {
    ...answer.body.reading,
    samples: new Map(samples.map(([name, s]) => [name, unpackSample(s)])),
  };
  return { ...answer, body: { ...answer.body, reading } };
}

const packSample = (sample: RunSample): PackedSample => ({
  ...sample,
  durations: sample.durations?.state() ?? null,
});

export const unpackSample = (packed: PackedSample): RunSample => ({
  ...packed,
  durations: packed.durations === null ? null : Distribution.restored(packed.durations),
});
