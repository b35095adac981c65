import { writeFileSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { formatAnnotations } from '../src/gate/annotations.js';
import type { GateRun } from '../src/gate/gate.js';
import { formatJunit } from '../src/gate/junit.js';
import { checkOrigin, formatKcidb } from '../src/gate/kcidb.js';
import { formatKtap } from '../src/gate/ktap.js';
import { formatSarif } from '../src/gate/sarif.js';
import type { GateReport } from '../src/gate/types.js';
import { printableReport } from '../src/result/printable.js';
import { UsageError } from '../src/result/usage-error.js';
import { EXIT } from './exit-codes.js';
import { writeOut } from './output.js';
import { formatGate, formatGatePlain } from './render/gate.js';
import { sameFile } from './same-file.js';

/** Files that a gate's report is written to, for other programs. */
export const gateReportFlags = {
  junit: Flags.string({ description: 'write JUnit XML to this file', helpValue: 'FILE' }),
  sarif: Flags.string({ description: 'write SARIF 2.1.0 to this file', helpValue: 'FILE' }),
  ktap: Flags.string({ description: 'write KTAP 1 to this file', helpValue: 'FILE' }),
  kcidb: Flags.string({ description: 'write KCIDB I/O 5.3 JSON to this file', helpValue: 'FILE' }),
  'kcidb-origin': Flags.string({
    description: 'name of the CI system there',
    helpValue: 'NAME',
    default: 'pttrace',
  }),
  'kcidb-build': Flags.string({
    description: 'id of the build that was tested there, ORIGIN:ID',
    helpValue: 'ID',
    dependsOn: ['kcidb'],
  }),
};

interface GateReportFlags {
  readonly junit?: string | undefined;
  readonly sarif?: string | undefined;
  readonly ktap?: string | undefined;
  readonly kcidb?: string | undefined;
  readonly 'kcidb-origin': string;
  readonly 'kcidb-build'?: string | undefined;
}

/** Before anything is read. Throws UsageError where a report would take the place of an input, or names a wrong origin. */
export function checkGateReports(flags: GateReportFlags, inputs: readonly string[]): void {
  refuseOverwriting(inputs, [flags.junit, flags.sarif, flags.ktap, flags.kcidb]);
  checkOrigin(originOf(flags));
}

const originOf = (flags: GateReportFlags) => ({ origin: flags['kcidb-origin'], build: flags['kcidb-build'] });

/** On standard output. */
export async function printGate(
  report: GateReport,
  flags: { readonly json: boolean; readonly plain: boolean; readonly annotations?: boolean | undefined },
): Promise<void> {
  if (flags.json) return writeOut(`${JSON.stringify(report, null, 2)}\n`);
  const shown = printableReport(report);
  await writeOut(flags.plain ? formatGatePlain(shown) : formatGate(shown));
  if (flags.annotations ?? process.env.GITHUB_ACTIONS === 'true') await writeOut(formatAnnotations(report));
}

/** Returns why files could not be written. */
export function writeGateReports({ report, read }: GateRun, flags: GateReportFlags): string[] {
  return [
    writeReport(flags.junit, () => formatJunit(report)),
    writeReport(flags.sarif, () => formatSarif(report)),
    writeReport(flags.ktap, () => formatKtap(report, read)),
    writeReport(flags.kcidb, () => formatKcidb(report, read, originOf(flags))),
  ].filter((message) => message !== null);
}

/** The exit code of a gate. */
export function gateExit(report: GateReport): number {
  if (report.summary.partial) return EXIT.interrupted;
  const checks = report.traces.flatMap((t) => t.checks);
  if (checks.some((c) => c.outcome === 'fail' && c.id === 'internal')) return EXIT.internal;
  if (checks.some((c) => c.outcome === 'fail' && c.id === 'readable')) return EXIT.unreadable;
  return report.summary.failed > 0 ? EXIT.finding : EXIT.clean;
}

/** Null, or why the file could not be written. */
function writeReport(path: string | undefined, text: () => string): string | null {
  if (path === undefined) return null;
  try {
    writeFileSync(path, text());
    return null;
  } catch (error) {
    return `${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
}

/** Throws UsageError where a report would take the place of an input. */
function refuseOverwriting(traces: readonly string[], files: readonly (string | undefined)[]): void {
  for (const file of files) {
    const input = file === undefined ? undefined : traces.find((trace) => sameFile(trace, file));
    if (input !== undefined) throw new UsageError(`${file} is an input: give another file to write`);
  }
}
