import { VERSION } from '../version.js';
import type { RecordingRow } from './recording-row.js';
import type { FleetSummary } from './summary.js';

export const FLEET_SCHEMA = 'pttrace/fleet/1';

/**
 * The JSON document on many replayed recordings, in pieces: one line a recording, then the summary. `bodyOf`: the result
 * of one as JSON text, null where there is none. JSON Schema: `src/schema/fleet.schema.json`.
 */
export function* fleetDocument(
  rows: readonly RecordingRow[],
  bodyOf: (index: number) => string | null,
  summary: FleetSummary,
): Generator<string> {
  yield `{"schema":${JSON.stringify(FLEET_SCHEMA)},"version":${JSON.stringify(VERSION)},"recordings":[`;
  for (const [i, row] of rows.entries()) {
    const body = bodyOf(i) ?? 'null';
    yield `${i > 0 ? ',' : ''}\n{"row":${JSON.stringify(row)},"result":${body}}`;
  }
  yield `\n],"summary":${JSON.stringify(summary)}}\n`;
}
