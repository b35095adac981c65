import { PROBE_TABLE } from '../record/probe-table.js';
import type { Decidable } from '../replay/decidable.js';

/** A probe that a recording lacks. */
export interface MissingProbe {
  /** In words. */
  readonly probe: string;
  /** Lines for kprobe_events, and `SYSTEM:EVENT` of tracepoints to switch on; empty where none would do alone. */
  readonly add: readonly string[];
  /** Invariants it would help to decide. */
  readonly decides: readonly string[];
}

/** What to add to a recording so that more of it can be decided: first what can be set, most useful first. */
export function missingProbes(decides: readonly Decidable[]): MissingProbe[] {
  const byProbe = new Map<string, string[]>();
  for (const d of decides) {
    for (const probe of d.missing) byProbe.set(probe, [...(byProbe.get(probe) ?? []), d.id]);
  }
  return [...byProbe]
    .map(([probe, ids]) => ({ probe, add: toAdd(probe), decides: ids }))
    .sort(
      (a, b) => Number(b.add.length > 0) - Number(a.add.length > 0) || b.decides.length - a.decides.length,
    );
}

/** The definitions of the functions and the tracepoints that the words name. */
function toAdd(probe: string): string[] {
  const words = new Set(probe.match(/\w+/g) ?? []);
  const entry = /\bkprobes?\b/.test(probe);
  const exit = /\bkretprobes?\b/.test(probe);
  const lines = PROBE_TABLE.filter(
    (row) => (row.ret ? exit : entry) && row.symbols.some((symbol) => words.has(symbol)),
  ).map((row) => {
    const symbol = row.symbols.find((s) => words.has(s))!;
    return `${row.ret ? 'r' : 'p'}:pttrace/${row.event} ${symbol} ${row.args.join(' ')}`.trimEnd();
  });
  const tracepoints = [...probe.matchAll(/\b([a-z]+:[a-z_]{3,}\*?)(?:, ([a-z_]+\*))?/g)].flatMap((m) =>
    m[2] === undefined ? [m[1]!] : [m[1]!, `${m[1]!.split(':')[0]}:${m[2]}`],
  );
  return [...lines, ...tracepoints.filter((t) => !t.startsWith('pttrace:'))];
}
