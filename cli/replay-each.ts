import { join } from 'node:path';
import { askIntoFiles } from '../src/fleet/many.js';
import type { ReplayQuestion } from '../src/fleet/question.js';
import type { RecordingRow } from '../src/fleet/recording-row.js';
import { readAnswer } from '../src/fleet/result-file.js';
import { takeTables } from '../src/fleet/table-folder.js';
import { recordingsOf } from '../src/read/recordings.js';
import { reportReplays } from './fleet-report.js';
import { overRecordings } from './many-recordings.js';
import { openDataset, tablesBelow } from './parquet-flag.js';
import type { ReportLook } from './replay-report.js';

/** Replays every recording by itself, several at a time, and reports on all of them. */
export async function replayEach(
  words: readonly string[],
  question: ReplayQuestion,
  jobs: number | undefined,
  look: ReportLook & { readonly parquet?: string | undefined },
): Promise<void> {
  const dataset = await openDataset(look.parquet, words);
  const paths = recordingsOf(words);
  await overRecordings(paths, jobs, async (options, folder) => {
    const asked = paths.map((path, i) => ({
      path,
      place: { file: join(folder, `${i}.json`), key: String(i), durable: false },
    }));
    const rows: RecordingRow[] = [];
    const tablesOf = dataset && tablesBelow(folder);
    const many = tablesOf ? { ...options, tablesOf } : options;
    for await (const row of askIntoFiles(question, asked, many)) {
      if (dataset && tablesOf) takeTables(dataset, row, tablesOf(rows.length));
      rows.push(row);
    }
    const partial = options.io.signal?.aborted === true;
    const bodyOf = (i: number): string | null => {
      const body = readAnswer(asked[i]!.place)?.body;
      return body === undefined || body === 'null' ? null : body;
    };
    await reportReplays({ rows, bodyOf, partial }, look);
  });
}
