// docs/catalogue.md from the results of the referee: is the catalogue complete, silent where nothing is wrong, and needed?
// Usage: npm run build && node scripts/referee.mjs --whole N --random N --rows rows.jsonl && node scripts/catalogue.mjs rows.jsonl
import { readFileSync, writeFileSync } from 'node:fs';

const { CATALOGUE } = await import(new URL('../dist/src/replay/rules/catalogue.js', import.meta.url).href);

/** S1 invariants that no program of the machine can break, and why. */
const REASONS = {
  I31: 'the machine has one PCID for each process: the second one of PTI is not in it',
  I39: 'its callbacks have no function that could be overwritten: it stops where the head is (I13)',
  I50: 'its exit_mmap() is not shown to begin and end, and no process uses the mm afterwards',
};

const rows = process.argv
  .slice(2)
  .flatMap((path) => readFileSync(path, 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line))
  .sort((a, b) => (a.title < b.title ? -1 : a.title > b.title ? 1 : 0));
const sum = (list, of) => list.reduce((total, row) => total + of(row), 0);
const cell = (text) => String(text).replaceAll('|', '\\|');
const table = (head, body) =>
  [head, head.map(() => '---'), ...body].map((r) => `| ${r.map(cell).join(' | ')} |`).join('\n');
const ids = (row) => Object.keys(row.fired).sort();
const amount = (row) => `${row.executions}${row.whole ? ' (all)' : ''}`;

const broken = rows.filter((r) => r.broken.length > 0);
const correct = rows.filter((r) => r.broken.length === 0 && r.verdict === 'safe');
const others = rows.filter((r) => r.broken.length === 0 && r.verdict !== 'safe');

/** The program in which an invariant fires in the greatest part of the executions. */
function shownBy(id) {
  const of = (list) =>
    list
      .filter((r) => r.fired[id] > 0)
      .sort(
        (a, b) => b.fired[id] / b.executions - a.fired[id] / a.executions || ids(a).length - ids(b).length,
      )[0];
  return of(broken) ?? of(others);
}

const S1 = CATALOGUE.filter((r) => r.severity === 'S1');
const needed = S1.map(({ id, name }) => {
  const row = shownBy(id);
  if (!row) {
    if (!REASONS[id]) throw new Error(`${id}: no program breaks it, and no reason says why`);
    return [id, name, `none: ${REASONS[id]}`, '', ''];
  }
  const with_ = ids(row).filter((other) => other !== id);
  return [id, name, row.title, `${row.fired[id]} of ${amount(row)}`, with_.join(' ') || 'alone'];
});
const line = (r) => [
  r.title,
  amount(r),
  r.traces,
  r.unsafe,
  ids(r)
    .map((id) => `${id} ${r.fired[id]}`)
    .join(', ') || 'silent',
  r.wrong,
];
const head = ['program', 'executions', 'different traces', 'unsafe', 'invariants violated', 'judged wrongly'];
const page = `<!-- Printed by scripts/catalogue.mjs from the results of scripts/referee.mjs. -->

# The catalogue, proved on the machine

Whole executions of the programs of \`pttrace explore\` go through the invariants of \`pttrace replay\`, given all their
operations (\`scripts/referee.mjs\`): **${sum(rows, (r) => r.executions)} executions (${sum(rows, (r) => r.traces)} different traces) of ${rows.length} programs,
${sum(rows, (r) => r.unsafe)} of them unsafe, ${sum(rows, (r) => r.wrong)} judged otherwise than by the machine.** "All": the program has no other
executions; else they were drawn by random choices.

- **Complete**: an unsafe execution violates at least one invariant: ${sum([...broken, ...others], (r) => r.unsafe)} of ${sum([...broken, ...others], (r) => r.unsafe)} in ${broken.length + others.length} programs.
- **Silent**: an execution of a correct program violates none: ${sum(correct, (r) => r.executions)} executions of ${correct.length} programs. Reclaim on kernels
  without it breaks I06 whoever walks; that is counted as right.
- **Needed**: for each invariant of severity S1 a program in which it fires, with what fires beside it.

Left out: \`switch-in-without-catch-up\`, whose loss no operation shows, and expedited grace periods, which no operation shows
either. An invariant may also be violated where nothing unsafe has happened: the order was wrong, and nobody was hit.

## Needed: every S1 invariant

${table(['id', 'name', 'program', 'fires in', 'beside it'], needed)}

## Complete: programs with a broken rule

${table(head, broken.map(line))}

${others.length > 0 ? `Kernels that are unsafe as they are:\n\n${table(head, others.map(line))}\n` : ''}
## Silent: correct programs

${table(head, correct.map(line))}
`;
writeFileSync(new URL('../docs/catalogue.md', import.meta.url), page);
console.log(`docs/catalogue.md: ${rows.length} programs, ${sum(rows, (r) => r.wrong)} judged wrongly`);
