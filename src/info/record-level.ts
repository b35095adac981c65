import { LEVELS, type Level } from '../record/levels.js';
import { PROBE_TABLE, TRACEPOINT_TABLE } from '../record/probe-table.js';

/** The level of `record` that sets all these probes, given in the words of a rule's `settledBy`; null: none does. */
export function levelThatSets(probes: readonly string[]): Level | null {
  const levels = probes.map(levelOf);
  return levels.includes(null) ? null : highest(levels as Level[]);
}

/** Of alternatives the cheapest, of probes that stand together the dearest. */
function levelOf(probe: string): Level | null {
  const ways = probe.split(/,? or /).map((way) => highest(levelsNamed(way)));
  const possible = ways.filter((level): level is Level => level !== null);
  return possible.sort((a, b) => LEVELS.indexOf(a) - LEVELS.indexOf(b))[0] ?? null;
}

function levelsNamed(way: string): Level[] {
  if (way.includes('`pttrace:')) return [];
  const printed = /--level (\w+)/.exec(way)?.[1];
  if (printed !== undefined) return LEVELS.filter((level) => level === printed);
  const words = new Set(way.match(/\w+/g) ?? []);
  const probes = /\bk(?:ret)?probes?\b/.test(way)
    ? PROBE_TABLE.filter((row) => row.symbols.some((symbol) => words.has(symbol)))
    : [];
  const events = way.match(/\b[a-z_]+:[a-z_]+/g) ?? [];
  const points = TRACEPOINT_TABLE.filter((row) =>
    row.names.some((name) => events.some((event) => `${name}`.startsWith(event))),
  );
  return [...probes, ...points].map((row) => row.level);
}

const highest = (levels: readonly Level[]): Level | null =>
  [...levels].sort((a, b) => LEVELS.indexOf(b) - LEVELS.indexOf(a))[0] ?? null;
