import type { CompareReport } from '../../src/compare/report.js';
import type { HistogramBucket } from '../../src/result/types.js';
import { duration } from '../render/text.js';
import { ecdfChart, histogramChart, type Series } from './charts.js';
import { html, type Markup } from './markup.js';
import { facts, pageText, table } from './page.js';

/** A comparison as one page; `text`: the whole report as `--all` prints it. */
export function comparePage(report: CompareReport, text: string): string {
  const { a, b } = report;
  const buckets = (side: 'countA' | 'countB'): HistogramBucket[] =>
    report.rows.map((r) => ({ lowNs: r.lowNs, highNs: r.highNs, count: r[side] }));
  const finite = (rows: HistogramBucket[]): HistogramBucket[] =>
    rows.filter((r) => Number.isFinite(r.lowNs) && Number.isFinite(r.highNs));
  const series: Series[] = [
    { name: `before: ${a.name}`, buckets: finite(buckets('countA')), colour: 'before' },
    { name: `after: ${b.name}`, buckets: finite(buckets('countB')), colour: 'after' },
  ];
  return pageText({
    title: `pttrace compare ${a.name} and ${b.name}`,
    summary: report.sentence,
    tone: report.failIf.some((f) => f.decision === 'true') ? 'bad' : 'neutral',
    sections: [
      { id: 'table', title: 'Before and after', body: headline(report) },
      {
        id: 'shape',
        title: 'On one scale',
        body: html`<p class="soft"><span style="color:var(--before)">■</span> ${series[0]!.name} <span style="color:var(--after)">■</span> ${series[1]!.name}</p>${histogramChart('Parts of the calls of each side, before above after', series)}${ecdfChart(
          'Cumulative parts of both sides; each lies within its band',
          series.map((s, i) => ({ ...s, name: i === 0 ? 'before' : 'after' })),
        )}`,
      },
      { id: 'shift', title: 'Shift of each quantile', body: shifts(report) },
      {
        id: 'limits',
        title: 'What this rests on',
        body: html`${facts(report.caveats.map((c) => ['note', c] as const))}<details><summary>the whole report</summary><pre>${text}</pre></details>`,
      },
    ],
  });
}

const value = (what: string, v: number | null): string =>
  v === null
    ? ''
    : what === 'n' || what === 'rate'
      ? v.toFixed(0)
      : what === 'tail'
        ? `${(v * 100).toPrecision(3)} %`
        : duration(Math.round(v));

function headline(report: CompareReport): Markup {
  const rows = report.table.map((r) => [
    r.fromNs === null ? r.what : `at least ${duration(r.fromNs)}`,
    r.before === null && r.rowBefore ? r.rowBefore.map(duration).join(' to ') : value(r.what, r.before),
    r.after === null && r.rowAfter ? r.rowAfter.map(duration).join(' to ') : value(r.what, r.after),
    r.ratio ? `${r.ratio.value.toPrecision(3)}x` : '',
    r.ratio && r.ratio.low > 0 && Number.isFinite(r.ratio.high)
      ? `${r.ratio.low.toPrecision(3)}x to ${r.ratio.high.toPrecision(3)}x`
      : '',
    r.verdict,
  ]);
  return table(
    'before and after',
    ['', 'before', 'after', 'ratio', 'interval', 'verdict'],
    rows,
    [1, 2, 3, 4],
  );
}

/** Ratio after to before, with its band, quantile by quantile. */
function shifts(report: CompareReport): Markup {
  const known = report.quantiles.filter((q) => q.ratio !== null && q.ratio.value > 0);
  if (known.length === 0) return html`<p>The rows are too wide to tell a shift of a quantile.</p>`;
  const ends = known
    .flatMap((q) => [q.ratio!.low, q.ratio!.high, q.ratio!.value])
    .filter((x) => Number.isFinite(x) && x > 0);
  const reach = Math.max(0.05, ...ends.map((x) => Math.abs(Math.log2(x))));
  const x = (ratio: number): number =>
    400 + (Math.max(-reach, Math.min(reach, Math.log2(ratio))) / reach) * 280;
  const rows = known.map((q, i) => {
    const { low, high, value: estimate } = q.ratio!;
    const y = 20 + i * 24;
    const name = `p${Number((q.q * 100).toPrecision(6))}`;
    const band =
      low > 0 && Number.isFinite(high)
        ? html`<rect x="${x(low)}" y="${y - 5}" width="${Math.max(1, x(high) - x(low))}" height="10" fill="var(--after)" opacity=".3"/>`
        : '';
    return html`<text x="0" y="${y + 4}">${name}</text>${band}<circle cx="${x(estimate)}" cy="${y}" r="4" fill="var(--after)"><title>${name}: ${estimate.toPrecision(3)}x</title></circle>`;
  });
  const height = known.length * 24 + 36;
  return html`<div class="scroll"><svg class="wide" viewBox="0 0 720 ${height}" role="img" aria-label="Ratio after to before of each quantile, with its interval"><line x1="400" x2="400" y1="4" y2="${height - 20}" stroke="var(--line)"/>${rows}<text x="380" y="${height - 4}" class="soft">1.00x</text><text x="110" y="${height - 4}" class="soft">${(2 ** -reach).toPrecision(3)}x</text><text x="650" y="${height - 4}" class="soft">${(2 ** reach).toPrecision(3)}x</text></svg></div>`;
}
