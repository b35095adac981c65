import type { Breakdown } from '../../src/breakdown/breakdown.js';
import { duration } from '../render/text.js';
import { plural } from '../render/verdicts.js';
import { matrix } from './charts.js';
import { html, type Markup } from './markup.js';
import { facts, pageText, table } from './page.js';

/** Where the time of unmaps went, as one page. */
export function breakdownPage(result: Breakdown): string {
  const { spans, what } = result;
  const longest = result.phases.reduce((a, b) => (b.sumNs > a.sumNs ? b : a), result.phases[0]!);
  const summary =
    spans.count === 0
      ? `No whole span of ${what} is in this recording.`
      : `${plural(spans.count, 'span')} of ${what} took ${duration(spans.sumNs)} together, p50 ${duration(spans.p50Ns)}, max ${duration(spans.maxNs)}; most of it, ${((100 * longest.sumNs) / Math.max(1, spans.sumNs)).toFixed(0)} %, is in ${longest.phase}.`;
  return pageText({
    title: `pttrace breakdown ${result.inputs.map((i) => i.path).join(', ')}`,
    summary,
    tone: 'neutral',
    sections: [
      { id: 'phases', title: 'Phases', body: phases(result) },
      { id: 'shootdowns', title: 'TLB shootdowns', body: shootdowns(result) },
      {
        id: 'notes',
        title: 'What this rests on',
        body: facts(result.notes.map((n) => ['note', n] as const)),
      },
    ],
  });
}

function phases({ phases: list, spans, what }: Breakdown): Markup {
  const total = Math.max(1, spans.sumNs);
  const bars = list.map((p, i) => {
    const width = (p.sumNs / total) * 440;
    const y = i * 22;
    return html`<text x="0" y="${y + 14}">${p.phase}</text><rect x="150" y="${y + 3}" width="${width}" height="14" fill="var(--flush)"><title>${p.phase}: ${duration(p.sumNs)}</title></rect><text x="${156 + width}" y="${y + 14}">${((100 * p.sumNs) / total).toPrecision(3)} %</text>`;
  });
  const rows = list.map((p) => [
    p.phase,
    duration(p.sumNs),
    duration(p.p50Ns),
    duration(p.p99Ns),
    duration(p.maxNs),
    p.begins === 0 ? 'no probe: in the phase before' : String(p.begins),
  ]);
  return html`<div class="scroll"><svg class="wide" viewBox="0 0 720 ${list.length * 22 + 4}" role="img" aria-label="Part of each phase in the time of ${what}">${bars}</svg></div>${table('phases', ['phase', 'sum', 'p50', 'p99', 'max', 'begun'], rows, [1, 2, 3, 4])}`;
}

function shootdowns({ shootdown: s }: Breakdown): Markup {
  const cpus = [...new Set(s.pairs.flatMap((p) => [p.source, p.target]))].sort((a, b) => a - b);
  const worst = Math.max(1, ...s.pairs.map((p) => p.maxNs));
  const cell = (from: number, to: number): { text: string; heat: number } | null => {
    const p = s.pairs.find((x) => x.source === from && x.target === to);
    return p
      ? { text: `${duration(p.p50Ns)}, ${duration(p.maxNs)} (${p.count})`, heat: p.maxNs / worst }
      : null;
  };
  const slow = s.slowest.map((x) => [
    `CPU ${x.source} to ${x.target}`,
    duration(x.answerNs),
    duration(x.reachedNs),
    `${x.comm}-${x.pid}`,
    x.lastEvent,
    String(x.line),
  ]);
  return html`<p>${plural(s.flushes, 'flush', 'flushes')}, ${s.local} of them on the own CPU alone, ${s.unanswered} without a whole answer.</p>${s.pairs.length > 0 ? html`<h3>Answers: median, longest (number)</h3>${matrix('Answers to IPIs by source and target CPU', cpus, cell)}<h3>Slowest answers</h3>${table('slowest answers', ['', 'answer', 'handler after', 'who ran', 'last event before', 'line'], slow, [1, 2, 5])}` : ''}`;
}
