import type { FleetSummary, GroupSummary, RuleSummary, Tally } from '../../src/fleet/summary.js';
import { type Palette, palette } from './colour.js';
import { ascii, duration, wrap } from './text.js';
import { plural } from './verdicts.js';

export interface FleetLook {
  readonly width: number;
  readonly plain: boolean;
  /** Every rule and reason, not only those that are violated or undecided. */
  readonly all: boolean;
  readonly colour?: Palette | undefined;
}

/** Lines of findings and faults listed without `--all`. */
const LISTED = 20;
/** Spans listed by name without `--all`. */
const SPANS = 3;

/** What many recordings say together: the answer, what failed, by kernel, host and rule, what took longest. */
export function formatFleet(summary: FleetSummary, look: FleetLook): string {
  const colour = look.colour ?? palette(look.plain ? false : undefined);
  const parts = [
    head(summary, look, colour),
    findings(summary, look, colour),
    faults(summary, look, colour),
    groups('kernel', summary.kernels, look, colour),
    groups('host', summary.hosts, look, colour),
    rules(summary, look, colour),
    slowest(summary, look, colour),
  ];
  const text = parts
    .filter((p) => p.length > 0)
    .map((p) => p.map((line) => (look.plain ? ascii(line) : line)).join('\n'));
  return `${text.join('\n\n')}\n`;
}

/** `12 recordings: 2 with findings, 9 without, 1 not readable`; what is none is left out. */
function tallyWords({ recordings, finding, noFinding, unreadable, failed }: Tally): string {
  const parts = [
    finding > 0 ? `${finding} with findings` : '',
    noFinding > 0 ? `${noFinding} without` : '',
    unreadable > 0 ? `${unreadable} not readable to the end` : '',
    failed > 0 ? `${failed} not answered` : '',
  ].filter((p) => p !== '');
  return `${plural(recordings, 'recording')}: ${parts.join(', ') || 'none read'}`;
}

function head(s: FleetSummary, look: FleetLook, colour: Palette): string[] {
  const partial = s.partial ? 'PARTIAL (interrupted): ' : '';
  const text = `${partial}${tallyWords(s)}. ${plural(s.tableFrees, 'event')} of page tables being freed.`;
  const paint = s.finding > 0 ? colour.red : s.unreadable + s.failed > 0 ? String : colour.green;
  return wrap(text, look.width).map((line) => colour.bold(paint(line)));
}

/** Kernel and host in brackets where they are known. */
function from({ kernel, host }: { readonly kernel: string; readonly host: string }): string {
  const known = [kernel, host].filter((t) => t !== '');
  return known.length > 0 ? ` (${known.join(', ')})` : '';
}

const listed = (look: FleetLook, lines: readonly string[][], what: string): string[] => {
  const most = look.all ? lines.length : LISTED;
  const rest = lines.length - most;
  return [
    ...lines.slice(0, most).flat(),
    ...(rest > 0 ? [`  ${plural(rest, `more ${what}`, `more ${what}s`)}: --all`] : []),
  ];
};

const item = (text: string, width: number): string[] =>
  wrap(text, width - 2, '    ').map((line) => `  ${line}`);

function findings(s: FleetSummary, look: FleetLook, colour: Palette): string[] {
  if (s.findings.length === 0) return [];
  const lines = s.findings.map((f) => {
    const what = f.violated.map((v) => `${v.id}${v.times > 1 ? ` ${v.times} times` : ''}, ${v.message}`);
    const said = what.length > 0 ? what.join('; ') : plural(f.findings, 'finding');
    return item(`${f.path}${from(f)}: ${said}`, look.width);
  });
  return [colour.bold('findings'), ...listed(look, lines, 'recording')];
}

function faults(s: FleetSummary, look: FleetLook, colour: Palette): string[] {
  if (s.bad.length === 0) return [];
  const lines = s.bad.map(({ path, error }) => {
    const at = error.line !== undefined ? `:${error.line}` : '';
    return item(`${path}${at}: ${error.message}`, look.width);
  });
  return [colour.bold('not readable, or not to the end'), ...listed(look, lines, 'recording')];
}

