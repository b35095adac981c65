import type { Dataset } from '../src/data/dataset.js';
import type { ValidateQuestion } from '../src/fleet/question.js';
import type { FleetSummary } from '../src/fleet/summary.js';
import { failedTrace, type GateAnswer, type GateRun, gateRun, internal } from '../src/gate/gate.js';
import { printableReport } from '../src/result/printable.js';
import { checkHostOf } from './host-flag.js';
import { overRecordings } from './many-recordings.js';
import { tablesBelow } from './parquet-flag.js';
import { MAIL_WIDTH, widthOf } from './width.js';

/** Judges recordings several at a time; the report is that of one after the other. */
export async function judgeMany(
  traces: readonly string[],
  judged: Omit<ValidateQuestion, 'command' | 'hostOf'>,
  flags: { readonly jobs?: number | undefined; readonly 'host-of'?: string | undefined },
  dataset: Dataset | null,
): Promise<GateRun & { readonly summary: FleetSummary }> {
  const { askMany } = await import('../src/fleet/many.js');
  const { Summary } = await import('../src/fleet/summary.js');
  const { takeTables } = await import('../src/fleet/table-folder.js');
  const question: ValidateQuestion = {
    command: 'validate',
    hostOf: checkHostOf(flags['host-of']),
    ...judged,
  };
  const { value } = await overRecordings(traces, flags.jobs, async (options, folder) => {
    const tablesOf = dataset && tablesBelow(folder);
    const many = tablesOf ? { ...options, tablesOf } : options;
    const answers: GateAnswer[] = [];
    const summary = new Summary();
    for await (const { command, row, body } of askMany(question, traces, many)) {
      if (dataset && tablesOf) takeTables(dataset, row, tablesOf(answers.length));
      if (command !== 'validate') continue;
      summary.add(row);
      answers.push(body ?? gateAnswerWithout(row.path, row.error?.message ?? ''));
    }
    const partial = options.io.signal?.aborted === true;
    return { ...gateRun(answers, judged.policy.sources, partial), summary: summary.done(partial) };
  });
  return value;
}

/** Of a recording whose thread ended: a fault of ours, which fails its gate. */
export const gateAnswerWithout = (path: string, message: string): GateAnswer => ({
  trace: failedTrace(path, internal(message)),
  reading: null,
  partial: false,
});

export async function summaryText(summary: FleetSummary, plain: boolean): Promise<string> {
  const { formatFleet } = await import('./render/fleet.js');
  const width = plain ? MAIL_WIDTH : widthOf(undefined);
  return formatFleet(printableReport(summary), { width, plain, all: false });
}
