// What `compare` says of runs whose truth is known; writes its tables into docs/statistics.md, between the markers:
//   node scripts/statistics/simulate-runs.mjs [pairs] [calls per run] [--dist FOLDER] [--print]
import { readFileSync, writeFileSync } from 'node:fs';
import { compareLibrary, distFolder } from './library.mjs';
import { nothing, something } from './runs.mjs';

const [pairs = 800, n = 1000] = process.argv
  .slice(2)
  .filter((a) => /^\d+$/.test(a))
  .map(Number);
const lib = await compareLibrary(distFolder(process.argv));
const SIDES = [
  [2, 2],
  [3, 3],
  [5, 5],
  [10, 10],
  [2, 5],
];
const SPREADS = [0.03, 0.1];
const CHANGES = [
  ['all 5 % slower', { scale: 1.05 }],
  ['all 20 % slower', { scale: 1.2 }],
  ['slow calls 2x as frequent', { slow: 2 }],
  ['slow calls 4x as frequent', { slow: 4 }],
];

const percent = (c) => (c ? (Math.round((1000 * c.hits) / c.of) / 10).toFixed(1) : '-');
const columns = SIDES.flatMap((s) => SPREADS.map((sd) => ({ runs: s, sd })));
const head = (first) => [
  `| ${first} | ${columns.map((c) => `${c.runs.join(' v ')}, ${c.sd * 100} %`).join(' | ')} |`,
  `| --- |${columns.map(() => ' ---: |').join('')}`,
];
const line = (name, cells) => `| ${name} | ${cells.join(' | ')} |`;

const nulls = [];
for (const c of columns) {
  nulls.push(nothing(lib, { ...c, n, pairs }));
  process.stderr.write(`null ${c.runs.join(' v ')} ${c.sd}\n`);
}
const out = [
  `${pairs} pairs of sides in each column, ${n} calls in each run, at the 95 % level. The heading says how many runs a`,
  'side and by how much runs of one kernel spread.',
  '',
  'No difference: said in % of the pairs, at most 5 is right (conditions: 2.5, as they are one-sided).',
  '',
  ...head('said'),
  line(
    'slower, faster or mixed',
    nulls.map((r) => percent(r.get('verdict'))),
  ),
  line(
    'any row of the table',
    nulls.map((r) => percent(r.get('any row'))),
  ),
  ...[...nulls[0].keys()]
    .filter((k) => k.startsWith('fail-if'))
    .map((k) =>
      line(
        `\`${k.slice(8)}\``,
        nulls.map((r) => percent(r.get(k))),
      ),
    ),
  '',
  'No difference: intervals that hold the truth, in %.',
  '',
  ...head('interval of'),
  ...['rate', 'mean', 'mean ns', 'p50', 'p50 ns', 'p90', 'p99', 'p99 ns', 'tail', 'A12'].map((k) =>
    line(
      k,
      nulls.map((r) => percent(r.get(k))),
    ),
  ),
];
const found = CHANGES.map(([name, change]) => {
  const list = columns.map((c) => something(lib, { ...c, n, pairs: Math.round(pairs / 2), change }));
  process.stderr.write(`${name}\n`);
  return { name, list };
});
out.push(
  '',
  'A change that is there: said _slower_, in % of the pairs (power).',
  '',
  ...head('change'),
  ...found.map(({ name, list }) =>
    line(
      name,
      list.map((s) => percent({ hits: s.slower, of: s.of })),
    ),
  ),
  line(
    'said _faster_, all four together',
    columns.map((_, i) =>
      percent({
        hits: found.reduce((s, f) => s + f.list[i].faster, 0),
        of: found.reduce((s, f) => s + f.list[i].of, 0),
      }),
    ),
  ),
  '',
  'All 20 % slower: intervals of the ratio that hold 1.2, in %.',
  '',
  ...head('interval of'),
  ...['mean', 'p50', 'p90', 'p99'].map((k) =>
    line(
      k,
      found[1].list.map((s) => percent(s.coverage.get(k))),
    ),
  ),
);
const text = `${out.join('\n')}\n`;
if (process.argv.includes('--print')) process.stdout.write(text);
else {
  const page = new URL('../../docs/statistics.md', import.meta.url);
  const old = readFileSync(page, 'utf8');
  const [begin, end] = ['<!-- simulate-runs: begin -->', '<!-- simulate-runs: end -->'];
  const [i, k] = [old.indexOf(begin), old.indexOf(end)];
  if (i < 0 || k < i) throw new Error(`docs/statistics.md has no ${begin} … ${end}`);
  writeFileSync(page, `${old.slice(0, i + begin.length)}\n\n${text}\n${old.slice(k)}`);
}
