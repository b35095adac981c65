// `pttrace watch` on a stream that does not end by itself: does it keep pace, does its memory stay flat.
// Usage: npm run build && node bench/stream.mjs [--seconds 600] [--rate 100000] [--cpus 8]
// The stream is a simulated workload, let through at the rate. Prints a row a minute (a tenth of a shorter run); fails
// where memory in the last tenth is more than 10 % above what it was in the second.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PTTRACE = fileURLToPath(new URL('../bin/run.js', import.meta.url));
/** How often lines are let through. */
const TICK_MS = 20;
const SAMPLE_S = 1;
/** Munmaps of the workload: more than any run takes; some 145 lines each. */
const ENDLESS = '100000000';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '100000' },
    cpus: { type: 'string', default: '8' },
  },
});
const [seconds, rate] = [Number(values.seconds), Number(values.rate)];

const rssMib = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;

function lineFeeds(chunk) {
  let n = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) n++;
  return n;
}

const workload = spawn(process.execPath, [PTTRACE, 'simulate', '--cpus', values.cpus, '--munmaps', ENDLESS], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const watch = spawn(process.execPath, [PTTRACE, 'watch', '--every', '60', '--json'], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const out = [];
watch.stdout.on('data', (chunk) => out.push(chunk));

const start = performance.now();
const elapsed = () => (performance.now() - start) / 1000;
const every = Math.min(60, seconds / 10);
const samples = [];
let [sent, told] = [0, 0];
const look = setInterval(() => {
  const at = elapsed();
  samples.push({ at, mib: rssMib(watch.pid) });
  if (at < told + every) return;
  told = at;
  const row = [at.toFixed(0), sent, Math.round(sent / at), samples.at(-1).mib.toFixed(1)];
  console.log(row.map((v, i) => String(v).padStart([7, 11, 9, 9][i])).join(''));
}, SAMPLE_S * 1000);
console.log('      s      lines  lines/s  RSS MiB');
for await (const chunk of workload.stdout) {
  if (elapsed() > seconds) break;
  sent += lineFeeds(chunk);
  // A slower reader is waited for: of a kernel's ring buffer it would lose events.
  if (!watch.stdin.write(chunk)) await once(watch.stdin, 'drain');
  while (sent > rate * elapsed()) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
workload.kill();
clearInterval(look);
const took = elapsed();
watch.stdin.end();
const [status] = await once(watch, 'close');
const { timeline, summary, inputs } = JSON.parse(Buffer.concat(out).toString());
const most = (from, to) =>
  Math.max(...samples.filter((s) => s.at >= from * took && s.at <= to * took).map((s) => s.mib));
const [early, late] = [most(0.1, 0.2), most(0.9, 1)];
console.log(
  `${sent} lines in ${took.toFixed(0)} s (${Math.round(sent / took)}/s): ${timeline.events} events replayed, ${summary.findings} findings, ${inputs[0].lines.skipped} skipped, exit code ${status}`,
);
console.log(
  `RSS: ${early.toFixed(1)} MiB in the second tenth, ${late.toFixed(1)} MiB in the last, at most ${most(0, 1).toFixed(1)} MiB`,
);
console.log(`floor part of ${rate} lines/s reached ${(sent / took / rate).toFixed(3)} >= 0.95`);
console.log(`floor RSS of the end to that of the beginning ${(late / early).toFixed(3)} <= 1.1`);
if (late > 1.1 * early || status !== 0) process.exitCode = 1;
