// What `compare` says of runs whose truth is known; writes its tables into docs/statistics.md, between the markers:
//   node scripts/statistics/simulate-runs.mjs [pairs] [calls per run] [--dist FOLDER] [--print]
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { compareLibrary, distFolder } from './library.mjs';
import { writeBetween } from './page.mjs';
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
const SIDE_BY_SIDE = 2;
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
/** Sides whose intervals are counted. */
const COVERED = [...SIDES, [2, 10], [3, 5], [3, 10], [5, 10]];
/** Spread of both sides, of each, and of another kind of data. */
const DATA = [
  ['3 %', { sd: 0.03 }],
  ['10 %', { sd: 0.1 }],
  ['10 % and 3 %', { sd: [0.1, 0.03] }],
  ['3 % and 10 %', { sd: [0.03, 0.1] }],
  ['3 %, few slow calls', { sd: 0.03, slow: 0.2 }],
];

const percent = (c) => (c && c.of > 0 ? (Math.round((1000 * c.hits) / c.of) / 10).toFixed(1) : '-');
const spreadWords = (sd) =>
  Array.isArray(sd) ? sd.map((s) => `${s * 100} %`).join(' and ') : `${sd * 100} %`;
const columns = SIDES.flatMap((s) => SPREADS.map((sd) => ({ runs: s, sd })));
const head = (first) => [
  `| ${first} | ${columns.map((c) => `${c.runs.join(' v ')}, ${spreadWords(c.sd)}`).join(' | ')} |`,
  `| --- |${columns.map(() => ' ---: |').join('')}`,
];
const line = (name, cells) => `| ${name} | ${cells.join(' | ')} |`;

const each = (list, make) => Promise.all(list.map((c) => inWorker(make(c))));
const nulls = await each(columns, (c) => ({ what: 'nothing', options: { ...c, n, pairs } }));

const many = pairs * 10;
const pool = Math.max(200, pairs * 4);
const cases = COVERED.flatMap((runs) =>
  DATA.filter(([, d]) => runs[0] !== runs[1] || !Array.isArray(d.sd) || d.sd[0] > d.sd[1]).map(
    ([name, data]) => ({
      name: `${runs.join(' v ')}, ${name}`,
      options: { runs, ...data, n, pairs: many, pool },
    }),
  ),
).concat(
  [3, 5, 10].map((k) => ({
    name: `${k} pairs, 3 %`,
    options: { runs: [k, k], sd: 0.03, paired: true, n, pairs: many, pool },
  })),
  [
    [2, 2],
    [5, 5],
    [2, 5],
  ].map((runs) => ({
    name: `${runs.join(' v ')}, 3 %, ${n * 10} calls a run`,
    options: { runs, sd: 0.03, n: n * 10, pairs: many / 2, pool: pool / 4 },
  })),
);
const covered = await each(cases, ({ options }) => ({ what: 'coverage', options }));
const kinds = [...new Set(covered.flatMap((c) => [...c.keys()]))];
const KINDS = ['rate', 'mean', 'mean ns', 'p50', 'p50 ns', 'p90', 'p99', 'p99 ns', 'p99.9', 'tail', 'A12'];
kinds.sort((x, y) => KINDS.indexOf(x) - KINDS.indexOf(y));
/** Coverage, and in brackets in how many % of the pairs the interval is printed, where not in all. */
const coverageCell = (c, asked) => {
  if (!c) return '-';
  const printed = Math.round((100 * c.of) / asked);
  // Of a handful of intervals no share can be told.
  if (c.of < 200) return `(${printed})`;
  return printed === 100 ? percent(c) : `${percent(c)} (${printed})`;
};

const found = [];
for (const [name, change] of CHANGES) {
  const list = await each(columns, (c) => ({
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
  `Intervals that hold the truth, in %, of ${many} pairs of sides drawn from ${pool} runs (tail and A12: a fifth of them). In`,
  'brackets in how many % of the pairs the interval is printed, where not in all; alone where it is printed too seldom to',
  'count. _Few slow calls_: 0.2 % of the calls instead of 1 %. A change that is there only multiplies: the same share of',
  'the intervals of a ratio holds it.',
  '',
  `| sides, spread | ${kinds.join(' | ')} |`,
  `| --- |${kinds.map(() => ' ---: |').join('')}`,
  ...cases.map(({ name, options }, i) =>
    line(
      name,
      kinds.map((k) =>
        coverageCell(
          covered[i].get(k),
          k === 'A12' || k === 'tail' ? Math.ceil(options.pairs / 5) : options.pairs,
        ),
      ),
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
else writeBetween('simulate-runs', text);
