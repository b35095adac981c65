import { type PrintFamily, printFamily } from '../../src/latency/histogram/bpftrace-labels.js';
import { bucketCounts, printHistMap } from '../../src/latency/histogram/bpftrace-print.js';
import type { LatencyReport } from '../../src/result/types.js';
import { UsageError } from '../../src/result/usage-error.js';

/** `12345678` ns → `0.012345678 s` and the like: three significant groups, exact input, rounded for people. */
export function duration(ns: number): string {
  if (!Number.isFinite(ns)) return '?';
  if (ns < 1_000) return `${ns} ns`;
  if (ns < 1_000_000) return `${(ns / 1e3).toFixed(ns < 10_000 ? 2 : 1)} us`;
  if (ns < 1_000_000_000) return `${(ns / 1e6).toFixed(ns < 10_000_000 ? 2 : 1)} ms`;
  return `${(ns / 1e9).toFixed(2)} s`;
}

/** A decimal string of ns as seconds with all its digits: `51114697000` → `51.114697000`. */
export function seconds(ns: string): string {
  const digits = ns.padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** A blank, but none between a number and its unit or name: `p99 1.2 ms` stays together. */
const BREAK = / (?![mun]?s(?![\w-]))(?<!(?:^|[ ,;:])(?:p\d[\d.]*|max|n|=) )/;

/** Breaks at blanks; a word longer than the width is cut. Continuation lines get `indent`. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(BREAK)) {
    for (;;) {
      const room = width - (line === '' ? 0 : line.length + 1);
      if (word.length <= room) {
        line = line === '' ? word : `${line} ${word}`;
        break;
      }
      if (line !== '' && line !== indent) {
        lines.push(line);
        line = indent;
        if (indent !== '') {
          const rest = width - indent.length;
          if (word.length <= rest) {
            line = indent + word;
            break;
          }
        } else line = '';
        continue;
      }
      const take = Math.max(1, width - line.length);
      lines.push(line + word.slice(0, take));
      word = word.slice(take);
      line = indent;
      if (word === '') {
        line = '';
        break;
      }
    }
  }
  if (line.trim() !== '') lines.push(line);
  return lines;
}

/** A line that begins with blanks, broken so that what follows stands further in. */
export function hanging(line: string, width: number): string[] {
  const lead = /^ */.exec(line)![0];
  return wrap(line.slice(lead.length), width - lead.length, '    ').map((l) => lead + l);
}

/** What the terminal cannot show and a mail must not hold: everything outside printable ASCII becomes `?`. */
export const ascii = (text: string): string =>
  text
    .replaceAll('→', '->')
    .replaceAll('⇒', '=>')
    .replaceAll('–', '-')
    .replaceAll(' · ', '; ')
    .replaceAll('·', '.')
    .replaceAll('−', '-')
    .replaceAll('≤', '<=')
    .replaceAll('≥', '>=')
    .replaceAll('…', '...')
    .replaceAll('µ', 'u')
    .replaceAll('×', 'x')
    .replaceAll('’', "'")
    .replaceAll('±', '+/-')
    .replaceAll('χ²', 'chi2')
    .replaceAll('∞', 'inf')
    .replaceAll('§', 'sec. ')
    .replaceAll('\t', ' ')
    .replace(/[^\x20-\x7e]/g, '?');

/** Throws UsageError for an unknown bpftrace version. */
export function histStyle(version: string | undefined): PrintFamily | undefined {
  if (version === undefined) return undefined;
  const family = printFamily(version);
  if (family === null)
    throw new UsageError(`no bpftrace version "${version}" is known; give e.g. 0.17 or 0.24`);
  return family;
}

/** bpftrace's own picture of one distribution, `@munmap_ns[comm]:` and its rows; the name says the unit, so that it can be read back. */
export function histogram(report: LatencyReport, family: PrintFamily | undefined): string {
  if (report.histogram.length === 0) return '';
  const name = `@${report.name.replace('call_rcu→callback', 'call_rcu_to_callback')}_ns`;
  const options = family === undefined ? {} : { family };
  const counts = bucketCounts(report.histogram, family);
  return printHistMap(name, [{ key: report.key === '' ? null : report.key, counts }], options);
}

/** Latencies worth a picture: one group alone is its overall again. */
export function distinctLatencies(reports: readonly LatencyReport[]): LatencyReport[] {
  return reports.filter(
    (l) => l.key === '' || !reports.some((o) => o.key === '' && o.name === l.name && o.count === l.count),
  );
}

/** `n = 88, p50 1.2 ms, …`, with what was cut off. */
export function quantileLine(report: LatencyReport): string {
  const q = report.quantiles;
  const cut = report.censored.start + report.censored.end + report.censored.loss;
  const censored =
    cut === 0
      ? ''
      : `; ${cut} censored (${report.censored.start} at start, ${report.censored.end} at end, ${report.censored.loss} by loss)`;
  if (!q) {
    const why = report.count > 0 ? ', no ns: the clock counts ticks' : ': no whole span in this recording';
    return `n = ${report.count}${why}${censored}`;
  }
  const n = report.count;
  const told = QUANTILES.filter(([, least]) => n >= least).map(
    ([name, , key]) => `${name} ${duration(q[key])}`,
  );
  return `n = ${n}, ${[...told, `max ${duration(q.max)}`].join(', ')}${censored}`;
}

/** Told from so many values on that one lies beyond it: p99 of six values would be their maximum again. */
const QUANTILES = [
  ['p50', 2, 'p50'],
  ['p90', 10, 'p90'],
  ['p99', 100, 'p99'],
  ['p99.9', 1000, 'p999'],
] as const;
