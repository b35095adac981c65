import { Args, Flags } from '@oclif/core';
import { SHIPPED_QUERIES } from '../../src/data/queries.js';
import { UsageError } from '../../src/result/usage-error.js';
import { writeOut } from '../output.js';
import { prose } from '../prose.js';
import { PttraceCommand } from '../pttrace-command.js';
import { widthFlag, widthOf } from '../width.js';

export default class Query extends PttraceCommand {
  static override summary = 'SQL over the tables that --parquet of replay, validate, shard and fleet writes';
  static override description =
    prose(`Each table (recordings, verdicts, spans, delays, margins: docs/data.md) is a view of its own name, with the columns kernel and
host in front. A single word is a query that pttrace ships; without any they are listed. The engine is DuckDB, which is not
installed with pttrace: npm install @duckdb/node-api beside it. Without it the tables are Parquet files like any others.

Exit codes: 0, 2 wrong usage or wrong SQL, 3 the tables cannot be read, 4 internal error.`);
  static override usage = [
    "query 'SQL' --parquet FOLDER [--json | --plain] [--width N]",
    'query NAME --parquet FOLDER [--print | --json | --plain] [--width N]',
    'query',
  ];
  static override examples = [
    { description: 'the queries that pttrace ships', command: '<%= config.bin %> query' },
    {
      description: 'what got worse (with DuckDB)',
      command: '<%= config.bin %> query regressions --parquet tables',
    },
    {
      description: 'how long munmap() takes by host (with DuckDB)',
      command:
        "<%= config.bin %> query 'SELECT host, count(*) AS n, median(ns) AS p50 FROM spans GROUP BY host ORDER BY host' --parquet tables",
    },
    {
      description: 'a query of your own that begins as a shipped one',
      command: '<%= config.bin %> query outlier-hosts --print',
    },
  ];
  static override args = {
    sql: Args.string({ description: 'SQL as DuckDB has it, or the name of a shipped query' }),
  };
  static override flags = {
    parquet: Flags.string({ description: 'folder that --parquet wrote', helpValue: 'FOLDER' }),
    print: Flags.boolean({ description: 'print the SQL of the shipped query instead', exclusive: ['json'] }),
    ...widthFlag,
    plain: Flags.boolean({
      description: 'ASCII, at most 75 columns, for a mail',
      exclusive: ['json', 'width'],
    }),
    json: Flags.boolean({ description: 'one JSON object (schema: pttrace/schema/query.schema.json)' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Query);
    const { formatQueries, formatQuery } = await import('../render/query.js');
    const look = { width: flags.plain ? widthOf(75) : widthOf(flags.width), plain: flags.plain };
    if (args.sql === undefined) {
      if (flags.json || flags.print || flags.parquet !== undefined)
        throw new UsageError('give SQL, or the name of a shipped query; `pttrace query` lists them');
      await writeOut(formatQueries(SHIPPED_QUERIES, look));
      return;
    }
    const sql = sqlOf(args.sql);
    if (flags.print) {
      await writeOut(`${sql};\n`);
      return;
    }
    if (flags.parquet === undefined) throw new UsageError('say with --parquet which folder holds the tables');
    const { query } = await import('../../src/data/query.js');
    const report = await query(flags.parquet, sql);
    await writeOut(flags.json ? `${JSON.stringify(report, null, 2)}\n` : formatQuery(report, look));
  }
}

/** Throws UsageError for a single word that is no query. */
function sqlOf(words: string): string {
  const shipped = SHIPPED_QUERIES.find((q) => q.name === words);
  if (shipped) return shipped.sql;
  if (/^[\w-]*$/.test(words.trim())) {
    const names = SHIPPED_QUERIES.map((q) => q.name).join(', ');
    throw new UsageError(`there is no query "${words}"; shipped: ${names}. SQL is more than one word`);
  }
  return words;
}
