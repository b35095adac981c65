import type { Surroundings } from '../../src/perfetto/near-findings.js';
import type { PairAnswers, ReportSums } from '../../src/perfetto/report-sums.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';
import { ruleCounts, ruleCountWords } from '../../src/result/rule-counts.js';
import type { Finding, InvariantReport, Result } from '../../src/result/types.js';
import { whyUndecided } from '../../src/result/undecided.js';
import { answer } from '../render/answer.js';
import { ranges } from '../render/report.js';
import { undecidedWords } from '../render/screen.js';
import { distinctLatencies, duration, quantileLine, seconds } from '../render/text.js';
import { plural } from '../render/verdicts.js';
import { basis } from '../render/witness.js';
import { ecdfChart, heatMap, histogramChart, matrix, stepChart } from './charts.js';
import { html, type Markup } from './markup.js';
import { facts, pageText, type Section, table } from './page.js';
import { spaceTime } from './space-time.js';

/** Rules of which a finding is drawn. */
const DRAWN = 8;

export interface Drawn {
  readonly rule: InvariantReport;
  readonly finding: Finding;
}

/** The first finding of each violated rule, the worst first: the others of a rule look like it. */
export const drawnFindings = ({ invariants }: Result): readonly Drawn[] =>
  invariants
    .flatMap((rule) => rule.findings.slice(0, 1).map((finding) => ({ rule, finding })))
    // S1 is the worst.
    .sort((a, b) => Number(a.rule.severity.slice(1)) - Number(b.rule.severity.slice(1)))
    .slice(0, DRAWN);

/** Findings that have no picture, by rule. */
function others(result: Result, drawn: readonly Drawn[]): Markup | string {
  const list = result.invariants.flatMap((rule) => {
    const n = rule.findings.length - (drawn.some((d) => d.rule === rule) ? 1 : 0);
    return n > 0 ? [{ rule, n }] : [];
  });
  if (list.length === 0) return '';
  const rows = list.flatMap(({ rule, n }) =>
    rule.findings.slice(-n).map((f) => [rule.id, f.message, f.events.map((e) => e.line).join(' ')]),
  );
  return html`<details><summary>${plural(rows.length, 'more finding')}</summary>${table('more findings', ['', 'finding', 'lines'], rows)}</details>`;
}

/** The whole of a replay as one page. `near`: what happened around each of `drawnFindings`. */
export function replayPage(result: Result, sums: ReportSums, near: readonly (Surroundings | null)[]): string {
  const drawn = drawnFindings(result);
  const wrong: Section = {
    id: 'findings',
    title: 'What is wrong',
    body: html`${drawn.map((d, i) => story(result, d, near[i] ?? null, i))}${others(result, drawn)}`,
  };
  return pageText({
    title: `pttrace replay ${result.inputs.map((i) => i.path).join(', ')}`,
    summary: answer(result),
    tone: result.summary.findings > 0 ? 'bad' : result.summary.tableFrees > 0 ? 'good' : 'neutral',
    sections: [
      ...(drawn.length > 0 ? [wrong] : []),
      { id: 'recording', title: 'The recording', body: recording(result) },
      { id: 'latency', title: 'Latency', body: latency(result, sums) },
      { id: 'deferred', title: 'Page tables queued to RCU', body: deferred(result) },
      { id: 'shootdowns', title: 'TLB shootdowns', body: shootdowns(sums.pairs()) },
      { id: 'lifetimes', title: 'From hand-over to free', body: lifetimes(sums) },
      { id: 'rules', title: 'Rules', body: rules(result) },
    ],
  });
}

function story(result: Result, { rule, finding: f }: Drawn, near: Surroundings | null, n: number): Markup {
  const lines = f.events.map((e, i) => [
    String(i + 1),
    String(e.line),
    `CPU\u00a0${e.cpu}`,
    e.role,
    html`<code>${e.text.trim()}</code>`,
  ]);
  const notes: [string, string][] = [
    ['missing', f.missing],
    ['still held', f.held.join('; ')],
    ['the rule', f.rule],
    ['in the kernel', f.source],
    ['how it is known', `severity ${rule.severity}; ${basis(f)}`],
  ];
  return html`<article aria-labelledby="f${n}"><h3 id="f${n}">${rule.id} ${rule.name}: ${f.message}</h3>${spaceTime(f, near, result.timeline.unit)}${f.events.length > 0 ? table(`lines of finding ${n + 1}`, ['', 'line', 'CPU', 'what', 'the line'], lines, [1]) : ''}${facts(notes.filter(([, text]) => text !== ''))}</article>`;
}

