import { join } from 'node:path';
import { Flags } from '@oclif/core';
import type { Plan } from '../src/fleet/plan.js';
import type { RecordingRow } from '../src/fleet/recording-row.js';
import type { Merged } from '../src/fleet/shard.js';
import { Summary } from '../src/fleet/summary.js';
import { type GateAnswer, gateRun } from '../src/gate/gate.js';
import { INFO_SCHEMA, type Info } from '../src/info/info.js';
import { temporaryFolder } from '../src/parsers/input/temporary-folder.js';
import { printable, printableReport } from '../src/result/printable.js';
import { UsageError } from '../src/result/usage-error.js';
import { EXIT } from './exit-codes.js';
import { reportReplays } from './fleet-report.js';
import { gateExit, gateReportFlags, printGate, writeGateReports } from './gate-report.js';
import { tellBad } from './info-report.js';
import { gateAnswerWithout, summaryText } from './judge-many.js';
import { writeOut } from './output.js';
import { openDataset, parquetFlag } from './parquet-flag.js';
import type { ReportLook } from './replay-report.js';
import { widthFlag } from './width.js';

/** How the report on a whole plan looks: those of the planned command that make sense of its kind are used. */
export const mergeFlags = {
  ...gateReportFlags,
  ...parquetFlag,
  summary: Flags.boolean({ description: 'report on validate: what the recordings say together' }),
  all: Flags.boolean({ description: 'report on replay: each report too', exclusive: ['json'] }),
  events: Flags.integer({ description: 'report on info: events listed at most', default: 40, min: 1 }),
  ...widthFlag,
  plain: Flags.boolean({
    description: 'ASCII, at most 75 columns, for a mail',
    exclusive: ['json', 'width'],
  }),
  json: Flags.boolean({ description: 'one JSON object, as the planned command prints it' }),
};

export type MergeLook = ReportLook &
  Parameters<typeof printGate>[1] &
  Parameters<typeof writeGateReports>[1] & {
    readonly summary: boolean;
    readonly events: number;
    readonly parquet?: string | undefined;
  };

/** Before anything is answered. Throws UsageError where tables are wanted that were not planned. */
export function checkTables({ question }: Plan, { parquet }: Pick<MergeLook, 'parquet'>): void {
  if (parquet !== undefined && !question.tables)
    throw new UsageError('--parquet wants a plan whose answers carry tables: pttrace shard plan --tables');
}

/** Writes what the command of the plan would have written, and sets its exit code. */
export async function reportMerged(plan: Plan, merged: Merged, look: MergeLook): Promise<void> {
  const { rows, bodyOf } = merged;
  await placeAll(merged, look);
  const partial = merged.missing.length > 0;
  if (plan.question.command === 'replay') return reportReplays({ rows, bodyOf, partial }, look);
  if (plan.question.command === 'info') return reportInfo(merged, look);
  const answers = rows.map((row, i): GateAnswer => {
    const body = bodyOf(i);
    if (body === null) return gateAnswerWithout(row.path, row.error?.message ?? '');
    const answer = JSON.parse(body) as GateAnswer;
    // What a baseline is made of is not kept.
    const reading = answer.reading && { ...answer.reading, samples: new Map() };
    return { ...answer, reading };
  });
  const run = gateRun(answers, plan.question.policy.sources, partial);
  process.exitCode = gateExit(run.report);
  if (look.summary) {
    const summary = new Summary();
    for (const row of rows) summary.add(row);
    await writeOut(await summaryText(summary.done(partial), look.plain));
  } else await printGate(run.report, look);
  const failed = writeGateReports(run, look);
  for (const message of failed) process.stderr.write(`pttrace: ${printable(message)}\n`);
  if (failed.length > 0 && process.exitCode === EXIT.clean) process.exitCode = EXIT.usage;
}

async function placeAll({ rows, tablesOf }: Merged, { parquet }: MergeLook): Promise<void> {
  const dataset = await openDataset(parquet, []);
  if (dataset === null) return;
  const { placeTables } = await import('../src/fleet/table-folder.js');
  const spool = temporaryFolder('pttrace-');
  try {
    for (const [i, row] of rows.entries())
      placeTables(dataset, row, unanswered(row) ? join(spool.path, String(i)) : tablesOf(i)!);
  } finally {
    spool.release();
  }
}

/** What was given up, or is missing, has no tables that count. */
const unanswered = ({ error }: RecordingRow): boolean =>
  error?.code === 'quarantined' || error?.code === 'missing';

async function reportInfo({ rows, bodyOf, missing }: Merged, look: MergeLook): Promise<void> {
  const files: Info['files'][number][] = [];
  for (const [i, row] of rows.entries()) {
    const body = bodyOf(i);
    if (body === null) tellBad(row);
    else {
      const told = JSON.parse(body) as Info['files'];
      files.push(...told);
      if (told.some((f) => f.input.error)) process.exitCode ??= EXIT.unreadable;
    }
  }
  const info: Info = { schema: INFO_SCHEMA, files, partial: missing.length > 0 };
  if (info.partial) process.exitCode = EXIT.interrupted;
  if (look.json) await writeOut(`${JSON.stringify(info, null, 2)}\n`);
  else await writeOut((await import('./render/info.js')).formatInfo(printableReport(info), look));
}
