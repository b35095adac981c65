// A fleet under fire, with a real Redis: workers killed at random, the server restarted and killed, the network cut, the disk
// full, jobs delivered twice. In rounds: each answers all recordings anew and must print what one process prints.
//   node scripts/fleet-chaos.mjs [--minutes 10] [--recordings 120] [--workers 3] [--seed 1]
// Needs redis-server, and root for the network of their own (ip netns) that workers get and the small disk (tmpfs).
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { BIN, writeRecordings } from './fleet/recordings.mjs';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return Number(at < 0 ? fallback : process.argv[at + 1]);
};
const minutes = option('minutes', 10);
const count = option('recordings', 120);
const workerCount = option('workers', 3);
let seed = option('seed', 1);
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const between = (low, high) => low + (high - low) * random();
const began = performance.now();
const log = (text) =>
  process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}\n`);
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

const dir = mkdtempSync(join(tmpdir(), 'pttrace-chaos-'));
const events = {};
const happened = (what) => {
  events[what] = (events[what] ?? 0) + 1;
  log(what);
};
const quiet = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** A network that holds the workers only, and can be cut. Null without the right to make one. */
const NET = { name: `ptc${process.pid % 10000}`, here: '10.231.7.1', there: '10.231.7.2' };
function makeNetwork() {
  const veth = [`${NET.name}a`, `${NET.name}b`];
  const made =
    quiet('ip', ['netns', 'add', NET.name]) &&
    quiet('ip', ['link', 'add', veth[0], 'type', 'veth', 'peer', 'name', veth[1], 'netns', NET.name]) &&
    quiet('ip', ['addr', 'add', `${NET.here}/24`, 'dev', veth[0]]) &&
    quiet('ip', ['link', 'set', veth[0], 'up']) &&
    quiet('ip', ['-n', NET.name, 'addr', 'add', `${NET.there}/24`, 'dev', veth[1]]) &&
    quiet('ip', ['-n', NET.name, 'link', 'set', veth[1], 'up']);
  return made ? veth[0] : null;
}

const results = join(dir, 'results');
mkdirSync(results);
const disk = quiet('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', results]);
const veth = makeNetwork();
const PORT = 20000 + (process.pid % 10000);
const host = veth ? NET.here : '127.0.0.1';
const url = `redis://${host}:${PORT}`;

let redis = null;
const cli = (...args) =>
  spawnSync('redis-cli', ['-h', host, '-p', String(PORT), ...args], { encoding: 'utf8' });
async function startRedis() {
  const args = ['--port', String(PORT), '--bind', host, '--protected-mode', 'no', '--save', '', '--dir', dir];
  redis = spawn('redis-server', [...args, '--appendonly', 'yes', '--appendfsync', 'everysec'], {
    stdio: 'ignore',
  });
  for (let i = 0; i < 100 && !cli('ping').stdout?.includes('PONG'); i++) await sleep(100);
}
async function endRedis(signal) {
  const ended = new Promise((resolve) => redis.once('exit', resolve));
  redis.kill(signal);
  await ended;
}

const ATTEMPTS = '25';
const fleet = (action, answers) => [
  BIN,
  'fleet',
  action,
  '--plan',
  join(dir, 'plan.json'),
  '--results',
  answers,
  '--redis',
  url,
  '--attempts',
  ATTEMPTS,
  '--root',
  dir,
];
const workers = new Set();
let answers = '';
let stopping = false;
const errors = new Map();
function note(text) {
  for (const line of text.split('\n')) {
    const kind = line
      .replaceAll(/[0-9a-f]{16,}|\d+/g, 'N')
      .replaceAll(dir, '')
      .slice(0, 160);
    if (kind.trim() !== '') errors.set(kind, (errors.get(kind) ?? 0) + 1);
  }
}
function startWorker() {
  const command = [process.execPath, ...fleet('work', answers), '--jobs', '1'];
  const [program, ...args] = veth ? ['ip', 'netns', 'exec', NET.name, ...command] : command;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.on('data', (d) => note(String(d)));
  workers.add(child);
  child.on('exit', () => {
    workers.delete(child);
    if (!stopping) startWorker();
  });
}

const FAULTS = [
  [
    6,
    'a worker killed (SIGKILL)',
    async () => [...workers][Math.floor(random() * workers.size)]?.kill('SIGKILL'),
  ],
  [
    0.5,
    'the server restarted',
    async () => {
      await endRedis('SIGTERM');
      await sleep(between(200, 3000));
      await startRedis();
    },
  ],
  [
    0.4,
    'the server killed (SIGKILL)',
    async () => {
      await endRedis('SIGKILL');
      await sleep(between(200, 3000));
      await startRedis();
    },
  ],
  [
    0.3,
    'the server killed, its data lost',
    async () => {
      await endRedis('SIGKILL');
      rmSync(join(dir, 'appendonlydir'), { recursive: true, force: true });
      await startRedis();
    },
  ],
  [
    veth ? 0.5 : 0,
    'the network cut',
    async () => {
      quiet('ip', ['link', 'set', veth, 'down']);
      await sleep(between(3000, 15000));
      quiet('ip', ['addr', 'replace', `${NET.here}/24`, 'dev', veth]);
      quiet('ip', ['link', 'set', veth, 'up']);
    },
  ],
  [
    disk ? 0.5 : 0,
    'the disk full',
    async () => {
      const { bavail, bsize } = statfsSync(results);
      try {
        writeFileSync(join(results, 'filler'), Buffer.alloc(bavail * bsize));
      } catch {}
      await sleep(between(1000, 6000));
      rmSync(join(results, 'filler'), { force: true });
    },
  ],
  [0.8, 'every job delivered again', async () => deliverAgain()],
  [
    0.3,
    'a shard run beside it',
    async () => {
      spawn(
        process.execPath,
        [
          BIN,
          'shard',
          'run',
          '--plan',
          join(dir, 'plan.json'),
          '--results',
          answers,
          '--root',
          dir,
          '--shard',
          '0',
          '--jobs',
          '1',
        ],
        { stdio: 'ignore' },
      );
    },
  ],
];

