import { type AnalyseOptions, analyse } from '../analyse/analyse.js';
import { RecordingTables } from '../data/recording-tables.js';
import { StoreError } from '../data/store-error.js';
import { type GateAnswer, judgeRecording } from '../gate/gate.js';
import { type InputInfo, info } from '../info/info.js';
import { machinesApart } from '../parsers/input/machines.js';
import { RecordingFacts } from '../parsers/input/recording-facts.js';
import { TraceError } from '../parsers/input/trace-error.js';
import type { PipelineOptions } from '../read/pipeline.js';
import type { Result } from '../result/types.js';
import { UsageError } from '../result/usage-error.js';
import type { InfoQuestion, Question, ReplayQuestion, ValidateQuestion } from './question.js';
import {
  type RecordingRow,
  type RowError,
  type RowStatus,
  rowError,
  rowOf,
  rowWithout,
} from './recording-row.js';

/** What a recording came to: a row for the summary, and the whole of it. */
export type Answer =
  | { readonly command: 'replay'; readonly row: RecordingRow; readonly body: Result | null }
  | { readonly command: 'validate'; readonly row: RecordingRow; readonly body: GateAnswer | null }
  | { readonly command: 'info'; readonly row: RecordingRow; readonly body: readonly InputInfo[] | null };

/** What belongs to the thread that reads. */
export type Io = Pick<PipelineOptions, 'stdin' | 'spoolDir' | 'signal' | 'onProgress'>;

/**
 * Asks one recording. What is wrong with it is its answer; only a question that could be asked of none throws
 * (UsageError), an interruption, and tables that cannot be kept (StoreError). `tablesFolder`: where its tables are written.
 */
export async function ask(
  question: Question,
  path: string,
  io: Io = {},
  tablesFolder?: string,
): Promise<Answer> {
  const facts = new RecordingFacts(question.reading.known);
  const syscall = question.command === 'replay' ? question.syscall : undefined;
  const tables = tablesFolder === undefined ? null : new RecordingTables(tablesFolder, path, syscall);
  const answer = await askOne(question, path, { ...io, facts, measured: tables?.measured });
  tables?.finish(answer.row, resultIn(answer), facts.value('kernel'));
  return answer;
}

/** What an answer says by rules; null where there is none. */
function resultIn(answer: Answer): Result | null {
  if (answer.command === 'replay') return answer.body;
  return answer.command === 'validate' ? (answer.body?.reading?.result ?? null) : null;
}

type Reader = Io & { readonly facts: RecordingFacts } & Pick<AnalyseOptions, 'measured'>;

async function askOne(question: Question, path: string, io: Reader): Promise<Answer> {
  const { command } = question;
  try {
    if (command === 'replay') return await askReplay(question, path, io);
    if (command === 'validate') return await askValidate(question, path, io);
    return await askInfo(question, path, io);
  } catch (error) {
    if (error instanceof UsageError || error instanceof StoreError || io.signal?.aborted) throw error;
    if (!(error instanceof TraceError)) return unanswered(question, path, 'failed', internal(error));
    return unanswered(question, path, 'unreadable', rowError(error));
  }
}

export const unanswered = (
  { command, hostOf }: Question,
  path: string,
  status: 'unreadable' | 'failed',
  error: RowError,
): Answer => ({ command, row: rowWithout(path, status, error, hostOf), body: null });

/** Without the stack: that names places of this machine, and another one would say the same otherwise. */
const internal = (error: unknown): RowError => ({
  code: 'internal',
  message: `internal error: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
});

async function askReplay(question: ReplayQuestion, path: string, io: Reader): Promise<Answer> {
  const { command, reading, hostOf, tables: _, ...options } = question;
  const result = await analyse({ ...reading, ...options, ...io, paths: [path] });
  refuseEmpty(result, path);
  return { command, row: rowOf(path, result, io.facts, hostOf), body: result };
}

/** An empty recording must not look like a clean one. */
function refuseEmpty({ inputs, timeline, summary }: Result, path: string): void {
  if (timeline.events > 0 || summary.partial || inputs.some((i) => i.error)) return;
  const foreign = inputs.reduce((sum, i) => sum + i.lines.foreign + i.lines.skipped, 0);
  if (foreign === 0) throw new TraceError('empty', 'holds no events', { path });
  throw new TraceError('unknown-format', `none of its lines is an event of ${inputs[0]?.format}`, { path });
}

async function askValidate(question: ValidateQuestion, path: string, io: Reader): Promise<Answer> {
  const { command, reading, hostOf, policy, baseline } = question;
  const body = await judgeRecording(path, { ...reading, ...io, policy, baseline });
  const { trace } = body;
  const bad = trace.checks.find((c) => c.id === 'readable' || c.id === 'internal');
  if (body.reading === null) {
    const status = bad?.id === 'internal' ? 'failed' : 'unreadable';
    const error = { code: bad?.id ?? 'internal', message: bad?.message ?? '' };
    const row = rowWithout(path, status, error, hostOf);
    return { command, row, body };
  }
  const row = rowOf(path, body.reading.result, io.facts, hostOf);
  // The policy decides what is a finding.
  const red = trace.checks.some((c) => c.outcome === 'fail');
  const status: RowStatus = row.status === 'unreadable' ? row.status : red ? 'finding' : 'no-finding';
  return { command, row: { ...row, status }, body };
}

async function askInfo(question: InfoQuestion, path: string, io: Io): Promise<Answer> {
  const { files } = await info({ ...question.reading, ...io, paths: await machinesApart([path]) });
  const broken = files.find((f) => f.input.error)?.input.error;
  const events = files.reduce((sum, f) => sum + (f.timeline?.events ?? 0), 0);
  const { error: _, ...row } = rowWithout(path, 'unreadable', broken ?? { code: '', message: '' });
  const whole: RecordingRow = broken
    ? { ...row, error: broken, events }
    : { ...row, status: 'no-finding', events };
  return { command: 'info', row: whole, body: files };
}
