import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TraceError } from '../parsers/input/trace-error.js';
import { UsageError } from '../result/usage-error.js';
import { VERSION } from '../version.js';
import { type Connection, withDuckDb } from './duckdb.js';
import { MACROS } from './queries.js';
import { type ColumnKind, TABLES, type Table } from './tables.js';

export const QUERY_SCHEMA = 'pttrace/query/1';

/** A whole number beyond 2^53 is a decimal string; what JSON has no word for (dates, intervals) too. */
export type Cell = string | number | boolean | null | readonly Cell[] | { readonly [name: string]: Cell };

/** JSON Schema: `src/schema/query.schema.json`. */
export interface QueryReport {
  readonly schema: typeof QUERY_SCHEMA;
  readonly version: string;
  readonly sql: string;
  /** `type`: as DuckDB calls it. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Cell[])[];
}

/**
 * Asks the tables in `folder`, which `--parquet` wrote, by SQL: each is a view of its own name, with the columns `kernel` and
 * `host` in front. Throws UsageError for SQL that DuckDB does not take and for a folder that holds no tables, TraceError
 * for a file that cannot be read.
 */
export async function query(folder: string, sql: string): Promise<QueryReport> {
  if (!existsSync(join(folder, 'recordings')))
    throw new UsageError(
      `${folder} holds no tables: --parquet of replay, validate, shard and fleet writes them`,
    );
  return withDuckDb(async (connection) => {
    for (const macro of MACROS) await connection.run(macro);
    for (const table of TABLES) await asked(connection.run(viewOf(folder, table)), folder);
    return asked(answer(connection, sql), folder);
  });
}

async function answer(connection: Connection, sql: string): Promise<QueryReport> {
  const reader = await connection.runAndReadAll(sql);
  const names = reader.columnNames();
  const columns = reader.columnTypes().map((type, i) => ({ name: names[i]!, type: String(type) }));
  const rows = reader
    .getRowsJson()
    .map((row) => row.map((value, i) => cell(value as Cell, columns[i]!.type)));
  return { schema: QUERY_SCHEMA, version: VERSION, sql, columns, rows };
}

const WHOLE = /^(?:U?BIGINT|U?HUGEINT)$/;

function cell(value: Cell, type: string): Cell {
  if (typeof value !== 'string' || !WHOLE.test(type)) return value;
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}

const SQL_TYPES: Readonly<Record<ColumnKind, string>> = { text: 'VARCHAR', int: 'INTEGER', long: 'BIGINT' };

/** The text as SQL, whatever it holds. */
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** What a path means where `*` and the like have a meaning. */
const literal = (path: string): string => path.replace(/[[*?]/g, '[$&]');

function viewOf(folder: string, { name, columns }: Table): string {
  const typed = columns.map((c) => `CAST(NULL AS ${SQL_TYPES[c.kind]}) AS ${c.name}`);
  if (!hasRows(join(folder, name)))
    return `CREATE VIEW ${name} AS SELECT CAST(NULL AS VARCHAR) AS kernel, CAST(NULL AS VARCHAR) AS host, ${typed.join(', ')} WHERE false`;
  // A kernel called 6 and a host called 17 are names.
  return `CREATE VIEW ${name} AS SELECT kernel, host, ${columns.map((c) => c.name).join(', ')} FROM read_parquet(
    ${quoted(`${literal(folder)}/${name}/*/*/*.parquet`)},
    hive_partitioning = true, hive_types = {'kernel': VARCHAR, 'host': VARCHAR})`;
}

/** No recording may have had such a thing. */
const hasRows = (folder: string): boolean =>
  existsSync(folder) &&
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((f) => f.endsWith('.parquet'));

/** What DuckDB says against the files is another thing than what it says against the SQL. */
async function asked<T>(running: Promise<T>, folder: string): Promise<T> {
  try {
    return await running;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (
      /^(?:IO Error|Invalid Input Error|Invalid Error|TProtocolException)/.test(message) &&
      message.includes('.parquet')
    )
      throw new TraceError('unreadable', message.split('\n', 1)[0]!, { path: folder, cause: error });
    if (/^[A-Z]\w*(?: \w+)* Error: /.test(message)) throw new UsageError(message);
    throw error;
  }
}
