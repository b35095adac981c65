import type { Surroundings } from '../../src/perfetto/near-findings.js';
import { GRACE_ROWS } from '../../src/perfetto/tracks.js';
import type { Finding } from '../../src/result/types.js';
import { duration } from '../render/text.js';
import { plural } from '../render/verdicts.js';
import { ARROW_END, ARROW_TIP } from './arrow.js';
import { type Hold, holdOf } from './holds.js';
import { html, type Markup } from './markup.js';

const WIDTH = 1000;
const LABEL = 70;
const LANE = 46;
const TOP = 34;
const MOST_CPUS = 32;
/** Bars and arrows of one picture at most. */
const MOST_BARS = 2000;
const MOST_ARROWS = 300;

/** What a CPU does, by the row it is drawn on: colour and words of the legend. */
const KINDS = [
  { what: 'IPI handlers', colour: 'ipi', words: 'IPI handler' },
  { what: 'callbacks', colour: 'callback', words: 'RCU callback' },
  { what: 'readers', colour: 'reader', words: 'reader section' },
  { what: GRACE_ROWS[0], colour: 'grace', words: 'grace period' },
  { what: GRACE_ROWS[1], colour: 'grace', words: 'grace period' },
] as const;

/** Where things stand in a picture: time across, a lane per CPU, the lane of RCU (-1) last. */
class Places {
  readonly cpus: readonly number[];
  readonly height: number;
  private readonly near: Surroundings;

  constructor(finding: Finding, near: Surroundings) {
    this.near = near;
    const seen = new Set([...finding.events, ...near.slices].map((x) => x.cpu));
    const cpus = [...seen].filter((cpu) => cpu >= 0).sort((a, b) => a - b);
    this.cpus = [...cpus.slice(0, MOST_CPUS), ...(seen.has(-1) ? [-1] : [])];
    this.height = TOP + this.cpus.length * LANE + 20;
  }

  has(cpu: number): boolean {
    return this.cpus.includes(cpu);
  }

  /** Stamps outside the picture stand at its edge. */
  x(ns: number): number {
    const { fromNs, toNs } = this.near;
    const part = (Math.min(toNs, Math.max(fromNs, ns)) - fromNs) / (toNs - fromNs);
    return LABEL + part * (WIDTH - LABEL - 12);
  }

  /** Middle of a lane. */
  y(cpu: number): number {
    return TOP + this.cpus.indexOf(cpu) * LANE + 22;
  }
}

/**
 * A finding as a picture: what ran on each CPU, arrows from an IPI to its handler and from call_rcu to its callback, the
 * events of the finding by number, and a band where a CPU still held what the finding says. Null: it quotes no event.
 */
export function spaceTime(finding: Finding, near: Surroundings | null, unit: 'ns' | 'ticks'): Markup {
  if (near === null) return html`<p class="soft">This finding has no events of its own.</p>`;
  const holders = holdersOf(finding);
  const bars = near.slices.filter((s) => s.toNs > s.fromNs && KINDS.some((k) => k.what === s.what));
  const left = near.leftOut + Math.max(0, bars.length - MOST_BARS);
  const shown = KINDS.filter(
    (k, i) => bars.some((s) => s.what === k.what) && KINDS.findIndex((o) => o.words === k.words) === i,
  );
  const legend = [
    ...shown,
    ...holders.map((h) => ({ colour: h.colour, words: `CPU ${h.cpu} may still hold: ${h.name}` })),
  ];
  return html`<div class="scroll">${picture(finding, near, unit)}</div><p class="soft">${legend.map((k) => html`<span style="color:var(--${k.colour})">■</span> ${k.words} `)}○ events of the finding${left > 0 ? `; ${plural(left, 'bar')} not drawn` : ''}</p>`;
}

/** The drawing alone. */
export function picture(finding: Finding, near: Surroundings, unit: 'ns' | 'ticks'): Markup {
  const at = new Places(finding, near);
  const [first, last] = [Math.min(...near.times), Math.max(...near.times)];
  const size = unit === 'ns' ? duration(last - first) : `${last - first} ticks`;
  const label = `Space-time diagram: ${finding.message}. ${finding.events.map((e, i) => `${i + 1}: ${e.role} on CPU ${e.cpu}`).join('; ')}`;
  const lanes = at.cpus.map(
    (cpu) =>
      html`<line x1="${LABEL}" x2="${WIDTH - 12}" y1="${at.y(cpu)}" y2="${at.y(cpu)}" stroke="var(--line)"/><text x="0" y="${at.y(cpu) + 4}">${cpu < 0 ? 'RCU' : `CPU ${cpu}`}</text>`,
  );
  return html`<svg class="wide" viewBox="0 0 ${WIDTH} ${at.height}" role="img" aria-label="${label}">${ARROW_TIP}${lanes}${bands(finding, at, first, last)}${bars(near, at)}${arrows(near, at)}${gap(finding, near.times, at)}${marks(finding, near.times, at)}<text x="${LABEL}" y="${at.height - 2}" class="soft">first event</text><text x="${WIDTH - 150}" y="${at.height - 2}" class="soft">+${size}</text></svg>`;
}

