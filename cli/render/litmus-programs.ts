import type { LitmusProgramOutcome } from '../../src/explore/litmus-scenarios.js';
import { formatExplore, formatExplorePlain } from './explore.js';
import { MAIL_WIDTH } from './plain.js';
import { ascii, wrap } from './text.js';

/** One line a test; of a single test the shortest way to the bug too. */
export function formatLitmusPrograms(outcomes: readonly LitmusProgramOutcome[], plain: boolean): string {
  const out: string[] = [];
  for (const o of outcomes) {
    const [fix, bug] = [o.fix.report.exploration, o.bug.report.exploration];
    const way = bug.counterexamples[0];
    const width = plain ? MAIL_WIDTH : 118;
    out.push(`${o.program.id} ${causeOf(o)}: ${o.ok ? 'as expected' : 'DIFFERS'}`);
    const fixed = `fix: ${fix.verdict}, all ${fix.interleavings} interleavings (${fix.states} states)`;
    const found = way ? ` in ${way.steps.length} steps, ${way.text}` : '';
    const broken = `bug: ${bug.verdict}${found}; ${bug.interleavings} interleavings; replay: ${o.bug.report.invariants[0]?.join(' ') ?? '-'}`;
    for (const text of [fixed, broken]) {
      for (const line of wrap(text, width - 4, '    ')) out.push(`    ${line}`);
    }
  }
  const ok = outcomes.filter((o) => o.ok).length;
  out.push(
    `${ok} of ${outcomes.length} programs: every interleaving of the fix is safe, some of the bug is not`,
  );
  const [only] = outcomes;
  const text = `${(plain ? out.map(ascii) : out).join('\n')}\n`;
  if (!only || outcomes.length > 1) return text;
  return `${text}\n${plain ? formatExplorePlain(only.bug.report) : formatExplore(only.bug.report)}`;
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
