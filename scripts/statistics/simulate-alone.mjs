// One run a side: which intervals of the table hold the truth; writes its table into docs/statistics.md, between the
// markers:
//   node scripts/statistics/simulate-alone.mjs [pairs] [--dist FOLDER] [--print]
import { compareLibrary, distFolder } from './library.mjs';
import { writeBetween } from './page.mjs';
import { alone } from './runs.mjs';

const [pairs = 400] = process.argv
  .slice(2)
  .filter((a) => /^\d+$/.test(a))
  .map(Number);
const lib = await compareLibrary(distFolder(process.argv));
const DATA = [
  ['400 calls', { n: 400 }],
  ['1000 calls', { n: 1000 }],
  ['1000 calls, few slow calls', { n: 1000, slow: 0.2 }],
  ['1000 calls, many slow calls', { n: 1000, slow: 5 }],
  ['5000 calls', { n: 5000 }],
];
const KINDS = ['rate', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'tail', 'A12'];
const lines = DATA.map(([name, data]) => {
  const held = alone(lib, { ...data, pairs });
  process.stderr.write(`${name}\n`);
  const cells = KINDS.map((k) => {
    const c = held.get(k);
    if (!c) return '-';
    const printed = Math.round((100 * c.of) / pairs);
    if (c.of < 100) return `(${printed})`;
    const share = ((100 * c.hits) / c.of).toFixed(1);
    return printed === 100 ? share : `${share} (${printed})`;
  });
  return `| ${name} | ${cells.join(' | ')} |`;
});
const text = [
  `Intervals that hold the truth, in %, of ${pairs} pairs of runs of one kernel and one boot. In brackets as above.`,
  '',
  `| run | ${KINDS.join(' | ')} |`,
  `| --- |${KINDS.map(() => ' ---: |').join('')}`,
  ...lines,
  '',
].join('\n');
if (process.argv.includes('--print')) process.stdout.write(text);
else writeBetween('simulate-alone', text);
