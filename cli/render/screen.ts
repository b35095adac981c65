import { phaseWords } from '../../src/breakdown/summary.js';
import { byTopic } from '../../src/explain/rule-topics.js';
import { levelThatSets } from '../../src/info/record-level.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { LEVELS, type Level, within } from '../../src/record/levels.js';
import { ruleCounts, ruleCountWords } from '../../src/result/rule-counts.js';
import type { Finding, InputReport, InvariantReport, Result } from '../../src/result/types.js';
import { and, answer, firstFinding, type Told } from './answer.js';
import { type Palette, palette } from './colour.js';
import { joinLines, kib, ranges } from './report.js';
import { histogramSpark, spark } from './spark.js';
import { ascii, distinctLatencies, duration, quantileLine, wrap } from './text.js';
import { nextSteps, plural, splitVerdicts } from './verdicts.js';
import { basis, storyLines } from './witness.js';

/** Lines of the smallest terminal in use, but the one of the next prompt. */
const LINES = 23;
/** A label and its blanks. */
const GUTTER = 9;
/** Lines that a story needs to be one. */
const SHORTEST_STORY = 5;

export interface ScreenLook {
  readonly width: number;
  /** ASCII, for a mail. */
  readonly plain?: boolean;
  readonly colour?: Palette;
}

/**
 * What fits one screen: the answer; the worst finding as a story; then of what kernel and input, what was checked, how
 * long it took. At most 23 lines of `width` columns, except where the names of files are very long.
 */
export function formatScreen(result: Result, look: ScreenLook): string {
  const plain = look.plain === true;
  const colour = look.colour ?? palette(plain ? false : undefined);
  const clean = (text: string): string => (plain ? ascii(text) : text);
  const head = wrap(clean(answer(result)), look.width);
  const rows = facts(result, plain).map((fact) => ({
    least: fact.least,
    lines: row(fact.label, clean(fact.text), look.width),
  }));
  const first = firstFinding(result);
  const tail = first ? after(result, first, look.width, clean) : [];
  const body = first ? storyLines(spoken(first, clean), look.width, result.timeline.unit) : [];
  const room = LINES - head.length - tail.length - (body.length > 0 ? 2 : 1);
  const needed = rows.filter((r) => r.least === 0).reduce((sum, r) => sum + r.lines.length, 0);
  const story = shorten(body, Math.max(SHORTEST_STORY, room - needed));
  const paint = result.summary.findings > 0 ? colour.red : colour.green;
  const out = head.map((line) => colour.bold(paint(line)));
  if (story.length > 0) out.push('', ...story);
  out.push(...tail, '', ...keep(rows, room - story.length).map((line) => labelled(line, colour)));
  return `${out.join('\n')}\n`;
}

const labelled = (line: string, colour: Palette): string =>
  `${colour.bold(line.slice(0, GUTTER))}${line.slice(GUTTER)}`;

/** The text beside its label, which stands in the first line only. */
function row(label: string, text: string, width: number): string[] {
  return wrap(text, width - GUTTER).map((line, i) => `${(i === 0 ? label : '').padEnd(GUTTER)}${line}`);
}

function spoken({ finding }: Told, clean: (text: string) => string): Finding {
  const events = finding.events.map((e) => ({ ...e, role: clean(e.role) }));
  return { ...finding, events, missing: clean(finding.missing) };
}

/** The first lines and the last: what came before, and what is wrong. */
function shorten(lines: readonly string[], most: number): string[] {
  if (lines.length <= most) return [...lines];
  const begin = Math.min(3, most - 3);
  const end = most - begin - 1;
  const hidden = lines.length - begin - end;
  return [
    ...lines.slice(0, begin),
    `${' '.repeat(GUTTER)}(${plural(hidden, 'line')} more: --all)`,
    ...lines.slice(-end),
  ];
}

interface Row {
  /** 0 is always shown; of the others those with the smallest number as long as there is room. */
  readonly least: number;
  readonly lines: readonly string[];
}

function keep(rows: readonly Row[], room: number): string[] {
  const kept = new Set<Row>();
  let used = 0;
  for (const r of [...rows].sort((a, b) => a.least - b.least)) {
    if (r.least > 0 && used + r.lines.length > room) continue;
    kept.add(r);
    used += r.lines.length;
  }
  return rows.filter((r) => kept.has(r)).flatMap((r) => r.lines);
}

