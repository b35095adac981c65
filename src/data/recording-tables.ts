import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Measured } from '../analyse/measured.js';
import type { Pipeline } from '../read/pipeline.js';
import type { InvariantReport, Result } from '../result/types.js';
import { whyUndecided } from '../result/undecided.js';
import { keeping } from './store-error.js';
import { TableWriter, type Value } from './table-writer.js';
import { type TableName, tableOf } from './tables.js';

/** What is known of a recording beside its result; a row of `src/fleet` is one. */
export interface RecordingHead {
  readonly path: string;
  readonly status: string;
  readonly error?: { readonly message: string } | undefined;
  readonly variants: readonly string[];
  readonly events: number;
  readonly lost: number;
  readonly lostUnknown: number;
  readonly tableFrees: number;
  readonly findings: number;
}

/** How many of a recording's own instances: a reason is the same in all recordings. */
const OF_THESE = /^\d+ of \d+: /;

/** Why a rule is undecided, in words that are the same for every recording. */
export const commonReason = (report: InvariantReport): string => whyUndecided(report).replace(OF_THESE, '');

const known = (n: number): number | null => (n >= 0 ? n : null);

/**
 * The tables of one recording as files `NAME.parquet` in a folder, written while it is read. A table without rows has no
 * file. Throws StoreError where there is no room.
 */
export class RecordingTables {
  private readonly folder: string;
  private readonly path: string;
  private readonly open = new Map<TableName, TableWriter>();
  private syscall = '';

  /** Makes the folder; what an earlier try left there goes. `syscall`: whose spans are measured. */
  constructor(folder: string, path: string, syscall: string | undefined) {
    this.folder = folder;
    this.path = path;
    this.syscall = syscall ?? 'munmap';
    keeping(folder, () => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
    });
  }

  /** For `AnalyseOptions.measured`. */
  readonly measured = ({ time, names }: Pipeline): Measured => {
    const absolute = (ns: number): bigint => BigInt(time.absolute(ns));
    // Of a clock that counts ticks no ns are known.
    const add = (table: TableName, values: () => readonly Value[]): void => {
      if (time.unit === 'ns') this.add(table, values());
    };
    return {
      span: (s) =>
        add('spans', () => [
          this.syscall,
          absolute(s.endNs),
          s.durationNs,
          known(s.cpu),
          known(s.tid),
          names.text(s.comm),
        ]),
      delay: (d) =>
        add('delays', () => [
          d.kind,
          absolute(d.queuedNs),
          d.durationNs,
          Number.isNaN(d.tables) ? null : d.tables,
        ]),
      margin: (m) =>
        add('margins', () => [
          m.table,
          m.address,
          m.unlinkedBy,
          absolute(m.unlinkedNs),
          absolute(m.releasedNs),
          m.marginNs,
          m.walkers,
          m.gupFast,
        ]),
    };
  };

  /** Completes the files. `result` null: it could not be read, so what was measured until then does not count. */
  finish(head: RecordingHead, result: Result | null, build: string | null): void {
    const unit = result?.timeline.unit ?? 'ns';
    if (result === null) this.drop();
    this.add('recordings', [
      head.status,
      head.error?.message ?? null,
      build,
      head.variants.join(' '),
      unit,
      head.events,
      ...stamps(result),
      result?.timeline.cpus.length ?? 0,
      head.lost,
      head.lostUnknown,
      head.tableFrees,
      head.findings,
    ]);
    for (const report of result?.invariants ?? []) this.add('verdicts', verdict(report));
    for (const writer of this.open.values()) writer.finish();
    this.open.clear();
  }

  private add(table: TableName, values: readonly Value[]): void {
    let writer = this.open.get(table);
    if (writer === undefined) {
      writer = new TableWriter(this.file(table), tableOf(table));
      this.open.set(table, writer);
    }
    writer.add([this.path, ...values]);
  }

  private drop(): void {
    for (const table of this.open.keys()) rmSync(this.file(table), { force: true });
    this.open.clear();
  }

  private file(table: TableName): string {
    return join(this.folder, `${table}.parquet`);
  }
}

/** First, last and covered ns; null where there is no event, or no ns. */
function stamps(result: Result | null): [bigint, bigint, bigint] | [null, null, null] {
  const { unit, events, firstNs, lastNs, spanNs } = result?.timeline ?? { unit: 'ns', events: 0 };
  if (unit !== 'ns' || events === 0) return [null, null, null];
  return [BigInt(firstNs!), BigInt(lastNs!), BigInt(spanNs!)];
}

function verdict(report: InvariantReport): Value[] {
  const { id, name, severity, verdict, instances, findings } = report;
  return [
    id,
    name,
    severity,
    verdict,
    instances.pass,
    instances.violated,
    instances.unknown,
    instances.censored,
    verdict === 'unknown' ? commonReason(report) : null,
    findings[0]?.message ?? null,
  ];
}