/** What a server that forgot what was done would do: all recordings once more, answered or not. */
async function deliverAgain() {
  const { Queue } = await import('bullmq');
  const { Redis } = await import('ioredis');
  const { readPlan } = await import('../dist/src/fleet/plan.js');
  const { Answers } = await import('../dist/src/fleet/answers.js');
  const { queueName } = await import('../dist/src/fleet/dispatch.js');
  const plan = readPlan(join(dir, 'plan.json'));
  const at = new Answers(plan, answers);
  const connection = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  connection.on('error', () => {});
  try {
    const queue = new Queue(queueName(plan), { connection, prefix: 'pttrace' });
    queue.on('error', () => {});
    await queue.addBulk(
      plan.recordings.map((_, index) => ({
        name: 'recording',
        data: { index },
        opts: { jobId: at.place(index).key, removeOnComplete: true, attempts: Number(ATTEMPTS) },
      })),
    );
    await queue.close();
  } catch (error) {
    note(`deliver again: ${error.message}`);
  } finally {
    connection.disconnect();
  }
}

async function faults(until) {
  const sum = FAULTS.reduce((s, [weight]) => s + weight, 0);
  while (!until.aborted) {
    await sleep(between(500, 4000));
    if (until.aborted) return;
    let at = random() * sum;
    const [, what, act] = FAULTS.find(([weight]) => (at -= weight) < 0) ?? FAULTS[0];
    happened(what);
    await act();
  }
}

const run = (args, cwd) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const out = [];
    child.stdout.on('data', (d) => out.push(d));
    child.stderr.on('data', (d) => note(String(d)));
    child.on('close', (status) => resolve({ status, stdout: Buffer.concat(out) }));
  });

let [rounds, bad] = [0, 0];
try {
  await writeRecordings(join(dir, 'runs'), count);
  const expected = await run([BIN, 'replay', 'runs', '--json', '--jobs', '1'], dir);
  const { status } = await run([BIN, 'shard', 'plan', 'runs', '--plan', 'plan.json', '--shards', '4'], dir);
  if (status !== 0) throw new Error(`shard plan: exit ${status}`);
  log(
    `${count} recordings; one process prints ${expected.stdout.length} bytes, ${sha(expected.stdout)}, exit ${expected.status}; network ${veth ? 'of their own' : 'shared'}, disk ${disk ? 'of 64 MB' : 'shared'}`,
  );
  await startRedis();
  const end = began + minutes * 60_000;
  while (performance.now() < end) {
    answers = join(results, `round-${rounds}`);
    stopping = false;
    for (let i = 0; i < workerCount; i++) startWorker();
    const over = new AbortController();
    const firing = faults(over.signal);
    const got = await run([...fleet('run', answers), '--jobs', '0', '--json'], dir);
    over.abort();
    await firing;
    stopping = true;
    for (const worker of workers) worker.kill('SIGKILL');
    while (workers.size > 0) await sleep(50);
    const files = readdirSync(join(answers, 'answers')).filter((f) => f.endsWith('.json')).length;
    const given = readdirSync(join(answers, 'quarantine')).length;
    const same = got.stdout.equals(expected.stdout) && got.status === expected.status;
    rounds++;
    if (!same) {
      bad++;
      writeFileSync(join(tmpdir(), `chaos-bad-${rounds}.json`), got.stdout);
    }
    log(
      `round ${rounds}: ${same ? 'the same bytes' : 'OTHER BYTES'}, ${sha(got.stdout)}, exit ${got.status}; ${files} answers, ${given} given up`,
    );
    if (files < count) bad++;
    rmSync(answers, { recursive: true, force: true });
  }
} finally {
  stopping = true;
  for (const worker of workers) worker.kill('SIGKILL');
  redis?.kill('SIGKILL');
  if (disk) quiet('umount', ['-l', results]);
  if (veth) {
    quiet('ip', ['link', 'del', veth]);
    quiet('ip', ['netns', 'del', NET.name]);
  }
  if (existsSync(dir)) rmSync(dir, { recursive: true, force: true });
}
process.stdout.write(
  `\n${rounds} rounds of ${count} recordings on ${workerCount} workers in ${minutes} minutes: ${bad} with other bytes or missing answers\n\n| what happened | times |\n| --- | --- |\n`,
);
for (const [what, times] of Object.entries(events).sort()) process.stdout.write(`| ${what} | ${times} |\n`);
process.stdout.write('\nsaid on standard error (numbers as N):\n');
for (const [text, times] of [...errors].sort((a, b) => b[1] - a[1]).slice(0, 20))
  process.stdout.write(`${String(times).padStart(6)}  ${text}\n`);
process.exitCode = bad > 0 || rounds === 0 ? 1 : 0;
