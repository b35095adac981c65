#!/usr/bin/env node
/**
 * Writes the score of a run of run.mjs into docs/testing.md, between its two marks, and keeps the run beside this.
 *
 *   node scripts/mutation/report.mjs FILE.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LEFT_OUT, MUTATED } from './config.mjs';
import { EQUIVALENT } from './equivalent.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const PAGE = join(root, 'docs/testing.md');
const [BEGIN, END] = ['<!-- mutation: printed by scripts/mutation/report.mjs -->', '<!-- /mutation -->'];
const { seed, results } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

/** 95 % interval of a share (Wilson), in percent. */
function wilson(hits, n) {
  const z = 1.959964;
  const p = hits / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return `${(100 * (middle - half)).toFixed(0)}–${(100 * (middle + half)).toFixed(0)} %`;
}

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((r) => `| ${r.map(cell).join(' | ')} |`).join('\n');
const short = (file) => file.slice(MUTATED.length + 1);
const dead = (r) => r.status !== 'survived';
const equivalent = (r) =>
  EQUIVALENT.find((e) => e.file === short(r.file) && e.old === r.old && e.text === r.text && !dead(r));

const files = [...new Set(results.map((r) => r.file))].sort();
const row = (name, list, all) => [
  name,
  all,
  list.length,
  list.filter(dead).length,
  list.filter(equivalent).length,
  `${((100 * list.filter(dead).length) / list.length).toFixed(0)} %`,
  wilson(list.filter(dead).length, list.length),
];
const all = files.reduce((sum, f) => sum + results.find((r) => r.file === f).of, 0);
const rows = files.map((f) => {
  const mine = results.filter((r) => r.file === f);
  return row(short(f), mine, mine[0].of);
});
// Files differ in size, their samples do not: each file's share weighs as many mutants as it has.
const weighed = files.reduce((sum, f) => {
  const mine = results.filter((r) => r.file === f);
  return sum + (mine[0].of * mine.filter(dead).length) / mine.length;
}, 0);
const left = results.filter((r) => !dead(r));
const same = left.filter(equivalent).length;
const killed = results.length - left.length;

const text = `${BEGIN}
**${killed} of ${results.length} sampled mutants are killed: ${((100 * killed) / results.length).toFixed(1)} %** (95 % interval ${wilson(killed, results.length)}), of ${all} mutants in
all; weighed by the size of the files ${((100 * weighed) / all).toFixed(1)} %; without the ${same} that change nothing anybody could see ${((100 * killed) / (results.length - same)).toFixed(1)} %.
Seed ${seed}.

${table(['file', 'mutants', 'sampled', 'killed', 'equivalent', 'share', '95 % interval'], [...rows, row('all', results, all)])}

Left out: ${Object.entries(LEFT_OUT)
  .map(([file, why]) => `\`${file}\` (${why})`)
  .join('; ')}.

What survived:

${table(
  ['place', 'operator', 'mutant', 'equivalent, because'],
  left.map((r) => [
    `${short(r.file)}:${r.line}`,
    r.operator,
    `\`${r.old.split('\n')[0].slice(0, 70)}\` → \`${r.text.split('\n')[0].slice(0, 40)}\``,
    equivalent(r)?.why ?? '',
  ]),
)}
${END}`;

const page = readFileSync(PAGE, 'utf8');
const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
if (from < 0 || to < 0) throw new Error('docs/testing.md has no marks for the score');
writeFileSync(PAGE, page.slice(0, from) + text + page.slice(to + END.length));
const slim = results.map(({ file, line, operator, old, text: now, status, by }) => ({
  file: short(file),
  line,
  operator,
  old: old.slice(0, 80),
  now: now.slice(0, 80),
  status,
  by: by.split(': ')[0],
}));
writeFileSync(
  join(root, 'scripts/mutation/last-run.json'),
  `{"seed":${seed},"results":[\n${slim.map((r) => JSON.stringify(r)).join(',\n')}\n]}\n`,
);
console.log(`${killed} of ${results.length}`);
