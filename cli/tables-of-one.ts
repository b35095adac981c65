import { join } from 'node:path';
import type { AnalyseOptions } from '../src/analyse/analyse.js';
import { RecordingTables } from '../src/data/recording-tables.js';
import { rowOf } from '../src/fleet/recording-row.js';
import { RecordingFacts } from '../src/parsers/input/recording-facts.js';
import { temporaryFolder } from '../src/parsers/input/temporary-folder.js';
import type { Result } from '../src/result/types.js';
import { checkHostOf } from './host-flag.js';
import { type KernelFlagValues, knownOf } from './kernel-flags.js';
import { openDataset } from './parquet-flag.js';

/** The tables of a replay that is one report; several inputs are one recording, called by all their paths. */
export interface TablesOfOne {
  readonly given: Pick<AnalyseOptions, 'measured' | 'facts'>;
  /** Puts them into the dataset. Those of an interrupted replay are left out, which is said on standard error. */
  keep(result: Result): void;
}

/** Null where none are asked for. */
export async function tablesOfOne(
  folder: string | undefined,
  words: readonly string[],
  flags: KernelFlagValues & { readonly 'host-of'?: string | undefined; readonly syscall: string },
): Promise<TablesOfOne | null> {
  const dataset = await openDataset(folder, words);
  if (dataset === null) return null;
  const hostOf = checkHostOf(flags['host-of']);
  const path = words.join(' ');
  const spool = temporaryFolder('pttrace-');
  const from = join(spool.path, 'tables');
  const tables = new RecordingTables(from, path, flags.syscall);
  const facts = new RecordingFacts(knownOf(flags));
  return {
    given: { measured: tables.measured, facts },
    keep(result) {
      if (result.summary.partial) {
        process.stderr.write('pttrace: interrupted: no tables are written\n');
      } else {
        const row = rowOf(path, result, facts, hostOf);
        tables.finish(row, result, facts.value('kernel'));
        dataset.take(path, row, from);
      }
      spool.release();
    },
  };
}
