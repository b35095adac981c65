import Table from 'cli-table3';
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

const WIDTH = 118;

/** The report for a terminal. Throws UsageError for an unknown histogram style. */
export function formatReport(result: Result, style?: string, colour: Palette = palette()): string {
  const family = histStyle(style);
  const parts = [
    `${head(result, colour)}\n`,
    inputs(result, colour),
    timeline(result),
    variant(result),
    invariants(result, colour),
    findings(result, colour),
    undecided(result),
    ...distinctLatencies(result.latency).map((l) => {
      const rows = histogram(l, family);
      return `${colour.bold(`${l.name}${l.key === '' ? '' : ` [${l.key}]`}`)}: ${quantileLine(l)}\n${rows === '' ? '' : `\n${rows.trimEnd()}\n`}`;
    }),
    deferred(result),
    closing(result, colour),
  ];
  return `${parts.filter((p) => p !== '').join('\n')}`;
}

/** What most readers want to know, before what it rests on. */
function head(result: Result, colour: Palette): string {
  const [first, ...rest] = wrap(headline(result), WIDTH, '  ');
  const paint = result.summary.findings > 0 ? colour.red : colour.green;
  return [paint(first!), ...rest].join('\n');
}

function inputs(result: Result, colour: Palette): string {
  return result.inputs.map((input) => inputText(input, colour)).join('');
}

/** What was read of one input: format, lines by kind, skips with their first example, notes. */
export function inputText(input: InputReport, colour: Palette = palette()): string {
  const l = input.lines;
  const kinds = (['event', 'header', 'lost', 'stack', 'continuation', 'blank', 'foreign', 'skipped'] as const)
    .filter((k) => l[k] > 0)
    .map((k) => `${l[k]} ${k}`)
    .join(', ');
  const packed = input.compression === 'none' ? '' : ` (${input.compression})`;
  let text = `${colour.bold(input.path)}${packed}: ${input.format}, ${input.bytes} bytes, ${l.total} lines: ${kinds || 'none'}\n`;
  for (const s of input.skips) {
    text += `  skipped ${s.count}: ${s.reason}; first at line ${s.firstLine}: ${s.text}\n`;
  }
  for (const b of input.blocks ?? []) text += `  from line ${b.firstLine}: ${b.format}, ${b.why}\n`;
  for (const n of input.notes) text += `  note: ${n.message}\n`;
  if (input.error)
    text += `  ${colour.red('error')}: ${input.error.message} (after line ${input.error.line ?? 0})\n`;
  return text;
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

function timeline(result: Result): string {
  const t = result.timeline;
  const ns = t.unit === 'ns';
  const span = ns
    ? `${seconds(t.firstNs)} to ${seconds(t.lastNs)} s (${duration(Number(t.spanNs))})`
    : `ticks ${t.firstNs} to ${t.lastNs}`;
  const loss =
    t.lost.length === 0
      ? 'no loss marked'
      : `LOST ${t.lost.map((x) => `CPU ${x.cpu}: ${x.count < 0 ? 'unknown number' : x.count} in ${plural(x.intervals, 'gap')}`).join(', ')}`;
  const captures = t.segments > 1 ? `, ${t.segments} captures` : '';
  const filter = t.filter === undefined ? '' : `\nfilter: ${t.filter} (hidden is unknown, not absent)`;
  const joins = joinLines(result)
    .flatMap((line) => wrap(line, WIDTH, '  '))
    .map((line) => `${line}\n`);
  return `${joins.join('')}${t.events} events, ${span}, CPUs ${ranges(t.cpus)}, ${loss}${captures}\nclock: ${t.clock}, resolution ${ns ? duration(t.resolutionNs) : '1 tick'}${filter}\n`;
}

function variant(result: Result): string {
  const v = result.variant;
  let text = `kernel variant: ${v.candidates.join(', ') || 'none fits'} (${v.how})\n`;
  for (const e of v.evidence) {
    const line = e.events[0] ? ` (line ${e.events[0].line})` : '';
    text += `  ${e.text}${line}: ${e.keeps.join(', ')}\n`;
  }
  const b = result.bases;
  text += `address bases: vmemmap ${b.vmemmap ?? 'unknown'}, direct map ${b.directMap ?? 'unknown'}\n`;
  for (const line of wrap(b.how, WIDTH - 2)) text += `  ${line}\n`;
  return text;
}

function invariants(result: Result, colour: Palette): string {
  const table = new Table({
    head: ['id', 'invariant', 'verdict', 'pass', 'violated', 'unknown', 'known by / why not'],
    style: { head: [], border: [], compact: true },
    colWidths: [5, 27, 16, 9, 10, 9, 42],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'left'],
    wordWrap: true,
    chars: PLAIN_BOX,
  });
  const split = splitVerdicts(result.invariants);
  for (const i of split.rows) {
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
  const rest = restLines(split).flatMap((line) => wrap(line, WIDTH, '  '));
  return `${[table.toString(), ...rest].join('\n')}\n`;
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

function findings(result: Result, colour: Palette): string {
  let text = '';
  for (const i of result.invariants) {
    const { full, alike } = tellOnce(i.findings);
    for (const f of full) text += `${finding(result, i, f, colour)}\n`;
    for (const line of alike) text += `  ${i.id}: ${line}\n`;
    if (i.moreFindings > 0) text += `  ${i.id}: ${i.moreFindings} more (--max-findings)\n`;
    if (alike.length + i.moreFindings > 0) text += '\n';
  }
  return text;
}

function finding(result: Result, i: InvariantReport, f: Finding, colour: Palette): string {
  let text = `${colour.red(`${i.id} ${i.name}`)} [${f.severity}, ${f.basis}]: ${f.message}\n`;
  for (const line of witnessLines(f, WIDTH - 2, result.timeline.unit)) text += `  ${line}\n`;
  const width = Math.max(0, ...f.events.map((e) => e.role.length));
  for (const e of f.events) {
    text += `  line ${String(e.line).padStart(7)}  ${e.role.padEnd(width)}  ${e.text.trim()}\n`;
  }
  return `${text}  ${nextSteps(result, i.id, f)}\n`;
}

function undecided(result: Result): string {
  const lines = undecidedLines(splitVerdicts(result.invariants).rows);
  return lines
    .flatMap((line) => hanging(line, WIDTH))
    .map((line) => `${line}\n`)
    .join('');
}

const kib = (bytes: number): string => `${bytes / 1024} KiB`;

const BARS = ' .:-=+*#%@';

function deferred(result: Result): string {
  const d = result.deferred;
  if (d.peakTables === 0) return '';
  const peak = Math.max(1, ...d.series.map(([, n]) => n));
  const cells = d.series.slice(-100).map(([, n]) => BARS[Math.ceil((n / peak) * (BARS.length - 1))]!);
  const unknown =
    d.unknownBatches > 0 ? `; ${plural(d.unknownBatches, 'batch', 'batches')} of unknown size` : '';
  return `tables awaiting their RCU callback: now ${d.nowTables} (${kib(d.nowBytes)} with batch pages), peak ${d.peakTables} (${kib(d.peakBytes)}) at ${seconds(d.peakAtNs)} s${unknown}\n  |${cells.join('')}|\n`;
}

function closing(result: Result, colour: Palette): string {
  const s = result.summary;
  const partial = s.partial ? 'PARTIAL (interrupted): ' : '';
  const found = s.findings === 0 ? colour.green('no finding') : colour.red(plural(s.findings, 'finding'));
  return `${partial}${found}; ${s.undecided} of ${s.checked} undecided\n`;
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
