import { CATALOGUE } from '../replay/rules/catalogue.js';
import type { RecordingRow, RowError } from './recording-row.js';

/** Slowest spans listed by name. */
const SLOWEST = 10;
/** Reasons listed by rule, the most frequent ones. */
const REASONS = 5;

export interface Tally {
  recordings: number;
  finding: number;
  noFinding: number;
  unreadable: number;
  failed: number;
}

export interface GroupSummary extends Tally {
  /** '' where the recordings do not say. */
  readonly name: string;
  tableFrees: number;
  lost: number;
  lostUnknown: number;
}

export interface RuleSummary {
  readonly id: string;
  readonly name: string;
  readonly severity: string;
  /** Recordings by verdict; they add up to those that have one. */
  readonly violated: number;
  readonly held: number;
  readonly undecided: number;
  readonly idle: number;
  /** Violations, in all of them. */
  readonly times: number;
  /** Why it is undecided, with the number of recordings; most frequent first, reasons beyond those listed in `moreReasons`. */
  readonly why: readonly { readonly reason: string; readonly recordings: number }[];
  readonly moreReasons: number;
}

export interface SlowSpan {
  readonly path: string;
  readonly kernel: string;
  readonly host: string;
  readonly count: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** What many recordings say together. */
export interface FleetSummary extends Tally {
  readonly tableFrees: number;
  readonly kernels: readonly GroupSummary[];
  readonly hosts: readonly GroupSummary[];
  /** Violated ones first, then by id; those that had nothing to check in any recording are left out. */
  readonly rules: readonly RuleSummary[];
  /** By name of the span: the recordings with the longest one. */
  readonly slowest: readonly { readonly name: string; readonly spans: readonly SlowSpan[] }[];
  /** Recordings with findings, and those that there is no whole answer of; in the order given. */
  readonly findings: readonly Pick<RecordingRow, 'path' | 'kernel' | 'host' | 'findings' | 'violated'>[];
  readonly bad: readonly { readonly path: string; readonly status: string; readonly error: RowError }[];
  /** Not all of the recordings asked for were looked at. */
  readonly partial: boolean;
}

/** Adds rows up, in the order of the recordings: the same rows give the same summary. */
export class Summary {
  private readonly all = tally();
  private tableFrees = 0;
  private readonly kernels = new Map<string, GroupSummary>();
  private readonly hosts = new Map<string, GroupSummary>();
  private readonly rules = new Map<string, RuleCount>();
  private readonly slowest = new Map<string, SlowSpan[]>();
  private readonly findings: FleetSummary['findings'][number][] = [];
  private readonly bad: FleetSummary['bad'][number][] = [];

  add(row: RecordingRow): void {
    const { path, kernel, host } = row;
    count(this.all, row);
    this.tableFrees += row.tableFrees;
    for (const [groups, name] of [
      [this.kernels, kernel || unnamed(row)],
      [this.hosts, host],
    ] as const) {
      const group = found(groups, name, () => ({
        name,
        ...tally(),
        tableFrees: 0,
        lost: 0,
        lostUnknown: 0,
      }));
      count(group, row);
      group.tableFrees += row.tableFrees;
      group.lost += row.lost;
      group.lostUnknown += row.lostUnknown;
    }
    this.rulesOf(row);
    for (const { name, ...span } of row.latency) {
      const list = found(this.slowest, name, () => []);
      list.push({ path, kernel, host, ...span });
      // Stable: of equal ones the first stays first.
      if (list.length > 4 * SLOWEST) keepSlowest(list);
    }
    if (row.findings > 0 || row.status === 'finding')
      this.findings.push({ path, kernel, host, findings: row.findings, violated: row.violated });
    if (row.error) this.bad.push({ path, status: row.status, error: row.error });
  }

  done(partial: boolean): FleetSummary {
    for (const list of this.slowest.values()) keepSlowest(list);
    return {
      ...this.all,
      tableFrees: this.tableFrees,
      kernels: byName([...this.kernels.values()]),
      hosts: byName([...this.hosts.values()]),
      rules: ruleSummaries(this.rules),
      slowest: byName([...this.slowest].map(([name, spans]) => ({ name, spans }))),
      findings: this.findings,
      bad: this.bad,
      partial,
    };
  }

  private rulesOf(row: RecordingRow): void {
    const of = (id: string): RuleCount =>
      found(this.rules, id, () => ({
        violated: 0,
        held: 0,
        undecided: 0,
        idle: 0,
        times: 0,
        why: new Map(),
      }));
    for (const { id, times } of row.violated) {
      of(id).violated++;
      of(id).times += times;
    }
    for (const id of row.held) of(id).held++;
    for (const id of row.idle) of(id).idle++;
    for (const { id, why } of row.undecided) {
      const rule = of(id);
      rule.undecided++;
      rule.why.set(why, (rule.why.get(why) ?? 0) + 1);
    }
  }
}

interface RuleCount {
  violated: number;
  held: number;
  undecided: number;
  idle: number;
  times: number;
  readonly why: Map<string, number>;
}

const tally = (): Tally => ({ recordings: 0, finding: 0, noFinding: 0, unreadable: 0, failed: 0 });

function count(into: Tally, { status }: RecordingRow): void {
  into.recordings++;
  if (status === 'finding') into.finding++;
  else if (status === 'no-finding') into.noFinding++;
  else into[status]++;
}

function found<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Recordings that do not say their kernel, by what they show of it. */
const unnamed = ({ variants }: RecordingRow): string =>
  variants.length === 0 ? '' : `not said: variant ${variants.join(', ')}`;

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byName = <T extends { readonly name: string }>(list: T[]): T[] =>
  list.sort((a, b) => order(a.name, b.name));

function keepSlowest(list: SlowSpan[]): void {
  list.sort((a, b) => b.maxNs - a.maxNs);
  list.length = Math.min(list.length, SLOWEST);
}

function ruleSummaries(rules: ReadonlyMap<string, RuleCount>): RuleSummary[] {
  return CATALOGUE.flatMap(({ id, name, severity }) => {
    const rule = rules.get(id);
    if (!rule || rule.violated + rule.held + rule.undecided === 0) return [];
    const why = [...rule.why]
      .map(([reason, recordings]) => ({ reason, recordings }))
      .sort((a, b) => b.recordings - a.recordings || order(a.reason, b.reason));
    return [
      {
        id,
        name,
        severity,
        ...rule,
        why: why.slice(0, REASONS),
        moreReasons: Math.max(0, why.length - REASONS),
      },
    ];
  }).sort((a, b) => Number(b.violated > 0) - Number(a.violated > 0));
}