/** What stands below the story: who holds what, how it is known, what else, and where to read on. */
function after(
  result: Result,
  { rule, finding }: Told,
  width: number,
  clean: (t: string) => string,
): string[] {
  const out: string[] = [];
  const say = (text: string, most: number): void => {
    const lines = wrap(clean(text), width - 2, '  ').map((line) => `  ${line}`);
    out.push(
      ...(lines.length > most
        ? [...lines.slice(0, most - 1), `${lines[most - 1]!.slice(0, width - 4)} ...`]
        : lines),
    );
  };
  if (finding.held.length > 0) say(`still held: ${finding.held.join('; ')}`, 2);
  say(`severity ${rule.severity}, ${basis(finding)}`, 2);
  const others = result.invariants.filter((i) => i.findings.length > 0 && i.id !== rule.id);
  if (others.length > 0) {
    const names = others.map(
      (i) => `${i.id} ${i.name}${i.instances.violated > 1 ? ` (${i.instances.violated} times)` : ''}`,
    );
    say(
      `also ${others.every((i) => i.verdict === 'violated') ? 'violated' : 'found'}: ${names.join(', ')}`,
      2,
    );
  }
  out.push(...wrap(clean(nextSteps(result, rule.id, finding)), width, '  '));
  return out;
}

interface Fact {
  readonly label: string;
  readonly text: string;
  /** As of a row. */
  readonly least: number;
}

/** In the order in which a reader asks. */
function facts(result: Result, plain: boolean): Fact[] {
  const rows: Fact[] = [];
  const say = (label: string, text: string, least: number): void => {
    rows.push({ label, text, least });
  };
  say('kernel', kernelWords(result), 2);
  say('input', inputWords(result), 0);
  for (const [i, note] of notesOf(result).entries()) say(i === 0 ? 'note' : '', note, 5 + i);
  say('rules', rulesWords(result.invariants), 1);
  for (const [i, text] of undecidedWords(result.invariants, result.levels).entries())
    say(i === 0 ? 'open' : '', text, 4 + i);
  for (const latency of distinctLatencies(result.latency).slice(0, 2)) {
    const name = `${latency.name}${latency.key === '' ? '' : ` [${latency.key}]`}`;
    const picture = histogramSpark(latency.histogram, plain);
    say('latency', `${name}: ${quantileLine(latency)}  ${picture}`.trimEnd(), latency.count > 0 ? 3 : 9);
  }
  if (result.phases) say('time', phaseWords(result.phases, duration), 3);
  const d = result.deferred;
  if (d.peakTables > 0) {
    const picture = spark(
      d.series.map(([, n]) => n),
      plain,
      24,
    );
    const text = `tables queued to RCU: now ${d.nowTables}, at most ${d.peakTables} (${kib(d.peakBytes)})`;
    say('waiting', `${text}  |${picture}|`, 8);
  }
  say('more', 'every rule and line: --all; words: pttrace explain terms', 0);
  return rows;
}

const FREED_BY = {
  sync: 'the task itself frees a table, after the flush',
  rcu: 'tables are freed by RCU callbacks, in batches',
  either: 'on hardware the task itself frees a table, in a PV guest RCU does',
} as const;

function kernelWords({ variant }: Result): string {
  const ids = variant.candidates;
  const how = variant.how === 'given' ? 'as given' : 'detected';
  if (ids.length === 0) return 'no known kernel frees page tables like this (pttrace explain free-path)';
  const all = VARIANTS.filter((v) => ids.includes(v.id));
  const leaves = new Set(all.map((v) => v.leaf));
  const [leaf] = leaves;
  const freed = leaves.size === 1 && leaf ? `: ${FREED_BY[leaf]}` : '';
  if (all.length === VARIANTS.length) return 'any known variant: the recording does not tell';
  const releases = all.length === 1 ? `, ${all[0]!.kernels}` : '';
  return `variant ${or(ids)} (${how}${releases})${freed}`;
}

const or = (ids: readonly string[]): string =>
  ids.length < 2 ? ids.join('') : `${ids.slice(0, -1).join(', ')} or ${ids.at(-1)}`;

