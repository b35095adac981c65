import type { ReadersResult } from '../../src/analyse/readers.js';
import type { LatencyReport } from '../../src/result/types.js';
import { duration, quantileLine } from '../render/text.js';
import { histogramChart } from './charts.js';
import { html, type Markup } from './markup.js';
import { facts, pageText, table } from './page.js';

/** Who was in page tables, as one page. */
export function readersPage(answer: ReadersResult): string {
  const { readers } = answer;
  return pageText({
    title: `pttrace readers ${answer.inputs.map((i) => i.path).join(', ')}`,
    summary: answer.headline,
    tone: answer.verdict === 'violated' ? 'bad' : answer.verdict === 'pass' ? 'good' : 'neutral',
    sections: [
      ...(readers
        ? [
            {
              id: 'margins',
              title: 'How close it was',
              body: html`${measured('From the last reader leaving to the release', readers.margin)}${measured('Walkers stayed, from the unlink', readers.stayed.walkers)}${measured('GUP-fast stayed, from the unlink', readers.stayed.gupFast)}`,
            },
            {
              id: 'closest',
              title: 'Closest tables',
              body: table(
                'closest tables',
                ['table', 'address', 'unlinked by', 'margin', 'released after', 'readers inside', 'lines'],
                readers.closest.map((t) => [
                  t.table,
                  t.address ?? '?',
                  t.unlinkedBy,
                  `${t.marginNs < 0 ? '−' : ''}${duration(Math.abs(t.marginNs))}`,
                  duration(t.releasedAfterNs),
                  String(t.inside.length),
                  [t.unlink, t.release].map((e) => e?.line ?? '?').join(' to '),
                ]),
                [3, 4, 5],
              ),
            },
          ]
        : []),
      {
        id: 'rules',
        title: 'Rules about readers',
        body: table(
          'rules about readers',
          ['', 'rule', 'verdict', 'held', 'violated', 'unknown', 'why'],
          answer.rules.map((r) => [
            r.id,
            r.name,
            r.verdict,
            String(r.pass),
            String(r.violated),
            String(r.unknown),
            r.reason,
          ]),
          [3, 4, 5],
        ),
      },
      {
        id: 'missing',
        title: 'Not recorded',
        body: facts(answer.settledBy.map((p) => ['needs', p] as const)),
      },
    ],
  });
}

const measured = (title: string, l: LatencyReport): Markup =>
  html`<h3>${title}</h3><p>${quantileLine(l)}</p>${l.histogram.length > 0 ? histogramChart(title, [{ name: title, buckets: l.histogram, colour: 'reader' }]) : ''}`;
