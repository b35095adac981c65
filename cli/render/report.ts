import Table from 'cli-table3';
import { ruleCounts, ruleCountWords } from '../../src/result/rule-counts.js';
import type { Finding, InputReport, InvariantReport, Result } from '../../src/result/types.js';
import { whyUndecided } from '../../src/result/undecided.js';
import { type Palette, palette } from './colour.js';
import {
  distinctLatencies,
  duration,
  hanging,
  histogram,
  histStyle,
  quantileLine,
  seconds,
  wrap,
} from './text.js';
import {
  headline,
  nextSteps,
  plural,
  restLines,
  splitVerdicts,
  tellOnce,
  undecidedLines,
} from './verdicts.js';
import { witnessLines } from './witness.js';

/** Columns of the whole table; in fewer it has no lines, and says how a pass is known below it. */
const WIDE = 126;

export interface ReportLook {
  readonly width?: number | undefined;
  readonly style?: string | undefined;
  readonly colour?: Palette;
}

/** Every rule, finding, note and histogram. Throws UsageError for an unknown histogram style. */
export function formatReport(
  result: Result,
  { width = WIDE, style, colour = palette() }: ReportLook = {},
): string {
  const family = histStyle(style);
  const parts = [
    `${head(result, width, colour)}\n`,
    inputs(result, width, colour),
    timeline(result, width),
    variant(result, width),
    invariants(result, width, colour),
    findings(result, width, colour),
    undecided(result, width),
    ...distinctLatencies(result.latency).map((l) => {
      const rows = histogram(l, family);
      const name = `${l.name}${l.key === '' ? '' : ` [${l.key}]`}`;
      const line = wrap(`${name}: ${quantileLine(l)}`, width, '  ').join('\n');
      return `${colour.bold(name)}${line.slice(name.length)}\n${rows === '' ? '' : `\n${rows.trimEnd()}\n`}`;
    }),
    deferred(result, width),
    closing(result, width, colour),
  ];
  return `${parts.filter((p) => p !== '').join('\n')}`;
}

/** What most readers want to know, before what it rests on. */
function head(result: Result, width: number, colour: Palette): string {
  const [first, ...rest] = wrap(headline(result), width, '  ');
  const paint = result.summary.findings > 0 ? colour.red : colour.green;
  return [paint(first!), ...rest].join('\n');
}

function inputs(result: Result, width: number, colour: Palette): string {
  return result.inputs.map((input) => inputText(input, colour, width)).join('');
}

/** What was read of one input: format, lines by kind, skips with their first example, notes. */
export function inputText(
  input: InputReport,
  colour: Palette = palette(),
  width = Number.POSITIVE_INFINITY,
): string {
  const l = input.lines;
  const kinds = (['event', 'header', 'lost', 'stack', 'continuation', 'blank', 'foreign', 'skipped'] as const)
    .filter((k) => l[k] > 0)
    .map((k) => `${l[k]} ${k}`)
    .join(', ');
  const packed = input.compression === 'none' ? '' : ` (${input.compression})`;
  const lines = [
    `${input.path}${packed}: ${input.format}, ${input.bytes} bytes, ${l.total} lines: ${kinds || 'none'}`,
    ...input.skips.map((s) => `  skipped ${s.count}: ${s.reason}; first at line ${s.firstLine}: ${s.text}`),
    ...(input.blocks ?? []).map((b) => `  from line ${b.firstLine}: ${b.format}, ${b.why}`),
    ...input.notes.map((n) => `  note: ${n.message}`),
    ...(input.error ? [`  error: ${input.error.message} (after line ${input.error.line ?? 0})`] : []),
  ].flatMap((line) => hanging(line, width));
  const first = lines[0]!;
  if (first.startsWith(input.path)) lines[0] = colour.bold(input.path) + first.slice(input.path.length);
  return lines.map((line) => `${line.replace(/^ {2}error(?=:)/, `  ${colour.red('error')}`)}\n`).join('');
}

/** How several inputs were put together, and why. */
export function joinLines({ timeline, inputs }: Pick<Result, 'timeline' | 'inputs'>): string[] {
  return (timeline.joins ?? []).map((join) => {
    const paths = join.inputs.map((i) => inputs[i]?.path ?? `input ${i}`).join(' + ');
    return join.how === 'merged'
      ? `${paths}: ${join.reason}`
      : `${paths}: a capture of its own: ${join.reason}`;
  });
}

