import type { Counterexample, Exploration, ToldStep } from '../../src/explore/explore.js';
import type { ExploreReport } from '../../src/explore/report.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import { lineWidth } from '../width.js';
import { type Palette, palette } from './colour.js';
import { MAIL_WIDTH } from './plain.js';
import { ascii, wrap } from './text.js';

/** Columns stand beside each other up to this many CPUs. */
const MOST_COLUMNS = 4;
const WIDEST_COLUMN = 34;
const NARROWEST_COLUMN = 22;
/** Before the columns: the number of the step. */
const NUMBER = 5;

/** The verdict, how much was looked at, and the counterexamples as pictures. */
export function formatExplore(report: ExploreReport, colour: Palette = palette()): string {
  const { exploration } = report;
  const width = lineWidth();
  const { length } = exploration.roles;
  const column = Math.min(WIDEST_COLUMN, Math.floor((width - NUMBER) / length) - 1);
  const wide = length <= MOST_COLUMNS && column >= NARROWEST_COLUMN;
  const out = [
    colour.bold(exploration.title),
    ...wrap(verdict(exploration, colour), width, '  '),
    ...bounds(report).flatMap((line) => wrap(line, width, '  ')),
  ];
  exploration.counterexamples.forEach((c, i) => {
    const head = `${colour.bold(headOf(exploration, i))}: ${colour.red(c.text)}`;
    out.push('', ...wrap(head, width, '  '), ...rules(report, i));
    out.push('', ...(wide ? picture(exploration, c, column) : list(exploration, c, width)));
  });
  return `${out.join('\n')}\n`;
}

/** The same for a mail: ASCII, at most 75 columns, one step a line. */
export function formatExplorePlain(report: ExploreReport): string {
  const { exploration } = report;
  const out = [
    ...wrap(exploration.title, MAIL_WIDTH, '  '),
    ...wrap(verdict(exploration, palette(false)), MAIL_WIDTH, '  '),
  ];
  for (const line of bounds(report)) out.push(...wrap(line, MAIL_WIDTH, '  '));
  exploration.counterexamples.forEach((c, i) => {
    out.push('', ...wrap(`${headOf(exploration, i)}: ${c.text}`, MAIL_WIDTH, '  '));
    for (const line of rules(report, i)) out.push(...wrap(line, MAIL_WIDTH, '  '));
    out.push('', ...list(exploration, c, MAIL_WIDTH));
  });
  return `${out.map(ascii).join('\n')}\n`;
}

/** With orders left out a way found need not be the shortest. */
function headOf(e: Exploration, index: number): string {
  const first = e.reduction ? 'A way there' : 'Shortest way';
  return `${index === 0 ? first : 'Another root cause'}, ${e.counterexamples[index]!.steps.length} steps`;
}

function verdict(e: Exploration, colour: Palette): string {
  const amount = `${e.states} states, ${e.steps} steps${e.interleavings === null ? '' : `, ${e.interleavings} interleavings`}`;
  if (e.verdict === 'safe')
    return `${colour.green('safe')} over ${amount}: every order of steps was looked at${e.reduction ? ', up to steps that commute' : ''}`;
  if (e.verdict === 'unsafe')
    return `${colour.red('UNSAFE')}: ${e.unsafeStates} of ${e.states} states (${amount})`;
  if (e.verdict === 'stuck')
    return `${colour.red('STUCK')}: some order of steps ends in a wait forever (${amount})`;
  return `not decided: nothing unsafe in ${amount}, ${WHY[e.ended]}`;
}

const WHY: Readonly<Record<Exploration['ended'], string>> = {
  complete: 'and everything was seen',
  'max-states': 'but --max-states was reached',
  memory: 'but --max-memory was reached',
  interrupted: 'but the search was interrupted',
};

function bounds({ scenario, broken, exploration }: ExploreReport): string[] {
  const off = broken.filter((rule) => !scenario.broken.includes(rule));
  const cut =
    exploration.ended === 'complete' || exploration.verdict === 'bounded'
      ? ''
      : `; partial, ${WHY[exploration.ended]}`;
  return [
    `Bounds: ${scenario.cpus} CPUs, ${scenario.tables} table${scenario.tables > 1 ? 's' : ''}, one pass of each program, deepest state ${exploration.depth} steps${exploration.symmetry ? ', CPUs of one kind taken as one' : ''}${cut}`,
    ...(off.length > 0 && scenario.program === 'hugetlb-unshare'
      ? [`Not yet a rule of variant ${scenario.variant}: ${off.join(', ')}`]
      : []),
    ...(scenario.program === 'madvise-dontneed' && !reclaims(scenario.variant)
      ? [`Variant ${scenario.variant} reclaims no tables in madvise(): this asks what would be if it did.`]
      : []),
    'A statement about the model in docs/explore.md, not about a running kernel.',
  ];
}

function rules(report: ExploreReport, index: number): string[] {
  const ids = report.invariants[index] ?? [];
  return ids.length === 0 ? [] : [`Invariants of replay that it violates: ${ids.join(' ')}`];
}

const reclaims = (variant: string): boolean => VARIANTS.find((v) => v.id === variant)?.reclaim === true;

/** One column a CPU, one row a step; in brackets what the CPU holds after it. */
function picture(e: Exploration, c: Counterexample, column: number): string[] {
  const row = (cells: readonly string[], number: string): string =>
    `${number.padStart(3)}  ${cells.map((cell) => cell.padEnd(column)).join(' ')}`.trimEnd();
  const empty = e.roles.map(() => '');
  const out = [
    row(
      e.roles.map((_, cpu) => `CPU ${cpu}`),
      '',
    ),
    row(
      e.roles.map((role) => role.slice(0, column)),
      '',
    ),
    row(
      e.roles.map(() => '-'.repeat(column - 2)),
      '',
    ),
  ];
  c.steps.forEach((step, i) => {
    const lines = wrap(textOf(step), column - 1, ' ');
    if (step.holds !== '') lines.push(...wrap(`[${step.holds}]`, column - 1, ' '));
    const at = Math.max(step.cpu, 0);
    lines.forEach((line, n) => {
      const cells = [...empty];
      cells[at] = line;
      out.push(row(cells, n === 0 ? String(i + 1) : ''));
    });
  });
  return out;
}

export function list(e: Exploration, c: Counterexample, width: number): string[] {
  const out = e.roles.map((role, cpu) => `     CPU ${cpu}: ${role}`);
  c.steps.forEach((step, i) => {
    const held = step.holds === '' ? '' : ` [${step.holds}]`;
    const who = step.cpu < 0 ? '     ' : `CPU ${step.cpu}`;
    out.push(...wrap(`${String(i + 1).padStart(3)}  ${who}  ${textOf(step)}${held}`, width, '            '));
  });
  return out;
}

const whoOf = ({ actor }: ToldStep): string => (actor === 'rcu' ? 'RCU' : actor);
const textOf = (step: ToldStep): string => (step.cpu < 0 ? `${whoOf(step)}: ${step.text}` : step.text);
