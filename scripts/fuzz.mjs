// Long fuzz run by hand: npm run build && node scripts/fuzz.mjs [--inputs N] [--minutes M] [--seed S] [--only TARGET]
//
// The inputs are tried in a process of their own, so that one that hangs, or takes all memory, is named and the rest goes
// on. `--inputs`: per target, times its weight. `--minutes`: goes round the targets until the time is over as well.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Time on the CPU that no single input may take; the clock on the wall says nothing on a busy machine. */
const HANG_CPU_S = 30;
/** A promise that nobody keeps takes no CPU. */
const HANG_WALL_S = 900;
const HEAP_MIB = 1024;
/** USER_HZ: what /proc counts in. */
const TICKS = 100;

// Strict: an option it does not know ends it, before hours are spent on another run than the one asked for.
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '20000' },
    minutes: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const [inputs, minutes, seed, only] = [
  Number(values.inputs),
  Number(values.minutes),
  Number(values.seed),
  values.only,
];

const folder = mkdtempSync(join(tmpdir(), 'pttrace-fuzz-'));
/** Which input is being tried: target and seed. */
const place = join(folder, 'now');
const started = Date.now();
const counts = new Map();
const faults = [];
let peakMiB = 0;

/** CPU time of a process in s, NaN where the system does not tell. */
function cpuSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return Number.NaN;
  }
}

const now = () => {
  try {
    return readFileSync(place, 'latin1').trim();
  } catch {
    return '';
  }
};

/** One process until it ends; returns where to go on, null when all is done. */
function worker(from) {
  const child = fork(fileURLToPath(new URL('./fuzz/worker.mjs', import.meta.url)), {
    execArgv: [`--max-old-space-size=${HEAP_MIB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, GITHUB_ACTIONS: '', NO_COLOR: '1' },
  });
  child.send({ inputs, minutes, seed, only, place, from, started });
  let [done, said, why] = [false, '', ''];
  let [seen, sinceCpu, sinceWall] = ['', 0, Date.now()];
  child.stderr.on('data', (chunk) => (said = `${said}${chunk}`.slice(-2000)));
  child.on('message', (message) => {
    if (message.fault) {
      faults.push(message.fault);
      console.log(`FAULT ${message.fault}`);
    }
    if (message.counts) for (const [name, n] of message.counts) counts.set(name, (counts.get(name) ?? 0) + n);
    if (message.rssMiB) peakMiB = Math.max(peakMiB, message.rssMiB);
    if (message.done) done = true;
  });
  const watch = setInterval(() => {
    const at = now();
    const cpu = cpuSeconds(child.pid);
    if (at !== seen) [seen, sinceCpu, sinceWall] = [at, cpu, Date.now()];
    const wall = (Date.now() - sinceWall) / 1000;
    if (!(cpu - sinceCpu > HANG_CPU_S) && wall < HANG_WALL_S) return;
    why = `does not end (${Math.round(cpu - sinceCpu)} s on the CPU)`;
    child.kill('SIGKILL');
  }, 2000);
  return new Promise((resolve) =>
    child.once('close', (code, signal) => {
      clearInterval(watch);
      if (done) return resolve(null);
      const at = now();
      faults.push(at);
      console.log(`FAULT ${at}: ${why || `the process ended with ${signal ?? code}: ${said}`}`);
      resolve(at);
    }),
  );
}

process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let from = '';
for (let tries = 0; from !== null && tries < 50; tries++) from = await worker(from);
const total = [...counts.values()].reduce((a, b) => a + b, 0);
console.log('| target | inputs |\n| --- | --- |');
for (const [name, n] of counts) console.log(`| ${name} | ${n.toLocaleString('en')} |`);
const took = Math.round((Date.now() - started) / 60_000);
console.log(
  `${total.toLocaleString('en')} inputs in ${took} min, seed ${seed}: ${faults.length} faults, peak RSS ${peakMiB} MiB`,
);
process.exitCode = faults.length > 0 ? 1 : 0;
