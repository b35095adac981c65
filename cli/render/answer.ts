import type { Finding, InvariantReport, Result } from '../../src/result/types.js';
import { plural } from './verdicts.js';

/** A finding with its rule. */
export interface Told {
  readonly rule: InvariantReport;
  readonly finding: Finding;
}

/** The finding that a reader should see first: the worst, and of equals one that has lines to show; none: undefined. */
export function firstFinding(result: Result): Told | undefined {
  return result.invariants
    .flatMap((rule) => rule.findings.slice(0, 1).map((finding) => ({ rule, finding })))
    .sort(
      (a, b) =>
        Number(b.rule.verdict === 'violated') - Number(a.rule.verdict === 'violated') ||
        a.rule.severity.localeCompare(b.rule.severity, 'en') ||
        Number(b.finding.events.length > 0) - Number(a.finding.events.length > 0),
    )[0];
}

/** The answer in one sentence or two: what is wrong; or, where nothing is, what was seen and what was not. */
export function answer(result: Result): string {
  const partial = result.summary.partial ? 'PARTIAL (interrupted): ' : '';
  const first = firstFinding(result);
  const text = first ? found(first) : clean(result);
  const skipped = result.inputs.reduce((sum, input) => sum + input.lines.skipped, 0);
  const lines = skipped > 0 ? ` ${plural(skipped, 'line')} could not be used.` : '';
  const broken = result.inputs.find((input) => input.error);
  const cut = broken ? ` ${broken.path} is not whole: ${broken.error!.message}.` : '';
  return `${partial}${text}${lines}${cut}`;
}

function found({ rule, finding }: Told): string {
  if (rule.verdict !== 'violated')
    return `${rule.id} ${rule.name} was required to be decided and is not: ${rule.reason}.`;
  const n = rule.instances.violated;
  const times = n === 1 ? '' : ` ${n} times`;
  return `${rule.id} ${rule.name} is violated${times}: ${finding.message}.`;
}

function clean(result: Result): string {
  const order = result.inputs.flatMap((i) => i.notes).find((note) => note.code === 'out-of-order');
  if (result.summary.tableFrees === 0 && order) return `Nothing can be judged: ${order.message}.`;
  if (result.summary.tableFrees === 0)
    return 'Nothing to judge: no page table is freed in this recording. `pttrace record --level tables` records it.';
  const of = (id: string): InvariantReport | undefined => result.invariants.find((i) => i.id === id);
  const freed = countOf(of('I01'));
  const whole: string[] = [];
  const part: string[] = [];
  for (const { ids, was, were } of STEPS) {
    const rules = ids.map(of);
    if (rules.some((rule) => rule?.verdict !== 'pass')) continue;
    const n = Math.min(...rules.map(countOf));
    if (n >= freed) whole.push(was);
    else if (n > 0) part.push(`${n} ${n === 1 ? 'was' : 'were'} ${were ?? was}`);
  }
  const unknown = STEPS.filter(({ ids }) => ids.some((id) => of(id)?.verdict === 'unknown')).map(
    (s) => s.open,
  );
  const rest = unknown.length === 0 ? '' : ` Not known: ${and(unknown)}.`;
  if (freed === 0 || whole.length === 0) return `No violation in what could be decided.${rest}`;
  const who = freed === 1 ? 'the page table freed' : `each of the ${freed} page tables freed`;
  return `No violation: ${who} was first ${and(whole)}${part.length > 0 ? `; ${and(part)}` : ''}.${rest}`;
}

/** What a table goes through before it is freed, in words for one that is seen to, for several, and for its not being decided. */
const STEPS: readonly { ids: readonly string[]; was: string; were?: string; open: string }[] = [
  { ids: ['I01'], was: 'unlinked', open: 'whether the tables were unlinked first' },
  // I02 counts pages as well, so the tables are those of I03.
  {
    ids: ['I02', 'I03'],
    was: 'flushed out of TLBs and walk caches',
    open: 'whether all TLBs and walk caches were flushed',
  },
  {
    ids: ['I04'],
    was: 'held back until its RCU callback ran',
    were: 'held back until their RCU callback ran',
    open: 'whether they waited for an RCU callback',
  },
  {
    ids: ['I05'],
    was: 'seen left by its readers',
    were: 'seen left by their readers',
    open: 'whether a reader was still inside',
  },
];

const countOf = (rule: InvariantReport | undefined): number => rule?.instances.pass ?? 0;

/** `a, b and c`. */
export const and = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