function timeline(result: Result, width: number): string {
  const t = result.timeline;
  const ns = t.unit === 'ns';
  const span = ns
    ? `${seconds(t.firstNs)} to ${seconds(t.lastNs)} s (${duration(Number(t.spanNs))})`
    : `ticks ${t.firstNs} to ${t.lastNs}`;
  const loss =
    t.lost.length === 0
      ? 'lost events: none reported'
      : `LOST ${t.lost.map((x) => `CPU ${x.cpu}: ${x.count < 0 ? 'unknown number' : x.count} in ${plural(x.intervals, 'gap')}`).join(', ')}`;
  const captures = t.segments > 1 ? `, ${t.segments} captures` : '';
  const filter = t.filter === undefined ? '' : `\nfilter: ${t.filter} (hidden is unknown, not absent)`;
  const joins = joinLines(result)
    .flatMap((line) => wrap(line, width, '  '))
    .map((line) => `${line}\n`);
  const facts = `${t.events} events, ${span}, CPUs ${ranges(t.cpus)}, ${loss}${captures}`;
  return `${joins.join('')}${wrap(facts, width, '  ').join('\n')}\nclock: ${t.clock}, resolution ${ns ? duration(t.resolutionNs) : '1 tick'}${filter}\n`;
}

function variant(result: Result, width: number): string {
  const v = result.variant;
  let text = `kernel variant: ${v.candidates.join(', ') || 'none fits'} (${v.how})\n`;
  for (const e of v.evidence) {
    const line = e.events[0] ? ` (line ${e.events[0].line})` : '';
    text += `${hanging(`  ${e.text}${line}: ${e.keeps.join(', ')}`, width).join('\n')}\n`;
  }
  const b = result.bases;
  const bases = `address bases: vmemmap ${b.vmemmap ?? 'unknown'}, direct map ${b.directMap ?? 'unknown'}`;
  text += `${wrap(bases, width, '  ').join('\n')}\n`;
  for (const line of wrap(b.how, width - 2)) text += `  ${line}\n`;
  return text;
}

function invariants(result: Result, width: number, colour: Palette): string {
  const split = splitVerdicts(result.invariants);
  const rest = restLines(split).flatMap((line) => wrap(line, width, '  '));
  const lines = width < WIDE ? narrowRows(split.rows, width, colour) : [wideTable(split.rows, colour)];
  return `${[...lines, ...rest].join('\n')}\n`;
}

/** Without lines; how a pass is known stands below it unless all of it was observed. */
function narrowRows(rows: readonly InvariantReport[], width: number, colour: Palette): string[] {
  const out = ['id   rule                      verdict        pass  violated  unknown'];
  for (const i of rows) {
    const n = i.instances;
    const verdict = colour.verdict(i.verdict) + ' '.repeat(Math.max(0, 13 - i.verdict.length));
    const name = i.name.length > 25 ? `${i.name.slice(0, 24)}…` : i.name;
    out.push(
      `${i.id.padEnd(5)}${name.padEnd(26)}${verdict}${String(n.pass).padStart(6)}${String(n.violated).padStart(10)}${String(n.unknown).padStart(9)}`,
    );
    const known = i.verdict === 'unknown' ? '' : knownBy(i);
    if (known !== '' && known !== `${n.pass} observed`)
      out.push(...wrap(known, width - 9).map((line) => `${' '.repeat(9)}${line}`));
  }
  return out;
}

function wideTable(rows: readonly InvariantReport[], colour: Palette): string {
  const table = new Table({
    head: ['id', 'rule', 'verdict', 'pass', 'violated', 'unknown', 'known by / why not'],
    style: { head: [], border: [], compact: true },
    colWidths: [5, 27, 16, 9, 10, 9, 42],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'left'],
    wordWrap: true,
    chars: PLAIN_BOX,
  });
  for (const i of rows) {
    table.push([
      i.id,
      i.name,
      colour.verdict(i.verdict),
      String(i.instances.pass),
      String(i.instances.violated),
      String(i.instances.unknown),
      i.verdict === 'unknown' ? 'see below' : knownBy(i),
    ]);
  }
  return table.toString();
}

