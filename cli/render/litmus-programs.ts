import type { LitmusProgramOutcome } from '../../src/explore/litmus-scenarios.js';
import { lineWidth } from '../width.js';
import { formatExplore, formatExplorePlain } from './explore.js';
import { MAIL_WIDTH } from './plain.js';
import { ascii, wrap } from './text.js';

/** So many named tests are told one by one. */
const FEW = 3;

/** How many are as expected, behind the given orders; those that differ, and few, with what each came to. */
export function formatLitmusSummary(outcomes: readonly LitmusProgramOutcome[], plain: boolean): string {
  const told = outcomes.length <= FEW ? outcomes : outcomes.filter((o) => !o.ok);
  const out = [...rows(told, plain), closing(outcomes)];
  const [first] = outcomes;
  const way = `the shortest way to a bug: pttrace litmus ${first!.program.id} --all-orders`;
  out.push(...wrap(way, plain ? MAIL_WIDTH : lineWidth()));
  return `${(plain ? out.map(ascii) : out).join('\n')}\n`;
}

/** One line a test; of a single test the shortest way to the bug too. */
export function formatLitmusPrograms(outcomes: readonly LitmusProgramOutcome[], plain: boolean): string {
  const out = [...rows(outcomes, plain), closing(outcomes)];
  const [only] = outcomes;
  const text = `${(plain ? out.map(ascii) : out).join('\n')}\n`;
  if (!only || outcomes.length > 1) return text;
  return `${text}\n${plain ? formatExplorePlain(only.bug.report) : formatExplore(only.bug.report)}`;
}

function rows(outcomes: readonly LitmusProgramOutcome[], plain: boolean): string[] {
  const out: string[] = [];
  const width = plain ? MAIL_WIDTH : lineWidth();
  for (const o of outcomes) {
    const [fix, bug] = [o.fix.report.exploration, o.bug.report.exploration];
    const way = bug.counterexamples[0];
    out.push(`${o.program.id} ${causeOf(o)}: ${o.ok ? 'as expected' : 'DIFFERS'}`);
    const fixed = `fix: ${fix.verdict}, all ${fix.interleavings} interleavings (${fix.states} states)`;
    const found = way ? ` in ${way.steps.length} steps, ${way.text}` : '';
    const broken = `bug: ${bug.verdict}${found}; ${bug.interleavings} interleavings; replay: ${o.bug.report.invariants[0]?.join(' ') ?? '-'}`;
    for (const text of [fixed, broken]) {
      for (const line of wrap(text, width - 4, '    ')) out.push(`    ${line}`);
    }
  }
  return out;
}

function closing(outcomes: readonly LitmusProgramOutcome[]): string {
  const ok = outcomes.filter((o) => o.ok).length;
  return `${ok} of ${outcomes.length} programs: every interleaving of the fix is safe, some of the bug is not`;
}

/** What makes the bug of the program. */
const causeOf = ({ program: { rule, bug, fix } }: LitmusProgramOutcome): string =>
  rule === null ? `on ${bug.variant} instead of ${fix.variant}` : `without ${rule}`;

/** The table of docs/machine-rules.md. */
export function litmusProgramsTable(outcomes: readonly LitmusProgramOutcome[]): string {
  return [
    '| test | without | program, variant, readers | fix: interleavings | states | bug: interleavings | states | steps | replay says |',
    '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |',
    ...outcomes.map((o) => {
      const [fix, bug] = [o.fix.report.exploration, o.bug.report.exploration];
      const { rule, fix: scenario } = o.program;
      return `| ${o.program.id} | ${rule === null ? causeOf(o) : `\`${rule}\``} | ${scenario.program}, ${scenario.variant}, ${scenario.readers.join(', ')} | ${fix.interleavings} ${fix.verdict} | ${fix.states} | ${bug.interleavings} | ${bug.states} | ${bug.counterexamples[0]?.steps.length ?? '-'} | ${o.bug.report.invariants[0]?.join(' ') ?? ''} |`;
    }),
  ].join('\n');
}
