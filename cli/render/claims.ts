import type { AnsweredClaim, AnsweredQuestion } from '../../src/explore/seed-claims.js';
import { palette } from './colour.js';
import { list } from './explore.js';
import { MAIL_WIDTH } from './plain.js';
import { ascii, wrap } from './text.js';

/** The claims with their verdicts: text for a terminal, or for a mail (ASCII, 75 columns). */
export function formatClaims(answered: readonly AnsweredClaim[], plain: boolean): string {
  const colour = palette(plain ? false : undefined);
  const width = plain ? MAIL_WIDTH : 110;
  const out: string[] = [];
  for (const { claim, answers, holds } of answered) {
    const head = `(${claim.id}) ${claim.claim}`;
    out.push(...wrap(head, width, '    ').map((line) => colour.bold(line)));
    out.push(...wrap(`    ${claim.answer}`, width, '    '));
    for (const a of answers) out.push(...wrap(`    ${line(a)}`, width, '      '));
    if (!holds) out.push(colour.red('    NOT AS CLAIMED'));
    out.push('');
  }
  const held = answered.filter((a) => a.holds).length;
  out.push(`${held} of ${answered.length} as claimed, in the model (docs/explore.md says what it assumes)`);
  const text = `${out.join('\n')}\n`;
  return plain ? text.split('\n').map(ascii).join('\n') : text;
}

function line({ question, reported, asExpected }: AnsweredQuestion): string {
  const e = reported.report.exploration;
  const way = e.counterexamples[0];
  const unsafe = way ? ` in ${way.steps.length} steps: ${way.text}` : '';
  return `${e.verdict}${unsafe}; ${question.says} (${e.states} states, ${e.interleavings ?? '?'} interleavings)${asExpected ? '' : ' UNEXPECTED'}`;
}

const NOTE = '<!-- Printed by scripts/docs.mjs; edit src/explore/seed-claims.ts. -->';

/** docs/seed-claims.md: every question with its bounds, counts and the shortest way to what is unsafe. */
export function claimsPage(answered: readonly AnsweredClaim[]): string {
  const out = [
    NOTE,
    '',
    '# The claims of the thread, decided',
    '',
    'The mail thread on "x86: mm: free page table pages by RCU instead of semi RCU" argues about all orders of events;',
    '`pttrace explore --seed-claims` looks at all of them, in the model that [explore.md](explore.md) describes, within the',
    'bounds given. "Safe" is safe in that model: no software walker, page walker or lock user meets a table that is gone.',
    'Each line below can be asked again with the command beside it.',
    '',
  ];
  for (const { claim, answers } of answered) {
    out.push(`## (${claim.id}) ${claim.claim}`, '', claim.answer, '');
    out.push('| question | verdict | CPUs, tables | states | steps | interleavings | replay says |');
    out.push('| --- | --- | --- | ---: | ---: | ---: | --- |');
    for (const { question, reported } of answers) {
      const { exploration: e, scenario: s, invariants } = reported.report;
      const verdict =
        e.verdict === 'unsafe' ? `**unsafe**, ${e.counterexamples[0]!.steps.length} steps` : e.verdict;
      out.push(
        `| ${question.says} | ${verdict} | ${s.cpus}, ${s.tables} | ${e.states} | ${e.steps} | ${e.interleavings} | ${invariants[0]?.join(' ') ?? ''} |`,
      );
    }
    out.push('', '```sh', ...answers.map(({ reported }) => command(reported.report.scenario)), '```', '');
    const shown = answers.find((a) => a.reported.report.exploration.counterexamples.length > 0);
    if (!shown) continue;
    const { exploration } = shown.reported.report;
    const [way] = exploration.counterexamples;
    out.push(
      `Shortest way, ${shown.question.says}: ${way!.text}`,
      '',
      '```',
      ...list(exploration, way!, 100),
      '```',
      '',
    );
  }
  return `${out.join('\n').trimEnd()}\n`;
}

function command(s: AnsweredQuestion['question']['scenario']): string {
  const flags = [
    `--variant ${s.variant}`,
    `--program ${s.program}`,
    ...s.readers.map((r) => `--reader ${r}`),
    ...(s.cpus === 3 ? [] : [`--cpus ${s.cpus}`]),
    ...(s.tables === 1 ? [] : [`--tables ${s.tables}`]),
    ...(s.memory === 'both' ? [] : [`--memory ${s.memory}`]),
    ...(s.flush === null ? [] : [`--flush ${s.flush}`]),
    ...(s.preempt ? ['--preempt'] : []),
    ...(s.vcpus ? ['--vcpus'] : []),
    ...(s.walkers === 'all' ? ['--hardware all'] : []),
    ...s.broken.map((rule) => `--broken ${rule}`),
  ];
  return `pttrace explore ${flags.join(' ')}`;
}
