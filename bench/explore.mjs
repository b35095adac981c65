// The search of `pttrace explore`: steps per CPU second, a large machine whole, the claims of the thread.
// Usage: npm run build && node bench/explore.mjs [--json]
import { pathToFileURL } from 'node:url';

const base = process.env.PTTRACE_DIST;
const load = (path) =>
  import(
    base ? pathToFileURL(`${base}/${path}.js`).href : new URL(`../dist/src/${path}.js`, import.meta.url).href
  );
const { DEFAULTS, machineOf } = await load('machine/scenario');
const { compile } = await load('machine/compile');
const { search } = await load('explore/search');
const { CLAIMS, answerClaims } = await load('explore/seed-claims');

/** CPU seconds of `work`, this process alone. */
function cpu(work) {
  const before = process.cpuUsage();
  const result = work();
  const used = process.cpuUsage(before);
  return { result, seconds: (used.user + used.system) / 1e6 };
}

const RUNS = [
  ['3 CPUs, 1 table', { cpus: 3, tables: 1 }],
  ['4 CPUs, 1 table', { cpus: 4, tables: 1 }],
  ['4 CPUs, 2 tables', { cpus: 4, tables: 2 }],
  ['5 CPUs, 1 table', { cpus: 5, tables: 1 }],
  ['5 CPUs, 2 tables', { cpus: 5, tables: 2 }],
];
const KERNEL = { variant: 'B', program: 'madvise-dontneed', readers: ['gup-fast', 'hardware'] };
/** Every CPU walks in software: the largest of the machines here. */
const LARGEST = [
  '5 CPUs, 2 tables, pte-offset-map',
  { cpus: 5, tables: 2, readers: ['gup-fast', 'pte-offset-map'] },
];

const MODES = [
  [true, true],
  [true, false],
  [false, false],
];

const rows = [];
for (const [title, size] of process.argv.includes('--quick') ? RUNS.slice(0, 2) : [...RUNS, LARGEST]) {
  for (const [symmetry, reduce] of title === LARGEST[0]
    ? [
        [true, false],
        [true, true],
      ]
    : MODES) {
    const compiled = compile(machineOf({ ...DEFAULTS, ...KERNEL, ...size }));
    const options = { maxStates: 2e7, maxBytes: 2 ** 30, symmetry, edges: false, reduce };
    const { result, seconds } = cpu(() => search(compiled, options));
    rows.push({
      title,
      symmetry,
      reduce,
      ended: result.ended,
      safe: result.unsafe.length === 0,
      states: result.states,
      steps: result.steps,
      cpuSeconds: seconds,
      stepsPerCpuSecond: Math.round(result.steps / seconds),
      megabytes: result.bytes / 1e6,
    });
  }
}
const claims = CLAIMS.map((claim) => {
  const { result, seconds } = cpu(() => answerClaims([claim]));
  return { id: claim.id, holds: result[0].holds, cpuSeconds: seconds };
});

if (process.argv.includes('--json')) console.log(JSON.stringify({ search: rows, claims }, null, 2));
else {
  console.log('B, reclaim, readers gup-fast and hardware by turns\n');
  console.log(
    'machine                           symmetry reduce    states      steps   CPU s  steps/CPU s     MB',
  );
  for (const r of rows) {
    console.log(
      `${r.title.padEnd(33)} ${(r.symmetry ? 'yes' : 'no').padEnd(8)} ${(r.reduce ? 'yes' : 'no').padEnd(6)} ${String(r.states).padStart(9)} ${String(r.steps).padStart(10)} ${r.cpuSeconds.toFixed(2).padStart(7)} ${String(r.stepsPerCpuSecond).padStart(12)} ${r.megabytes.toFixed(0).padStart(6)}${r.ended === 'complete' ? '' : ` ${r.ended}`}`,
    );
  }
  const big = rows.filter((r) => r.steps > 1e6);
  const fastest = Math.max(0, ...big.map((r) => r.stepsPerCpuSecond));
  const five = rows.find((r) => r.title === LARGEST[0] && !r.reduce);
  console.log('\nclaim   CPU s');
  for (const c of claims)
    console.log(`(${c.id})`.padEnd(7), c.cpuSeconds.toFixed(2), c.holds ? '' : 'NOT AS CLAIMED');
  if (five) {
    console.log(`\nfloor steps per CPU second ${fastest} >= 1500000`);
    console.log(`floor CPU seconds of 5 CPUs and 2 tables ${five.cpuSeconds.toFixed(2)} <= 10`);
    console.log(`floor megabytes of 5 CPUs and 2 tables ${five.megabytes.toFixed(0)} <= 300`);
    console.log(
      `floor CPU seconds of a claim ${Math.max(...claims.map((c) => c.cpuSeconds)).toFixed(2)} <= 1`,
    );
  }
}
