// The machine driven by a clock: lines of `pttrace simulate` per CPU second, and what it takes to build a machine of many CPUs.
// Usage: npm run build && node bench/simulate.mjs [--quick]
import { pathToFileURL } from 'node:url';

const base = process.env.PTTRACE_DIST;
const load = (path) =>
  import(
    base ? pathToFileURL(`${base}/${path}.js`).href : new URL(`../dist/src/${path}.js`, import.meta.url).href
  );
const { simulate } = await load('simulate/simulate');
const { completeWorkload } = await load('simulate/workload');

const quick = process.argv.includes('--quick');
const RUNS = [
  ['batches', { variant: 'C', munmaps: quick ? 50 : 8000 }],
  ['single tables', { variant: 'B', munmaps: quick ? 50 : 2000, pressure: 1 }],
  ['many tables', { variant: 'C', munmaps: quick ? 1 : 10, tables: 5000 }],
  ['256 CPUs', { variant: 'D', munmaps: quick ? 2 : 200, cpus: 256 }],
];

console.log('workload           lines   CPU s   lines/CPU s');
const speeds = RUNS.map(([title, parts]) => {
  const before = process.cpuUsage();
  let bytes = 0;
  const log = simulate(completeWorkload(parts));
  let step = log.next();
  for (; !step.done; step = log.next()) bytes += step.value.length;
  const used = process.cpuUsage(before);
  const seconds = (used.user + used.system) / 1e6;
  const { lines } = step.value;
  if (bytes === 0) throw new Error('an empty log');
  const speed = Math.round(lines / seconds);
  console.log(
    `${title.padEnd(14)} ${String(lines).padStart(9)} ${seconds.toFixed(2).padStart(7)} ${String(speed).padStart(13)}`,
  );
  return speed;
});
if (!quick) console.log(`\nfloor lines of a log per CPU second ${Math.min(...speeds)} >= 100000`);
