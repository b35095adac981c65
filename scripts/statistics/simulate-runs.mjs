// What `compare` says of runs whose truth is known; writes its tables into docs/statistics.md, between the markers:
//   node scripts/statistics/simulate-runs.mjs [pairs] [calls per run] [--dist FOLDER] [--print]
import { readFileSync, writeFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { compareLibrary, distFolder } from './library.mjs';
import { coverage, nothing, something } from './runs.mjs';

if (!isMainThread) {
  const lib = await compareLibrary(distFolder(workerData.argv));
  const simulate = { nothing, something, coverage }[workerData.what];
  parentPort.postMessage(simulate(lib, workerData.options));
  process.exit(0);
}

const [pairs = 400, n = 1000] = process.argv
  .slice(2)
  .filter((a) => /^\d+$/.test(a))
  .map(Number);
/** Columns are simulated side by side, each from its own seed: the tables do not depend on how many. */
const SIDE_BY_SIDE = 6;
let running = 0;
const waiting = [];
async function inWorker(task) {
  if (running >= SIDE_BY_SIDE) await new Promise((go) => waiting.push(go));
  else running++;
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...task, argv: process.argv } });
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const { runs, sd } = task.options;
  process.stderr.write(`${task.what} ${runs.join(' v ')} ${sd}\n`);
  const next = waiting.shift();
  if (next) next();
  else running--;
  return answer;
}

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

const columnsOf = (make) => Promise.all(columns.map((c) => inWorker(make(c))));
const nulls = await columnsOf((c) => ({ what: 'nothing', options: { ...c, n, pairs } }));
const covered = await columnsOf((c) => ({
  what: 'coverage',
  options: { ...c, n, pairs: pairs * 5, pool: Math.max(200, pairs * 2) },
}));
const found = [];
for (const [name, change] of CHANGES) {
  const list = await columnsOf((c) => ({
    what: 'something',
    options: { ...c, n, pairs: Math.round(pairs / 4), change },
  }));
  found.push({ name, list });
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
  `No difference: intervals that hold the truth, in % of ${pairs * 5} pairs of sides drawn from ${Math.max(200, pairs * 2)} runs (A12: a tenth of them).`,
  'A change that is there only multiplies: the same share of the intervals of a ratio holds it.',
  '',
  ...head('interval of'),
  ...[...covered[0].keys()].map((k) =>
    line(
      k,
      covered.map((r) => percent(r.get(k))),
    ),
  ),
];
out.push(
  '',
  `A change that is there: said _slower_, in % of ${Math.round(pairs / 4)} pairs (power).`,
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
