// Many recordings with one thread and with two, beside what the machine gives two busy loops at the moment.
//   node bench/jobs.mjs [--recordings N] [--size MB] [--rounds N] [--built DIR]
// Each round: one busy loop done twice in one process, two at once; the replay with --jobs 1, with --jobs 2. Other work
// on the machine takes from both pairs alike: what counts is the gain of the replay in parts of the loops' gain. By CPU time:
// twice what one thread took, in parts of what two took together; it holds on a machine that is never free.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { makeBig } from './make-big.mjs';
import { option } from './race.mjs';

const repo = join(dirname(fileURLToPath(import.meta.url)), '..');
const recordings = Number(option('recordings', '60'));
const size = Number(option('size', '10'));
const rounds = Number(option('rounds', '5'));
const bin = join(repo, 'bin/run.js');
/** Of two free cores with two threads: 1.7 of 2. */
const FLOOR = 1.7 / 2;

const LOOP =
  'let x = 1; for (let i = 0; i < 4e8; i++) x = (x * 1103515245 + 12345) | 0; if (x === 7) console.log(x);';
/** A process tells its CPU seconds, threads and all, as it ends. */
const TELL =
  'data:text/javascript,process.on("exit",()=>{const u=process.resourceUsage();process.stderr.write("cpu "+(u.userCPUTime+u.systemCPUTime)/1e6+"\\n")})';
/** Returns the CPU seconds. */
const start = (args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', TELL, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (d) => {
      said += d;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve(Number(/cpu ([\d.]+)/.exec(said)?.[1]))
        : reject(new Error(`exit ${code}: ${said}`)),
    );
  });
async function seconds(work) {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}
const loop = () => start(['-e', LOOP]);
const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[(list.length - 1) >> 1] + sorted[list.length >> 1]) / 2;
};

const dir = mkdtempSync(join(tmpdir(), 'pttrace-jobs-'));
try {
  const big = makeBig(size);
  for (let i = 0; i < recordings; i++) copyFileSync(big, join(dir, `${i}.txt`));
  const replay = (jobs) => start([bin, 'replay', dir, '--json', '--jobs', String(jobs)]);
  const gains = [];
  process.stdout.write(
    `${recordings} recordings of ${size} MB\n\nround  loops: one, two   gain  replay: one, two   gain  of the loops'  by CPU time\n`,
  );
  for (let round = 0; round < rounds; round++) {
    const one = await seconds(async () => {
      await loop();
      await loop();
    });
    const cpu = [];
    const single = await seconds(async () => cpu.push(await replay(1)));
    const double = await seconds(async () => cpu.push(await replay(2)));
    const two = await seconds(() => Promise.all([loop(), loop()]));
    const gain = { loops: one / two, replay: single / double, cpu: (2 * cpu[0]) / cpu[1] };
    gains.push(gain);
    const f = (v) => v.toFixed(2).padStart(7);
    process.stdout.write(
      `${String(round + 1).padStart(5)} ${f(one)} ${f(two)} ${f(gain.loops)} ${f(single)} ${f(double)} ${f(gain.replay)} ${f(gain.replay / gain.loops)}       ${f(gain.cpu)}\n`,
    );
  }
  const part = median(gains.map((g) => g.replay / g.loops));
  process.stdout.write(
    `\nof two free cores: ${(2 * part).toFixed(2)} x; by CPU time ${median(gains.map((g) => g.cpu)).toFixed(2)} x\nfloor jobs ${part.toFixed(3)} >= ${FLOOR}\n`,
  );
} finally {
  rmSync(dir, { recursive: true, force: true });
}
