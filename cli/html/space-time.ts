import type { Kept, KeptSink } from '../../src/perfetto/kept-sink.js';
import type { Finding } from '../../src/result/types.js';
import { duration } from '../render/text.js';
import { html, type Markup } from './markup.js';

const WIDTH = 1000;
const LABEL = 70;
const LANE = 46;
const TOP = 34;

/** What a CPU does, by the track it is drawn on: colour and words of the legend. */
const KINDS = [
  { what: 'IPI handlers', colour: 'ipi', words: 'IPI handler' },
  { what: 'callbacks', colour: 'callback', words: 'RCU callback' },
  { what: 'readers', colour: 'reader', words: 'reader section' },
] as const;

/**
 * Time across, a lane per CPU: what ran there, arrows from an IPI to its handler and from call_rcu to its callback, the
 * events of the finding by number, and a band where a CPU still held what the finding says.
 * `base`: absolute ns of relative stamp 0.
 */
export function spaceTime(finding: Finding, sink: KeptSink, base: bigint, unit: 'ns' | 'ticks'): Markup {
  const times = finding.events.map((e) => Number(BigInt(e.tsNs) - base));
  if (times.length === 0) return html`<p class="soft">This finding has no events of its own.</p>`;
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const margin = Math.max(1000, (last - first) * 0.06);
  const [from, to] = [first - margin, last + margin];
  const seen = sink.slices.filter((s) => s.toNs >= from && s.fromNs <= to);
  const placed = seen.map((s) => ({ s, ...sink.placeOf(s.track) })).filter((p) => p.cpu >= 0);
  const cpus = [...new Set([...finding.events.map((e) => e.cpu), ...placed.map((p) => p.cpu)])]
    .filter((cpu) => cpu >= 0)
    .sort((a, b) => a - b)
    .slice(0, 32);
  const x = (ns: number): number =>
    LABEL + ((Math.min(to, Math.max(from, ns)) - from) / (to - from)) * (WIDTH - LABEL - 12);
  const y = (cpu: number): number => TOP + cpus.indexOf(cpu) * LANE;
  const height = TOP + cpus.length * LANE + 20;
  const lanes = cpus.map(
    (cpu) =>
      html`<line x1="${LABEL}" x2="${WIDTH - 12}" y1="${y(cpu) + 22}" y2="${y(cpu) + 22}" stroke="var(--line)"/><text x="0" y="${y(cpu) + 26}">CPU ${cpu}</text>`,
  );
  const holders = holdersOf(finding).filter((cpu) => cpus.includes(cpu));
  const bands = holders.map(
    (cpu) =>
      html`<rect x="${x(first)}" y="${y(cpu) + 8}" width="${x(last) - x(first)}" height="28" fill="var(--hold)" opacity=".16"><title>${finding.held.join('; ')}</title></rect>`,
  );
  const bars = placed
    .filter((p) => cpus.includes(p.cpu) && p.s.toNs > p.s.fromNs)
    .slice(0, 2000)
    .map(({ s, what, cpu }) => {
      const kind = KINDS.find((k) => k.what === what);
      if (!kind) return '';
      return html`<rect x="${x(s.fromNs)}" y="${y(cpu) + 14}" width="${Math.max(1.5, x(s.toNs) - x(s.fromNs))}" height="16" fill="var(--${kind.colour})" opacity=".8"><title>${s.name}, ${duration(s.toNs - s.fromNs)}</title></rect>`;
    });
  const arrows = arrowsOf(placed.map((p) => ({ ...p.s, cpu: p.cpu })))
    .filter((a) => cpus.includes(a.fromCpu) && cpus.includes(a.toCpu))
    .slice(0, 300)
    .map(
      (a) =>
        html`<line x1="${x(a.fromNs)}" y1="${y(a.fromCpu) + 22}" x2="${x(a.toNs)}" y2="${y(a.toCpu) + 22}" stroke="var(--${a.fromCpu === a.toCpu ? 'callback' : 'ipi'})" stroke-width="1" marker-end="url(#tip)"/>`,
    );
  const marks = finding.events.map((e, i) => {
    const row = y(e.cpu) + 22 + shiftOf(finding, times, i, x);
    return html`<g><circle cx="${x(times[i]!)}" cy="${row}" r="8" fill="var(--bg)" stroke="var(--${i === finding.events.length - 1 ? 'bad' : 'fg'})" stroke-width="2"/><text x="${x(times[i]!)}" y="${row + 4}" text-anchor="middle">${i + 1}</text><title>${e.role}, line ${e.line}</title></g>`;
  });
  const missing = missingAt(finding, times);
  const gap =
    missing === null
      ? ''
      : html`<line x1="${x(missing)}" x2="${x(missing)}" y1="${TOP - 12}" y2="${height - 16}" stroke="var(--bad)" stroke-dasharray="4 3"/><text x="${Math.min(WIDTH - 260, x(missing) + 4)}" y="${TOP - 16}" style="fill:var(--bad)">missing here</text>`;
  const size = unit === 'ns' ? duration(last - first) : `${last - first} ticks`;
  const label = `Space-time diagram: ${finding.message}. ${finding.events.map((e, i) => `${i + 1}: ${e.role} on CPU ${e.cpu}`).join('; ')}`;
  return html`<div class="scroll"><svg class="wide" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}"><defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z" fill="var(--soft)"/></marker></defs>${lanes}${bands}${bars}${arrows}${gap}${marks}<text x="${LABEL}" y="${height - 2}" class="soft">first event</text><text x="${WIDTH - 150}" y="${height - 2}" class="soft">+${size}</text></svg></div><p class="soft">${KINDS.map((k) => html`<span style="color:var(--${k.colour})">■</span> ${k.words} `)}${holders.length > 0 ? html`<span style="color:var(--hold)">■</span> may still hold it ` : ''}○ events of the finding</p>`;
}

/** Marks that would cover each other stand one above the other. */
function shiftOf(finding: Finding, times: readonly number[], i: number, x: (ns: number) => number): number {
  const near = finding.events.filter(
    (e, n) => n < i && e.cpu === finding.events[i]!.cpu && Math.abs(x(times[n]!) - x(times[i]!)) < 17,
  ).length;
  return [0, -15, 15][near % 3]!;
}

/** CPUs that the finding says hold something. */
const holdersOf = ({ held }: Finding): number[] => [
  ...new Set(held.flatMap((h) => [...h.matchAll(/\bCPU (\d+)/g)].map((m) => Number(m[1])))),
];

/** Between the last event that came before and the one it should have preceded. */
function missingAt({ missing, missingBefore }: Finding, times: readonly number[]): number | null {
  const after = times[missingBefore];
  if (missing === '' || after === undefined) return null;
  const before = times[missingBefore - 1];
  return before === undefined ? after : (before + after) / 2;
}

interface Arrow {
  readonly fromNs: number;
  readonly toNs: number;
  readonly fromCpu: number;
  readonly toCpu: number;
}

function arrowsOf(slices: readonly (Kept & { readonly cpu: number })[]): Arrow[] {
  const starts = new Map<number, Kept & { readonly cpu: number }>();
  const arrows: Arrow[] = [];
  for (const s of slices.filter((x) => x.flow > 0)) {
    const start = starts.get(s.flow);
    if (!start) starts.set(s.flow, s);
    else {
      const [a, b] = start.fromNs <= s.fromNs ? [start, s] : [s, start];
      arrows.push({ fromNs: a.fromNs, toNs: b.fromNs, fromCpu: a.cpu, toCpu: b.cpu });
    }
  }
  return arrows;
}
