import type { Kept, KeptSink } from '../../src/perfetto/kept-sink.js';
import { CATALOGUE } from '../../src/replay/rules/catalogue.js';
import { ruleCounts, ruleCountWords } from '../../src/result/rule-counts.js';
import type { Finding, HistogramBucket, InvariantReport, Result } from '../../src/result/types.js';
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

/** Findings drawn; the others stand in the table of rules. */
const DRAWN = 8;
/** Points of a curve; a screen has no more. */
const POINTS = 1500;

/** The whole of a replay as one page. `base`: absolute ns of relative stamp 0 of `kept`. */
export function replayPage(result: Result, kept: KeptSink, base: bigint): string {
  const sections: Section[] = [];
  const findings = result.invariants.flatMap((rule) => rule.findings.map((finding) => ({ rule, finding })));
  if (findings.length > 0) {
    const drawn = findings
      .sort((a, b) => a.rule.severity.localeCompare(b.rule.severity, 'en'))
      .slice(0, DRAWN)
      .map(({ rule, finding }, i) => story(result, rule, finding, kept, base, i));
    const rest = findings.length - drawn.length;
    sections.push({
      id: 'findings',
      title: 'What is wrong',
      body: html`${drawn}${rest > 0 ? html`<p>${plural(rest, 'more finding')}: in the table of rules.</p>` : ''}`,
    });
  }
  sections.push({ id: 'recording', title: 'The recording', body: recording(result) });
  sections.push({ id: 'latency', title: 'Latency', body: latency(result, kept) });
  sections.push({ id: 'deferred', title: 'Page tables queued to RCU', body: deferred(result, kept) });
  sections.push({ id: 'shootdowns', title: 'TLB shootdowns', body: shootdowns(kept) });
  sections.push({ id: 'lifetimes', title: 'From hand-over to free', body: lifetimes(kept) });
  sections.push({ id: 'rules', title: 'Rules', body: rules(result) });
  const paths = result.inputs.map((i) => i.path).join(', ');
  return pageText({
    title: `pttrace replay ${paths}`,
    summary: answer(result),
    tone: result.summary.findings > 0 ? 'bad' : result.summary.tableFrees > 0 ? 'good' : 'neutral',
    sections,
  });
}

function story(
  result: Result,
  rule: InvariantReport,
  f: Finding,
  kept: KeptSink,
  base: bigint,
  n: number,
): Markup {
  const lines = f.events.map((e, i) => [
    String(i + 1),
    String(e.line),
    `CPU ${e.cpu}`,
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
  return html`<article aria-labelledby="f${n}"><h3 id="f${n}">${rule.id} ${rule.name}: ${f.message}</h3>${spaceTime(f, kept, base, result.timeline.unit)}${f.events.length > 0 ? table(`lines of finding ${n + 1}`, ['', 'line', 'CPU', 'what', 'the line'], lines, [1]) : ''}${facts(notes.filter(([, text]) => text !== ''))}</article>`;
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
  for (const text of undecidedWords(result.invariants)) rows.push(['open', text]);
  return facts(rows);
}

function latency(result: Result, kept: KeptSink): Markup {
  const parts = distinctLatencies(result.latency).map((l) => {
    const name = `${l.name}${l.key === '' ? '' : ` [${l.key}]`}`;
    const series = [{ name, buckets: l.histogram, colour: 'before' }];
    const heat = kept.slices.filter(
      (s) => kept.tracks[kept.tracks[s.track]!.parent]?.name === 'system calls' && s.name === l.name,
    );
    return html`<h3>${name}</h3><p>${quantileLine(l)}</p>${l.histogram.length > 0 ? html`${histogramChart(`Histogram of ${name}`, series)}${ecdfChart(`Cumulative distribution of ${name}, in the band between its rows' edges`, series)}` : ''}${heat.length > 0 && l.key === '' ? html`<h3>${name} over time</h3>${heatMap(`Durations of ${name} over time`, heat)}` : ''}`;
  });
  return html`${parts}`;
}

function deferred(result: Result, kept: KeptSink): Markup {
  const d = result.deferred;
  if (d.peakTables === 0) return html`<p>No page table was queued to RCU in this recording.</p>`;
  const step = Math.ceil(kept.counts.length / POINTS);
  const points = kept.counts.filter((_, i) => i % step === 0).map((c) => [c.atNs, c.value] as const);
  return html`<p>${`now ${d.nowTables}, at most ${d.peakTables} (${d.peakBytes / 1024} KiB with batch pages) at ${seconds(d.peakAtNs)} s`}</p>${stepChart('Page tables queued to RCU over time', points, 'tables')}`;
}

/** Handlers by source and target, with how long the answer took. */
function shootdowns(kept: KeptSink): Markup {
  const sent = new Map<number, Kept>();
  const pairs = new Map<string, number[]>();
  const cpus = new Set<number>();
  for (const s of kept.slices)
    if (s.flow > 0 && kept.placeOf(s.track).what === 'IPIs sent') sent.set(s.flow, s);
  for (const s of kept.slices) {
    const to = kept.placeOf(s.track);
    const send = to.what === 'IPI handlers' ? sent.get(s.flow) : undefined;
    if (!send) continue;
    const from = kept.placeOf(send.track).cpu;
    cpus.add(from).add(to.cpu);
    const key = `${from} ${to.cpu}`;
    pairs.set(key, [...(pairs.get(key) ?? []), s.toNs - send.fromNs]);
  }
  if (pairs.size === 0) return html`<p>No IPI with its handler is in this recording.</p>`;
  const median = (list: readonly number[]): number =>
    [...list].sort((a, b) => a - b)[(list.length - 1) >> 1]!;
  const worst = Math.max(...[...pairs.values()].map((list) => Math.max(...list)));
  const cell = (from: number, to: number): { text: string; heat: number } | null => {
    const list = pairs.get(`${from} ${to}`);
    if (!list) return null;
    const top = Math.max(...list);
    return {
      text: `${duration(median(list))}, ${duration(top)} (${list.length})`,
      heat: top / Math.max(1, worst),
    };
  };
  return html`<p>From the IPI being queued to the end of its handler: median, longest (number). Times between CPUs are as good as their clocks agree.</p>${matrix(
    'Answers to IPIs by source and target CPU',
    [...cpus].sort((a, b) => a - b),
    cell,
  )}`;
}

function lifetimes(kept: KeptSink): Markup {
  const handed = new Map<number, number>();
  const spans: number[] = [];
  for (const s of kept.slices) {
    if (kept.tracks[kept.tracks[s.track]!.parent]?.name !== 'page tables') continue;
    if (s.name === 'handed over') handed.set(s.track, s.fromNs);
    else if (s.name === 'freed' && handed.has(s.track)) {
      spans.push(s.fromNs - handed.get(s.track)!);
      handed.delete(s.track);
    }
  }
  if (spans.length === 0) return html`<p>No page table is handed over and freed in this recording.</p>`;
  return html`<p>${plural(spans.length, 'page table')}, from the hand-over to the gather to the release of the page.</p>${histogramChart('Time from hand-over to free', [{ name: 'tables', buckets: octaves(spans), colour: 'callback' }])}`;
}

function octaves(values: readonly number[]): HistogramBucket[] {
  const counts = new Map<number, number>();
  for (const v of values) {
    const o = v < 1 ? 0 : 2 ** Math.floor(Math.log2(v));
    counts.set(o, (counts.get(o) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([lowNs, count]) => ({ lowNs, highNs: lowNs === 0 ? 1 : lowNs * 2, count }));
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