function inputWords(result: Result): string {
  const { inputs, timeline: t } = result;
  const [first] = inputs;
  const total = inputs.reduce((sum, i) => sum + i.lines.total, 0);
  const names =
    inputs.length === 1
      ? `${first!.path}: ${first!.format}`
      : `${first!.path} and ${plural(inputs.length - 1, 'more file')}`;
  const span = t.unit === 'ns' ? ` in ${duration(Number(t.spanNs))}` : '';
  const lost = t.lost.map((l) => `CPU ${l.cpu} ${l.count < 0 ? 'an unknown number' : l.count}`).join(', ');
  const filter = t.filter === undefined ? '' : `; only ${t.filter}`;
  const parts = [
    `${names}, ${plural(t.events, 'event')}${span} on ${t.cpus.length === 1 ? 'CPU' : 'CPUs'} ${ranges(t.cpus)}${t.segments > 1 ? `, ${t.segments} captures` : ''}${filter}`,
    accounted(inputs, total),
    `lost events: ${lost === '' ? 'none reported' : lost}`,
  ];
  return parts.join('; ');
}

/** What the reader of an input must know, and how several were put together. */
function notesOf(result: Result): string[] {
  const notes = result.inputs.flatMap((i) => i.notes.map((n) => n.message));
  return [...new Set([...notes, ...joinLines(result)])];
}

function accounted(inputs: readonly InputReport[], total: number): string {
  const skips = inputs.flatMap((i) => i.skips);
  const skipped = inputs.reduce((sum, i) => sum + i.lines.skipped, 0);
  if (skipped === 0) return `all ${plural(total, 'line')} accounted for`;
  return `${skipped} of ${plural(total, 'line')} SKIPPED, first line ${skips[0]?.firstLine}: ${skips[0]?.reason}`;
}

/** Counts of all rules, and how those that held are known. */
function rulesWords(rules: readonly InvariantReport[]): string {
  const held = rules.filter((i) => i.verdict === 'pass');
  const observed = held.filter((i) => i.basis.observed === i.instances.pass).length;
  const assumed = held.filter((i) => i.basis.assumed > 0).length;
  const inferred = held.length - observed - assumed;
  const known = [
    observed > 0 ? `${observed} observed` : '',
    inferred > 0 ? `${inferred} inferred in part` : '',
    assumed > 0 ? `${assumed} assumed in part` : '',
  ].filter((x) => x !== '');
  const counts = ruleCountWords(ruleCounts(rules));
  return known.length === 0 ? counts : counts.replace(/\d+ held/, (all) => `${all} (${known.join(', ')})`);
}

/** What is not decided, in words, and what would settle it. */
export function undecidedWords(
  rules: readonly InvariantReport[],
  recorded: readonly string[] = [],
): string[] {
  const { unmarked } = splitVerdicts(rules);
  const open = rules.filter((i) => i.verdict === 'unknown' && !unmarked.includes(i.id));
  const wanting = open.flatMap((i) => {
    const level = i.settledBy.length === 0 ? null : levelThatSets(i.settledBy);
    return level === null ? [] : [{ id: i.id, level }];
  });
  const rest = open.filter((i) => !wanting.some((w) => w.id === i.id));
  const out: string[] = [];
  if (wanting.length > 0) {
    const level = LEVELS.findLast((l) => wanting.some((w) => w.level === l))!;
    out.push(`${notRecorded(wanting.map((w) => w.id))}; ${howToRecord(level, recorded)}`);
  }
  if (rest.length > 0) {
    const [first] = rest;
    const others =
      rest.length === 1
        ? ''
        : ` (and ${rest
            .slice(1)
            .map((i) => i.id)
            .join(' ')})`;
    out.push(`${first!.id} is not decided${others}: ${first!.reason}`);
  }
  if (unmarked.length > 0)
    out.push(
      `${plural(unmarked.length, 'rule')} that only trace markers or bpftrace decide: ${unmarked.join(' ')}`,
    );
  return out;
}

/** A recording that had that level already lacks something else; of several the lowest level counts. */
function howToRecord(level: Level, recorded: readonly string[]): string {
  const had = LEVELS.find((l) => recorded.includes(l));
  return had !== undefined && within(level, had)
    ? `it was recorded at level ${had}, which has their probes: they did not fire, this kernel lacks them (\`absent\` in its head), or they need \`--kernel-info\``
    : `\`pttrace record --level ${level}\` would show them`;
}

/** Levels hold those before them, so the highest one that any of them needs is named for all. */
function notRecorded(ids: readonly string[]): string {
  const topics = byTopic(ids);
  const [only] = topics;
  if (topics.length === 1)
    return `${only!.noun} were not recorded in full: ${plural(ids.length, 'rule')} about them not decided`;
  const nouns = topics.map((t) => `${t.noun} (${t.ids.length})`);
  return `not recorded, or not in full: ${and(nouns)}; ${plural(ids.length, 'rule')} about them not decided`;
}
