import type { HeatGrid } from '../../src/perfetto/heat-grid.js';
import type { HistogramBucket } from '../../src/result/types.js';
import { duration } from '../render/text.js';
import { html, type Markup } from './markup.js';

const WIDTH = 720;
const LABEL = 90;

/** One distribution, or two on one scale: before in one colour, after in the other. */
export interface Series {
  readonly name: string;
  readonly buckets: readonly HistogramBucket[];
  readonly colour: string;
}

const totalOf = (s: Series): number => s.buckets.reduce((sum, b) => sum + b.count, 0);

/** Rows of powers of two as bars; of several series as parts of each one's whole, so that they compare. */
export function histogramChart(label: string, series: readonly Series[]): Markup {
  const lows = [...new Set(series.flatMap((s) => s.buckets.map((b) => b.lowNs)))].sort((a, b) => a - b);
  const row = 12 * series.length + 8;
  const part = (s: Series, low: number): number =>
    (s.buckets.find((b) => b.lowNs === low)?.count ?? 0) / Math.max(1, totalOf(s));
  const top = Math.max(1e-9, ...series.flatMap((s) => lows.map((low) => part(s, low))));
  const height = lows.length * row + 24;
  const rows = lows.flatMap((low, i) => {
    const high = series.flatMap((s) => s.buckets).find((b) => b.lowNs === low)?.highNs ?? low;
    return [
      html`<text x="0" y="${i * row + row / 2 + 4}" class="soft">${duration(low)}</text>`,
      ...series.map((s, n) => {
        const p = part(s, low);
        const width = (p / top) * (WIDTH - LABEL - 130);
        const count = s.buckets.find((b) => b.lowNs === low)?.count ?? 0;
        const y = i * row + 4 + n * 12;
        return html`<rect x="${LABEL}" y="${y}" width="${Math.max(count > 0 ? 1 : 0, width)}" height="10" fill="var(--${s.colour})"><title>${s.name}: ${count} from ${duration(low)} to ${duration(high)}</title></rect>${count > 0 ? html`<text x="${LABEL + width + 6}" y="${y + 9}">${count} (${(p * 100).toPrecision(3)} %)</text>` : ''}`;
      }),
    ];
  });
  return html`<div class="scroll"><svg class="wide" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">${rows}</svg></div>`;
}

/** Cumulative parts over a logarithmic axis; one step line a series. Bands: a row's edges, between which the truth lies. */
export function ecdfChart(label: string, series: readonly Series[]): Markup {
  const all = series.flatMap((s) => s.buckets);
  if (all.length === 0) return html`<p class="soft">no whole span in this recording</p>`;
  const low = Math.log2(Math.max(1, Math.min(...all.map((b) => b.lowNs))));
  const high = Math.log2(Math.max(2, ...all.map((b) => b.highNs)));
  const [height, bottom] = [220, 190];
  const x = (ns: number): number =>
    LABEL + ((Math.log2(Math.max(1, ns)) - low) / Math.max(1, high - low)) * (WIDTH - LABEL - 50);
  const y = (p: number): number => bottom - p * (bottom - 12);
  const lines = series.map((s) => {
    let sum = 0;
    const total = Math.max(1, totalOf(s));
    const upper: string[] = [`${x(s.buckets[0]?.lowNs ?? 1).toFixed(1)},${y(0).toFixed(1)}`];
    const lower: string[] = [...upper];
    for (const b of s.buckets) {
      const before = sum / total;
      sum += b.count;
      const after = sum / total;
      upper.push(
        `${x(b.lowNs).toFixed(1)},${y(before).toFixed(1)}`,
        `${x(b.lowNs).toFixed(1)},${y(after).toFixed(1)}`,
      );
      lower.push(
        `${x(b.highNs).toFixed(1)},${y(before).toFixed(1)}`,
        `${x(b.highNs).toFixed(1)},${y(after).toFixed(1)}`,
      );
    }
    const end = `${x(s.buckets.at(-1)?.highNs ?? 1).toFixed(1)},${y(1).toFixed(1)}`;
    return html`<polygon points="${[...upper, end, ...lower.toReversed()].join(' ')}" fill="var(--${s.colour})" opacity=".25"><title>${s.name}: the truth lies in this band</title></polygon><polyline points="${[...lower, end].join(' ')}" fill="none" stroke="var(--${s.colour})" stroke-width="2"/>`;
  });
  const ticks: Markup[] = [];
  for (let p = Math.ceil(low); p <= high; p += Math.max(1, Math.ceil((high - low) / 8)))
    ticks.push(
      html`<line x1="${x(2 ** p)}" x2="${x(2 ** p)}" y1="12" y2="${bottom}" stroke="var(--line)"/><text x="${x(2 ** p)}" y="${bottom + 18}" text-anchor="middle" class="soft">${duration(2 ** p)}</text>`,
    );
  const levels = [0, 0.5, 0.9, 1].map(
    (p) =>
      html`<line x1="${LABEL}" x2="${WIDTH - 20}" y1="${y(p)}" y2="${y(p)}" stroke="var(--line)"/><text x="40" y="${y(p) + 4}" class="soft">${p * 100} %</text>`,
  );
  const legend =
    series.length < 2
      ? []
      : series.map(
          (s, i) =>
            html`<text x="${LABEL + 12 + i * 160}" y="${height + 8}" style="fill:var(--${s.colour})">${s.name}</text>`,
        );
  return html`<div class="scroll"><svg class="wide" viewBox="0 0 ${WIDTH} ${height + 14}" role="img" aria-label="${label}">${levels}${ticks}${lines}${legend}</svg></div>`;
}

