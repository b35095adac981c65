import { UsageError } from '../result/usage-error.js';

/*
 * What is used of @duckdb/node-api, which is not installed with pttrace (70 MB): its own types would have to be there for
 * everybody who compiles against it.
 */

interface Reader {
  columnNames(): string[];
  columnTypes(): { toString(): string }[];
  /** Numbers beyond 2^53, dates and the like as text. */
  getRowsJson(): unknown[][];
}

export interface Connection {
  run(sql: string): Promise<unknown>;
  runAndReadAll(sql: string): Promise<Reader>;
  closeSync(): void;
}

interface Api {
  readonly DuckDBInstance: {
    create(
      path: string,
      config: Readonly<Record<string, string>>,
    ): Promise<{
      connect(): Promise<Connection>;
      closeSync(): void;
    }>;
  };
}

/** One thread: rows without ORDER BY come in one order. Nothing is fetched from anywhere. */
const CONFIG = {
  threads: '1',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

/** A database in memory, closed behind `work`. Throws UsageError where DuckDB is not installed, with the way to install it. */
export async function withDuckDb<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
  const { DuckDBInstance } = await load();
  const instance = await DuckDBInstance.create(':memory:', CONFIG);
  try {
    const connection = await instance.connect();
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

async function load(): Promise<Api> {
  // Not seen by compilers and bundlers: it need not be there.
  const name = '@duckdb/node-api';
  try {
    return (await import(name)) as Api;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      'pttrace query needs DuckDB, which is not installed: npm install @duckdb/node-api beside pttrace (70 MB). The tables are plain Parquet files, for any other reader',
    );
  }
}