function recording(result: Result): Markup {
  const t = result.timeline;
  const rows: [string, string][] = result.inputs.flatMap((i): [string, string][] => [
    [
      i.path,
      `${i.format}, ${plural(i.lines.total, 'line')}, ${plural(i.lines.event, 'event')}, ${i.lines.skipped} skipped`,
    ],
    ...i.notes.map((note): [string, string] => ['note', note.message]),
    ...(i.error ? ([['not whole', i.error.message]] as [string, string][]) : []),
  ]);
  const lost = t.lost.map((l) => `CPU ${l.cpu}: ${l.count < 0 ? 'an unknown number' : l.count}`).join(', ');
  const span =
    t.unit === 'ns'
      ? `${seconds(t.firstNs)} to ${seconds(t.lastNs)} s (${duration(Number(t.spanNs))})`
      : 'ticks';
  rows.push(['time', span], ['CPUs', ranges(t.cpus)], ['lost events', lost === '' ? 'none reported' : lost]);
  rows.push([
    'kernel variant',
    `${result.variant.candidates.join(', ') || 'none fits'} (${result.variant.how})`,
  ]);
  for (const e of result.variant.evidence) rows.push(['because', e.text]);
  for (const text of undecidedWords(result.invariants, result.levels)) rows.push(['open', text]);
  return facts(rows);
}

function latency(result: Result, { calls }: ReportSums): Markup {
  const parts = distinctLatencies(result.latency).map((l) => {
    const name = `${l.name}${l.key === '' ? '' : ` [${l.key}]`}`;
    const series = [{ name, buckets: l.histogram, colour: 'before' }];
    const heat = l.key === '' && l.count > 1 ? calls.get(l.name) : undefined;
    return html`<h3>${name}</h3><p>${quantileLine(l)}</p>${l.histogram.length > 0 ? html`${histogramChart(`Histogram of ${name}`, series)}${ecdfChart(`Cumulative distribution of ${name}, in the band between its rows' edges`, series)}` : ''}${heat ? html`<h3>${name} over time</h3>${heatMap(`Durations of ${name} over time`, heat)}` : ''}`;
  });
  return html`${parts}`;
}

function deferred({ deferred: d, timeline }: Result): Markup {
  const [first] = d.series;
  if (d.peakTables === 0 || !first) return html`<p>No page table was queued to RCU in this recording.</p>`;
  const start = BigInt(first[0]);
  const points = d.series.map(([at, tables]) => [Number(BigInt(at) - start), tables] as const);
  const at = timeline.unit === 'ns' ? `at ${seconds(d.peakAtNs)} s` : `at tick ${d.peakAtNs}`;
  return html`<p>${`now ${d.nowTables}, at most ${d.peakTables} (${d.peakBytes / 1024} KiB with batch pages) ${at}`}</p>${stepChart('Page tables queued to RCU over time', points, 'tables')}`;
}

/** Handlers by source and target, with how long the answer took. */
function shootdowns(pairs: readonly PairAnswers[]): Markup {
  if (pairs.length === 0) return html`<p>No IPI with its handler is in this recording.</p>`;
  const cpus = [...new Set(pairs.flatMap((p) => [p.from, p.to]))].sort((a, b) => a - b);
  const worst = Math.max(1, ...pairs.map((p) => p.answers.maxNs));
  const byPair = new Map(pairs.map((p) => [`${p.from} ${p.to}`, p.answers]));
  return html`<p>From the IPI being queued to the end of its handler: median, longest (number). Times between CPUs are as good as their clocks agree.</p>${matrix(
    'Answers to IPIs by source and target CPU',
    cpus,
    (from, to) => {
      const answers = byPair.get(`${from} ${to}`);
      if (!answers) return null;
      const text = `${duration(answers.quantile(0.5))}, ${duration(answers.maxNs)} (${answers.count})`;
      return { text, heat: answers.maxNs / worst };
    },
  )}`;
}

function lifetimes({ lifetimes: spans }: ReportSums): Markup {
  if (spans.count === 0) return html`<p>No page table is handed over and freed in this recording.</p>`;
  return html`<p>${plural(spans.count, 'page table')}, from the hand-over to the gather to the release of the page.</p>${histogramChart('Time from hand-over to free', [{ name: 'tables', buckets: spans.powerOfTwoBuckets(), colour: 'callback' }])}`;
}

function rules(result: Result): Markup {
  const rows = result.invariants.map((i) => {
    const rule = CATALOGUE.find((r) => r.id === i.id);
    const n = i.instances;
    const b = i.basis;
    const known = [
      b.observed > 0 ? `${b.observed} observed` : '',
      b.inferred + b.absence > 0 ? `${b.inferred + b.absence} inferred` : '',
      b.assumed > 0 ? `${b.assumed} assumed` : '',
    ].filter((t) => t !== '');
    const why = i.verdict === 'pass' || i.verdict === 'violated' ? known.join(', ') : whyUndecided(i);
    const verdict = {
      pass: 'held',
      violated: 'violated',
      unknown: 'not decided',
      'not-applicable': 'nothing to check',
    }[i.verdict];
    return [
      html`<span class="${i.verdict}">${i.id}</span>`,
      html`<details><summary>${i.name}</summary>${rule?.statement ?? ''}<br><span class="soft">${rule?.words ?? ''}</span></details>`,
      html`<span class="${i.verdict}">${verdict}</span>`,
      String(n.pass),
      String(n.violated),
      String(n.unknown),
      why,
    ];
  });
  return html`<p>${`${ruleCountWords(ruleCounts(result.invariants))}.`}</p>${table('rules', ['', 'rule', 'verdict', 'held', 'violated', 'unknown', 'known by, or why not'], rows, [3, 4, 5])}`;
}
