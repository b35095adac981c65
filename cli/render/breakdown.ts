import type { Breakdown, Times } from '../../src/breakdown/breakdown.js';
import { lineWidth } from '../width.js';
import { ascii, duration, wrap } from './text.js';

const BAR = 24;
/** Columns before a bar. */
const FIGURES = 68;

/** Phases with their bar, both sides of the shootdowns, the slowest targets. */
export function formatBreakdown(b: Breakdown, plain = false): string {
  const lines = [
    ...phaseLines(b),
    ...shootdownLines(b),
    ...b.notes.flatMap((n) => wrap(`note: ${n}`, lineWidth(), '  ')),
  ];
  return `${(plain ? lines.map(ascii) : lines).join('\n')}\n`;
}

/** The phases, shortest form: what `replay` prints of a span. */
export function phaseLines(b: Breakdown): string[] {
  const { spans } = b;
  const cut = spans.censored > 0 ? `, ${spans.censored} cut off` : '';
  if (spans.count === 0) return [`${b.what}: no whole span in the recording${cut}`];
  const out = [
    `${b.what}: ${spans.count} spans${cut}, together ${duration(spans.sumNs)}, p50 ${duration(spans.p50Ns)}, max ${duration(spans.maxNs)}`,
    columns(['phase', 'sum', 'part', 'p50', 'p99', 'max'], ''),
  ];
  for (const p of b.phases) {
    if (p.sumNs === 0) continue;
    const part = spans.sumNs > 0 ? p.sumNs / spans.sumNs : 0;
    out.push(
      columns(
        [p.phase, duration(p.sumNs), percent(part), ...quantiles(p)],
        '@'.repeat(Math.round(part * Math.min(BAR, lineWidth() - FIGURES))),
      ),
    );
  }
  out.push(columns(['sum', duration(b.phases.reduce((s, p) => s + p.sumNs, 0)), '100 %', '', '', ''], ''));
  return out;
}

const quantiles = (t: Times): string[] => [duration(t.p50Ns), duration(t.p99Ns), duration(t.maxNs)];
const percent = (p: number): string => `${Number((p * 100).toPrecision(3))} %`;

function columns([name, ...rest]: string[], bar: string): string {
  return `  ${name!.padEnd(14)}${rest.map((t) => t.padStart(10)).join('')}  ${bar}`.trimEnd();
}

function shootdownLines(b: Breakdown): string[] {
  const s = b.shootdown;
  if (s.flushes === 0) return ['', 'TLB shootdown: no flush_tlb_mm_range() with its return in the recording'];
  const out = [
    '',
    `TLB shootdown: ${s.flushes} flushes, ${s.local} of them on the own CPU alone${s.unanswered > 0 ? `, ${s.unanswered} IPIs without an answer in the recording` : ''}`,
  ];
  if (s.waits.length > 0) {
    out.push(
      '  the initiator waits, last IPI queued to the return',
      columns(['pages', 'flushes', 'IPIs', 'p50', 'p99', 'max'], ''),
    );
    for (const w of s.waits)
      out.push(columns([w.pages, String(w.count), String(w.targets), ...quantiles(w)], ''));
  }
  if (s.pairs.length > 0) out.push(...matrix(b));
  if (s.slowest.length > 0) {
    out.push('  slowest answers (IPI queued to handler exit), and what that CPU was doing');
    for (const a of s.slowest) {
      const doing =
        a.lastEvent === ''
          ? 'nothing shown before'
          : `last ${a.lastEvent} ${duration(Math.max(0, a.lastEventAgoNs ?? 0))} before`;
      const text = `CPU ${a.source} to ${a.target}: ${duration(a.answerNs)}, handler after ${duration(a.reachedNs)}; ${a.comm}-${a.pid}, ${doing} (line ${a.line})`;
      out.push(...wrap(text, lineWidth() - 4, '  ').map((line) => `    ${line}`));
    }
  }
  return out;
}

/** Source by target: answers, and below them their median; `early` stamps are named. */
function matrix(b: Breakdown): string[] {
  const { pairs } = b.shootdown;
  const targets = [...new Set(pairs.map((p) => p.target))].sort((x, y) => x - y);
  const sources = [...new Set(pairs.map((p) => p.source))];
  const out: string[] = ['  the targets answer: median, longest (number); source down, target across'];
  const most = 3;
  for (let at = 0; at < targets.length; at += most) {
    const part = targets.slice(at, at + most);
    out.push(`    ${'CPU'.padEnd(6)}${part.map((t) => String(t).padStart(22)).join('')}`);
    for (const source of sources) {
      const cells = part.map((target) => {
        const p = pairs.find((x) => x.source === source && x.target === target);
        return p === undefined || p.count === 0 ? '-' : `${short(p.p50Ns)}, ${short(p.maxNs)} (${p.count})`;
      });
      if (cells.some((c) => c !== '-'))
        out.push(`    ${String(source).padEnd(6)}${cells.map((c) => c.padStart(22)).join('')}`);
    }
  }
  const early = pairs.reduce((s, p) => s + p.early, 0);
  if (early > 0)
    out.push(
      `    ${early} answers are stamped before their question (clocks of the CPUs disagree): left out`,
    );
  return out;
}

const short = (ns: number): string => duration(ns).replace(' ', '');