/** Where a CPU still holds what the finding says. */
const bands = (finding: Finding, at: Places, first: number, last: number): Markup[] =>
  holdersOf(finding)
    .filter(({ cpu }) => at.has(cpu))
    .map(
      ({ cpu, colour, text }) =>
        html`<rect x="${at.x(first)}" y="${at.y(cpu) - 14}" width="${at.x(last) - at.x(first)}" height="28" fill="var(--${colour})" opacity=".16"><title>${text}</title></rect>`,
    );

const bars = (near: Surroundings, at: Places): Markup[] =>
  near.slices
    .flatMap((s) => {
      const kind = KINDS.find((k) => k.what === s.what);
      return kind && s.toNs > s.fromNs && at.has(s.cpu) ? [{ s, kind }] : [];
    })
    .slice(0, MOST_BARS)
    .map(
      ({ s, kind }) =>
        html`<rect x="${at.x(s.fromNs)}" y="${at.y(s.cpu) - 8}" width="${Math.max(1.5, at.x(s.toNs) - at.x(s.fromNs))}" height="16" fill="var(--${kind.colour})" opacity=".8"><title>${s.name}, ${duration(s.toNs - s.fromNs)}</title></rect>`,
    );

type Slice = Surroundings['slices'][number];

/** Along each flow: from an IPI to its handler to the return of who waits, from call_rcu() by a grace period to the callback. */
function arrows({ slices }: Surroundings, at: Places): Markup[] {
  const flows = new Map<number, Slice[]>();
  for (const s of slices)
    if (s.flow !== 0 && at.has(s.cpu)) flows.set(s.flow, [...(flows.get(s.flow) ?? []), s]);
  const periods = slices.filter((s) => s.what === GRACE_ROWS[0]);
  const lines = [...flows.values()].flatMap((flow) => {
    const steps = flow.sort((a, b) => a.fromNs - b.fromNs);
    return steps.slice(1).flatMap((to, i) => between(steps[i]!, to, periods, at));
  });
  return lines.slice(0, MOST_ARROWS);
}

function between(from: Slice, to: Slice, periods: readonly Slice[], at: Places): Markup[] {
  const callback = to.what === 'callbacks';
  const colour = callback ? 'callback' : 'ipi';
  const line = (a: Slice, aNs: number, b: Slice): Markup =>
    html`<line x1="${at.x(aNs)}" y1="${at.y(a.cpu)}" x2="${at.x(b.fromNs)}" y2="${at.y(b.cpu)}" stroke="var(--${colour})" stroke-width="1" ${ARROW_END}/>`;
  // The last whole one between them: that is waited for.
  const waited = callback
    ? periods.findLast((p) => p.fromNs >= from.fromNs && p.toNs <= to.fromNs)
    : undefined;
  if (waited === undefined || !at.has(waited.cpu)) return [line(from, from.toNs, to)];
  return [line(from, from.fromNs, waited), line(waited, waited.toNs, to)];
}

/** The events of the finding, by number; those that would cover each other stand one above the other. */
function marks(finding: Finding, times: readonly number[], at: Places): Markup[] {
  const { events } = finding;
  return events.map((e, i) => {
    const x = at.x(times[i]!);
    const near = events.filter(
      (o, n) => n < i && o.cpu === e.cpu && Math.abs(at.x(times[n]!) - x) < 17,
    ).length;
    const y = at.y(e.cpu) + [0, -15, 15][near % 3]!;
    return html`<g><circle cx="${x}" cy="${y}" r="8" fill="var(--bg)" stroke="var(--${i === events.length - 1 ? 'bad' : 'fg'})" stroke-width="2"/><text x="${x}" y="${y + 4}" text-anchor="middle">${i + 1}</text><title>${e.role}, line ${e.line}</title></g>`;
  });
}

/** Where something is missing: between the last event that came before and the one it should have preceded. */
function gap({ missing, missingBefore }: Finding, times: readonly number[], at: Places): Markup | string {
  const after = times[missingBefore];
  if (missing === '' || after === undefined) return '';
  const x = at.x(((times[missingBefore - 1] ?? after) + after) / 2);
  return html`<line x1="${x}" x2="${x}" y1="${TOP - 12}" y2="${at.height - 16}" stroke="var(--bad)" stroke-dasharray="4 3"/><text x="${Math.min(WIDTH - 260, x + 4)}" y="${TOP - 16}" style="fill:var(--bad)">missing here</text>`;
}

/** CPUs that the finding says hold something, each once. */
function holdersOf({ held }: Finding): (Hold & { readonly cpu: number; readonly text: string })[] {
  const byCpu = new Map<number, string>();
  for (const text of held)
    for (const [, cpu] of text.matchAll(/\bCPU (\d+)/g))
      if (!byCpu.has(Number(cpu))) byCpu.set(Number(cpu), text);
  return [...byCpu].map(([cpu, text]) => ({ cpu, text, ...holdOf(text) }));
}
