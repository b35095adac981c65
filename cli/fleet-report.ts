import { fleetDocument } from '../src/fleet/document.js';
import type { RecordingRow } from '../src/fleet/recording-row.js';
import { Summary } from '../src/fleet/summary.js';
import { printable, printableReport } from '../src/result/printable.js';
import type { Result } from '../src/result/types.js';
import { EXIT } from './exit-codes.js';
import { writeOut } from './output.js';
import { formatFleet } from './render/fleet.js';
import { type ReportLook, renderResult } from './replay-report.js';
import { MAIL_WIDTH, widthOf } from './width.js';

/** Many replayed recordings, in the order they are told in. */
export interface Replayed {
  readonly rows: readonly RecordingRow[];
  /** The result as JSON text; null where there is none. */
  readonly bodyOf: (index: number) => string | null;
  readonly partial: boolean;
}

/** Writes the report on many replays and sets the exit code. The same rows and bodies give the same bytes, wherever they were made. */
export async function reportReplays(replayed: Replayed, look: ReportLook): Promise<void> {
  const { rows, bodyOf, partial } = replayed;
  const adding = new Summary();
  for (const row of rows) adding.add(row);
  const summary = adding.done(partial);
  process.exitCode = partial ? EXIT.interrupted : exitOfRows(rows);
  if (look.json) return writePieces(fleetDocument(rows, bodyOf, summary));
  const width = look.plain ? MAIL_WIDTH : widthOf(look.width);
  await writePieces(pieces());

  async function* pieces(): AsyncGenerator<string> {
    yield formatFleet(printableReport(summary), { width, plain: look.plain, all: look.all });
    if (!look.all) return;
    for (const [i, row] of rows.entries()) {
      const body = bodyOf(i);
      yield `\n${'='.repeat(width)}\n${printable(row.path)}\n\n`;
      if (body === null) yield `${printable(row.error?.message ?? 'no result')}\n`;
      else yield await renderResult(JSON.parse(body) as Result, look);
    }
  }
}

/** The worst of them: what could not be answered, what could not be read, what was found. */
export function exitOfRows(rows: readonly RecordingRow[]): number {
  const any = (status: RecordingRow['status']): boolean => rows.some((row) => row.status === status);
  if (any('failed')) return EXIT.internal;
  if (any('unreadable')) return EXIT.unreadable;
  return any('finding') ? EXIT.finding : EXIT.clean;
}

/** One after the other into a pipe or file; at once to a terminal, whose pager shows one text. */
async function writePieces(pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const kept: string[] = [];
  for await (const piece of pieces) {
    if (process.stdout.isTTY === true) kept.push(piece);
    else await writeOut(piece);
  }
  if (kept.length > 0) await writeOut(kept.join(''));
}
