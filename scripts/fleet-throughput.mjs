// 1,000 recordings answered by 1, 2 and 4 workers through Redis: the bytes of one process, recordings per second and worker,
// and what the engine takes for itself in CPU time (another load on the machine does not count there).
//   node scripts/fleet-throughput.mjs [--recordings 1000] [--workers 1,2,4]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { BIN, writeRecordings } from './fleet/recordings.mjs';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const count = Number(option('recordings', '1000'));
const fleets = option('workers', '1,2,4').split(',').map(Number);
const PORT = 20000 + (process.pid % 10000);
const dir = mkdtempSync(join(tmpdir(), 'pttrace-throughput-'));
const TICK = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

/** CPU seconds of a process that is there, and of children it has waited for. */
function cpuOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return (fields[11] + fields[12] + fields[13] + fields[14]) / TICK;
}

/** Runs a command to its end: hash of what it prints, CPU and wall seconds. */
async function run(args) {
  const from = performance.now();
  // A shell that waits for it knows its CPU time, and tells it once asked to end.
  const child = spawn(
    'sh',
    ['-c', '"$@"; status=$?; echo "$status" >&3; read -r _', 'sh', process.execPath, ...args],
    {
      cwd: dir,
      stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
    },
  );
  const hash = createHash('sha256');
  child.stdout.on('data', (d) => hash.update(d));
  const status = await new Promise((resolve) =>
    child.stdio[3].once('data', (d) => resolve(Number(String(d)))),
  );
  const wall = (performance.now() - from) / 1000;
  const cpu = cpuOf(child.pid);
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.stdin.end('\n');
  await closed;
  if (![0, 1, 3].includes(status)) throw new Error(`${args[1]}: exit ${status}`);
  return { sha: hash.digest('hex').slice(0, 16), cpu, wall };
}

const rows = [];
const row = (...cells) => {
  rows.push(cells);
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
};
try {
  await writeRecordings(join(dir, 'runs'), count);
  await run([BIN, 'shard', 'plan', 'runs', '--plan', 'plan.json']);
  row(
    'workers',
    'same bytes',
    'wall s',
    'CPU s of the workers',
    'of run and Redis',
    'recordings per CPU s of a worker',
    'CPU s of shards and merge',
    "engine's cost",
  );
  row('---', '---', '---', '---', '---', '---', '---', '---');
  const one = await run([BIN, 'replay', 'runs', '--json', '--jobs', '1']);
  row('one process', '', one.wall.toFixed(0), one.cpu.toFixed(1), '', (count / one.cpu).toFixed(1), '', '');
  for (const n of fleets) {
    const plan = `plan-${n}.json`;
    await run([BIN, 'shard', 'plan', 'runs', '--plan', plan, '--shards', String(n)]);
    const shards = ['--plan', plan, '--results', `shards-${n}`];
    const parts = await Promise.all(
      Array.from({ length: n }, (_, i) =>
        run([BIN, 'shard', 'run', ...shards, '--shard', String(i), '--jobs', '1']),
      ),
    );
    const merged = await run([BIN, 'shard', 'merge', ...shards, '--json']);
    if (merged.sha !== one.sha) process.exitCode = 1;
    const without = parts.reduce((sum, p) => sum + p.cpu, merged.cpu);
    const redis = spawn(
      'redis-server',
      ['--port', String(PORT), '--bind', '127.0.0.1', '--save', '', '--dir', dir],
      { stdio: 'ignore' },
    );
    await sleep(1000);
    const results = `results-${n}`;
    const common = ['--plan', 'plan.json', '--results', results, '--redis', `redis://127.0.0.1:${PORT}`];
    const workers = Array.from({ length: n }, () =>
      spawn(process.execPath, [BIN, 'fleet', 'work', ...common, '--jobs', '1'], {
        cwd: dir,
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
    const sent = await run([BIN, 'fleet', 'run', ...common, '--jobs', '0', '--json']);
    const working = workers.reduce((sum, w) => sum + cpuOf(w.pid), 0);
    const engine = sent.cpu + cpuOf(redis.pid);
    for (const w of workers) w.kill('SIGKILL');
    redis.kill('SIGKILL');
    const cost = (working + engine) / without - 1;
    row(
      n,
      sent.sha === one.sha ? 'yes' : 'NO',
      sent.wall.toFixed(0),
      working.toFixed(1),
      engine.toFixed(1),
      (count / working).toFixed(1),
      without.toFixed(1),
      `${(100 * cost).toFixed(1)} %`,
    );
    if (sent.sha !== one.sha) process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