/** How the passes are known, or why there is no verdict. */
function knownBy(i: InvariantReport): string {
  const b = i.basis;
  const parts = [
    b.observed > 0 ? `${b.observed} observed` : '',
    b.inferred > 0 ? `${b.inferred} inferred` : '',
    b.absence > 0 ? `${b.absence} inferred (absence)` : '',
    b.assumed > 0 ? `${b.assumed} assumed` : '',
    i.instances.censored > 0 ? `${i.instances.censored} censored` : '',
  ].filter((p) => p !== '');
  const known = parts.join(', ');
  if (i.verdict === 'pass') return known;
  return i.reason === '' ? known : whyUndecided(i);
}

function findings(result: Result, width: number, colour: Palette): string {
  let text = '';
  for (const i of result.invariants) {
    const { full, alike } = tellOnce(i.findings);
    for (const f of full) text += `${finding(result, i, f, width, colour)}\n`;
    for (const line of alike) text += `${hanging(`  ${i.id}: ${line}`, width).join('\n')}\n`;
    if (i.moreFindings > 0) text += `  ${i.id}: ${i.moreFindings} more (--max-findings)\n`;
    if (alike.length + i.moreFindings > 0) text += '\n';
  }
  return text;
}

function finding(result: Result, i: InvariantReport, f: Finding, most: number, colour: Palette): string {
  const title = `${i.id} ${i.name}`;
  const said = wrap(`${title} [${f.severity}, ${f.basis}]: ${f.message}`, most, '  ').join('\n');
  let text = `${colour.red(title)}${said.slice(title.length)}\n`;
  for (const line of witnessLines(f, most - 2, result.timeline.unit)) text += `  ${line}\n`;
  const width = Math.max(0, ...f.events.map((e) => e.role.length));
  for (const e of f.events) {
    text += `  line ${String(e.line).padStart(7)}  ${e.role.padEnd(width)}  ${e.text.trim()}\n`;
  }
  return `${text}${hanging(`  ${nextSteps(result, i.id, f)}`, most).join('\n')}\n`;
}

function undecided(result: Result, width: number): string {
  const lines = undecidedLines(splitVerdicts(result.invariants).rows);
  return lines
    .flatMap((line) => hanging(line, width))
    .map((line) => `${line}\n`)
    .join('');
}

export const kib = (bytes: number): string => `${bytes / 1024} KiB`;

const BARS = ' .:-=+*#%@';

function deferred(result: Result, width: number): string {
  const d = result.deferred;
  if (d.peakTables === 0) return '';
  const peak = Math.max(1, ...d.series.map(([, n]) => n));
  const cells = d.series
    .slice(-Math.min(100, width - 4))
    .map(([, n]) => BARS[Math.ceil((n / peak) * (BARS.length - 1))]!);
  const unknown =
    d.unknownBatches > 0 ? `; ${plural(d.unknownBatches, 'batch', 'batches')} of unknown size` : '';
  const text = `tables queued to RCU: now ${d.nowTables} (${kib(d.nowBytes)} with batch pages), peak ${d.peakTables} (${kib(d.peakBytes)}) at ${seconds(d.peakAtNs)} s${unknown}`;
  return `${wrap(text, width, '  ').join('\n')}\n  |${cells.join('')}|\n`;
}

function closing(result: Result, width: number, colour: Palette): string {
  const s = result.summary;
  const partial = s.partial ? 'PARTIAL (interrupted): ' : '';
  const found = s.findings === 0 ? colour.green('no finding') : colour.red(plural(s.findings, 'finding'));
  const [first, ...rest] = wrap(`; ${ruleCountWords(ruleCounts(result.invariants))}`, width - 20, '  ');
  return `${[`${partial}${found}${first}`, ...rest].join('\n')}\n`;
}

/** `0-3,7`. */
export function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let j = i;
    while (j + 1 < numbers.length && numbers[j + 1] === numbers[j]! + 1) j++;
    parts.push(i === j ? `${numbers[i]}` : `${numbers[i]}-${numbers[j]}`);
    i = j + 1;
  }
  return parts.join(',') || 'unknown';
}

const PLAIN_BOX = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
};