/** Columns as wide as what stands in them; the first is a name, the others numbers. */
function columns(rows: readonly (readonly string[])[], width: number): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
  const numbers = widths.slice(1).reduce((sum, w) => sum + w + 2, 0);
  const name = Math.max(12, Math.min(widths[0]!, width - 2 - numbers));
  return rows.flatMap(([first = '', ...rest]) => {
    const parts = wrap(first, name);
    const right = rest.map((text, i) => `  ${text.padStart(widths[i + 1]!)}`).join('');
    return (parts.length > 0 ? parts : ['']).map((part, i) =>
      `  ${i === 0 ? part.padEnd(name) + right : part}`.trimEnd(),
    );
  });
}

const HEADS = ['recordings', 'findings', 'none', 'unread', 'freed', 'lost'];

function groups(what: string, list: readonly GroupSummary[], look: FleetLook, colour: Palette): string[] {
  // Nothing says it of any: a table of one nameless row says nothing more.
  if (list.length === 0 || (list.length === 1 && list[0]!.name === '')) {
    const flag = what === 'host' ? ' (--host-of finds it in paths)' : '';
    return list.length === 0 ? [] : wrap(`by ${what}: no recording says its ${what}${flag}`, look.width);
  }
  const rows = list.map((g) => [
    g.name === '' ? 'not said' : g.name,
    ...[g.recordings, g.finding, g.noFinding, g.unreadable + g.failed, g.tableFrees].map(String),
    `${g.lost}${g.lostUnknown > 0 ? '+?' : ''}`,
  ]);
  return [colour.bold(`by ${what}`), ...columns([[what, ...HEADS], ...rows], look.width)];
}

const rows = (list: readonly RuleSummary[]): string[][] =>
  list.map((r) => [`${r.id} ${r.name}`, ...[r.violated, r.held, r.undecided, r.idle].map(String)]);

function rules(s: FleetSummary, look: FleetLook, colour: Palette): string[] {
  if (s.rules.length === 0) return [];
  const open = s.rules.filter((r) => look.all || r.violated > 0 || r.undecided > 0);
  const out = [colour.bold('by rule, in recordings')];
  if (open.length > 0)
    out.push(...columns([['rule', 'violated', 'held', 'undecided', 'idle'], ...rows(open)], look.width));
  const quiet = s.rules.filter((r) => !open.includes(r));
  if (quiet.length > 0)
    out.push(
      ...item(`held wherever there was something to check: ${quiet.map((r) => r.id).join(' ')}`, look.width),
    );
  const why = reasons(s.rules, look);
  if (why.length > 0) out.push('', colour.bold('undecided, why'), ...why);
  return out;
}

/** The same reason keeps many rules open: it is told once, most frequent first. */
function reasons(list: readonly RuleSummary[], look: FleetLook): string[] {
  const by = new Map<string, { rules: string[]; recordings: number }>();
  for (const rule of list) {
    for (const { reason, recordings } of rule.why) {
      const seen = by.get(reason) ?? { rules: [], recordings: 0 };
      by.set(reason, seen);
      seen.rules.push(rule.id);
      seen.recordings += recordings;
    }
  }
  const lines = [...by]
    .sort((a, b) => b[1].recordings - a[1].recordings)
    .map(([reason, { rules, recordings }]) =>
      item(`${recordings} times: ${reason} (${rules.join(' ')})`, look.width),
    );
  return listed(look, lines, 'reason');
}

function slowest(s: FleetSummary, look: FleetLook, colour: Palette): string[] {
  const lines = s.slowest.flatMap(({ name, spans }) =>
    spans
      .slice(0, look.all ? spans.length : SPANS)
      .flatMap((p) =>
        item(
          `${name}: max ${duration(p.maxNs)}, p99 ${duration(p.p99Ns)} of ${p.count}: ${p.path}${from(p)}`,
          look.width,
        ),
      ),
  );
  return lines.length > 0 ? [colour.bold('slowest'), ...lines] : [];
}