/** A value over time as steps. */
export function stepChart(
  label: string,
  points: readonly (readonly [atNs: number, value: number])[],
  unit: string,
): Markup {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return html`<p class="soft">nothing to draw</p>`;
  const span = Math.max(1, last[0] - first[0]);
  const top = Math.max(1, ...points.map(([, v]) => v));
  const [height, bottom] = [160, 136];
  const x = (at: number): number => LABEL + ((at - first[0]) / span) * (WIDTH - LABEL - 10);
  const y = (v: number): number => bottom - (v / top) * (bottom - 14);
  const line: string[] = [];
  let before = first[1];
  for (const [at, v] of points) {
    line.push(`${x(at).toFixed(1)},${y(before).toFixed(1)}`, `${x(at).toFixed(1)},${y(v).toFixed(1)}`);
    before = v;
  }
  return html`<div class="scroll"><svg class="wide" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}"><line x1="${LABEL}" x2="${WIDTH - 10}" y1="${bottom}" y2="${bottom}" stroke="var(--line)"/><text x="0" y="18" class="soft">${top} ${unit}</text><text x="0" y="${bottom}" class="soft">0</text><text x="${LABEL}" y="${height - 4}" class="soft">0</text><text x="${WIDTH - 100}" y="${height - 4}" class="soft">+${duration(span)}</text><polyline points="${line.join(' ')}" fill="none" stroke="var(--callback)" stroke-width="2"/></svg></div>`;
}

/** Durations over time: time across, powers of two upwards, darker is more. */
export function heatMap(label: string, grid: HeatGrid): Markup {
  const cells = grid.cells();
  if (cells.length === 0) return html`<p class="soft">no whole span in this recording</p>`;
  const { columns, width: columnNs } = grid.axis;
  const [low, high] = [cells[0]!.octave, cells.at(-1)!.octave];
  const top = Math.max(...cells.map((c) => c.count));
  const rows = high - low + 1;
  const height = rows * 16 + 22;
  const width = (WIDTH - LABEL - 10) / columns;
  const y = (octave: number): number => (high - octave) * 16;
  const drawn = cells.map(({ column, octave, count }) => {
    const shade = 0.15 + 0.85 * (Math.log(1 + count) / Math.log(1 + top));
    return html`<rect x="${LABEL + column * width}" y="${y(octave)}" width="${width}" height="15" fill="var(--ipi)" opacity="${shade}"><title>${count} of ${duration(2 ** octave)} to ${duration(2 ** (octave + 1))}</title></rect>`;
  });
  const labels = Array.from({ length: rows }, (_, i) => low + i).map(
    (octave) => html`<text x="0" y="${y(octave) + 12}" class="soft">${duration(2 ** octave)}</text>`,
  );
  return html`<div class="scroll"><svg class="wide" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">${labels}${drawn}<text x="${LABEL}" y="${height - 4}" class="soft">0</text><text x="${WIDTH - 100}" y="${height - 4}" class="soft">+${duration(columns * columnNs)}</text></svg></div>`;
}

/** Counts and waits from one CPU to another. */
export function matrix(
  label: string,
  cpus: readonly number[],
  of: (from: number, to: number) => { readonly text: string; readonly heat: number } | null,
): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table aria-label="${label}"><thead><tr><th scope="col">from \\ to</th>${cpus.map((c) => html`<th scope="col" class="n">CPU ${c}</th>`)}</tr></thead><tbody>${cpus.map(
    (from) =>
      html`<tr><th scope="row">CPU ${from}</th>${cpus.map((to) => {
        const cell = of(from, to);
        return cell === null
          ? html`<td class="n soft">–</td>`
          : html`<td class="n heat" style="--h:${Math.round(cell.heat * 60)}">${cell.text}</td>`;
      })}</tr>`,
  )}</tbody></table></div>`;
}
