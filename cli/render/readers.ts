import Table from 'cli-table3';
import type { ReadersResult } from '../../src/analyse/readers.js';
import type { EventQuote, LatencyReport, ReadersReport, ReaderTable } from '../../src/result/types.js';
import { lineWidth } from '../width.js';
import { type Palette, palette } from './colour.js';
import { inputText } from './report.js';
import { ascii, duration, histogram, histStyle, quantileLine, seconds, wrap } from './text.js';

interface Look {
  readonly style?: string | undefined;
  readonly plain?: boolean | undefined;
}

/** The picture of readers and releases, for a terminal or (plain) a mail. */
export function formatReaders(answer: ReadersResult, look: Look, colour: Palette = palette()): string {
  const { readers } = answer;
  const plain = look.plain === true;
  const paint = answer.verdict === 'violated' ? colour.red : colour.green;
  const out = [plain ? answer.headline : readers ? paint(answer.headline) : answer.headline, ''];
  out.push(
    ...answer.inputs.flatMap((input) => inputText(input, colour, lineWidth()).trimEnd().split('\n')),
    '',
  );
  if (!readers) {
    out.push('record it with: pttrace record --level readers -o FILE -- COMMAND');
    for (const probe of answer.settledBy)
      out.push(...wrap(`needs ${probe}`, lineWidth(plain) - 2, '  ').map((line) => `  ${line}`));
  } else out.push(...picture(readers, answer, look));
  return finish(out, plain);
}

function picture(readers: ReadersReport, answer: ReadersResult, look: Look): string[] {
  const { tables, inside } = readers;
  const out = [
    `${readers.lookups} lookups; ${tables.released} PTE tables that walkers were in were released (${readers.walks} walks), ${tables.visited} of them with somebody inside at the unlink`,
    '',
    ...kinds(readers),
  ];
  if (inside.atFree.gupFast > 0) {
    out.push('GUP-fast brackets across a release: interrupts may be on again by then, so they prove nothing');
  }
  if (readers.foundAfterUnlink > 0)
    out.push(`${readers.foundAfterUnlink} walkers found a table after its unlink was told`);
  if (readers.unseenEnds > 0)
    out.push(`${readers.unseenEnds} readers inside at an unlink have no end in the trace`);
  out.push('');
  const style = histStyle(look.style);
  for (const l of [readers.margin, readers.stayed.walkers, readers.stayed.gupFast])
    out.push(...latency(l, style));
  out.push(`${readers.wait.name}: ${quantileLine(readers.wait)}`, '');
  if (readers.closest.length > 0) {
    out.push(...tableRows(readers.closest), '', 'closest call:', ...lines(readers.closest[0]!), '');
  }
  out.push(
    ...answer.rules.map(
      (r) => `${r.id} ${r.name}: ${r.verdict} (${r.pass} pass, ${r.violated} violated, ${r.unknown} unknown)`,
    ),
  );
  for (const f of answer.findings) {
    out.push('', `I05 violated: ${f.message} (${f.basis})`, ...f.events.map(quoteLine));
  }
  return out;
}

function latency(l: LatencyReport, style: ReturnType<typeof histStyle>): string[] {
  const rows =
    l.count > 0
      ? [
          '',
          ...histogram({ ...l, name: snake(l.name) }, style)
            .trimEnd()
            .split('\n'),
        ]
      : [];
  return [`${l.name}: ${quantileLine(l)}`, ...rows, ''];
}

const snake = (name: string): string => name.replaceAll('→', '_to_').replace(/[^A-Za-z0-9_]+/g, '_');

function kinds({ inside, stayed }: ReadersReport): string[] {
  const longest = (l: LatencyReport): string => (l.quantiles ? duration(l.quantiles.max) : '-');
  return grid(
    ['reader', 'inside at unlink', 'at free', 'stayed at most'],
    [
      ['walkers', `${inside.atUnlink.walkers}`, `${inside.atFree.walkers}`, longest(stayed.walkers)],
      [
        'GUP-fast (brackets)',
        `${inside.atUnlink.gupFast}`,
        `${inside.atFree.gupFast}`,
        longest(stayed.gupFast),
      ],
    ],
  );
}

function tableRows(tables: readonly ReaderTable[]): string[] {
  return grid(
    ['table', 'address', 'inside', 'last out after', 'released after', 'margin'],
    tables.map((t) => [
      t.table,
      t.address ?? '?',
      insideText(t),
      duration(Math.max(...t.inside.map((v) => v.stayedNs ?? Number.NEGATIVE_INFINITY))),
      duration(t.releasedAfterNs),
      duration(t.marginNs),
    ]),
  );
}

function insideText(t: ReaderTable): string {
  const of = (kind: string): number => t.inside.filter((v) => v.kind === kind).length;
  const parts = [
    [of('walker'), 'walkers'],
    [of('gup-fast'), 'GUP-fast'],
  ] as const;
  return parts
    .filter(([n]) => n > 0)
    .map(([n, what]) => (what === 'walkers' && n === 1 ? '1 walker' : `${n} ${what}`))
    .join(', ');
}

function lines(t: ReaderTable): string[] {
  const quotes = [t.unlink, t.release, ...t.inside.flatMap((v) => [v.enters, v.leaves])];
  return quotes
    .filter((q): q is EventQuote => q !== null)
    .sort((a, b) => a.input - b.input || a.offset - b.offset)
    .map(quoteLine);
}

const quoteLine = (q: EventQuote): string =>
  `  line ${q.line}  ${seconds(q.tsNs)} s  CPU ${q.cpu}  ${q.role}\n      ${q.text.trim()}`;

function grid(head: string[], rows: string[][]): string[] {
  const table = new Table({ head, style: { head: [], border: [] }, chars: ASCII_BORDER });
  table.push(...rows);
  return table.toString().split('\n');
}

const ASCII_BORDER = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' ',
};

function finish(out: readonly string[], plain: boolean): string {
  const width = lineWidth(plain);
  const text = out
    .join('\n')
    .split('\n')
    .flatMap((line) => {
      const shown = plain ? ascii(line) : line;
      return shown.length <= width || /^ {2}/.test(shown) || /^[[(@]/.test(shown)
        ? [shown]
        : wrap(shown, width, '  ');
    })
    .join('\n');
  return `${text.trimEnd()}\n`;
}
