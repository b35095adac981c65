// Compares what two checkouts print: every command on every fixture, standard output, standard error and exit code byte
// for byte. For changes that are meant to change no output.
//   node scripts/same-output.mjs [--base REF | --base-tree DIR] [--only WORD] [--no-build] [--list]
// --base REF (default main) is checked out and built in the temporary folder; --base-tree takes a built checkout.
// --only WORD runs the cases whose command line holds WORD. Exit status 1: something differs.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { runCommand } from './in-process.mjs';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const ENV = { TZ: 'UTC', LC_ALL: 'C', NO_COLOR: '1', GITHUB_ACTIONS: undefined };
const NO_TRACE = /README\.md$|\.litmus$|kernel-info|kprobe_events|available-functions/;

const fixtures = () =>
  readdirSync(join(HERE, 'fixtures'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(HERE.length + 1))
    .sort();

/** Command lines, each with its standard input: a file, or the output of another command line. */
function cases({ variants, rules, bugs, scenarios }) {
  const files = fixtures();
  const traces = files.filter((path) => !NO_TRACE.test(path));
  const all = [];
  const add = (args, stdin = null) => all.push({ args, stdin });
  const looks = [[], ['--plain'], ['--json']];
  for (const [i, path] of traces.entries()) {
    const probes = files
      .filter((f) => f.includes('kprobe_events') && dirname(f) === dirname(path))
      .slice(0, 1);
    const known = probes.flatMap((file) => ['--probes', file]);
    for (const look of looks) {
      add(['replay', path, ...known, ...look]);
      add(['info', path, ...look]);
      add(['hist', path, ...look]);
      add(['breakdown', path, ...look]);
    }
    add(['validate', path, ...known, '--json']);
    add(['validate', path, '--annotations', '--plain']);
    for (const to of ['jsonl', 'csv', 'ftrace', 'perfetto', 'chrome']) add(['convert', path, '--to', to]);
    for (const line of [30, 77]) add(['show', path, '--line', `${line}`, '--json']);
    add(['show', path, '--line', '120', '--plain']);
    for (const variant of ['A2', 'C']) add(['replay', path, ...known, '--what-if', variant, '--json']);
    add(['replay', '-', '--json', '--by', 'comm'], path);
    const next = traces[i + 1];
    if (next !== undefined && dirname(dirname(next)) === dirname(dirname(path))) {
      add(['compare', path, next]);
      add(['compare', path, next, '--json']);
    }
  }
  for (const rule of rules) for (const look of looks) add(['explain', rule, ...look]);
  for (const test of files.filter((f) => f.endsWith('.litmus')).map((f) => f.slice(-10, -7))) {
    add(['explain', test]);
    for (const order of ['bug', 'fixed']) {
      const log = ['litmus', test, '--ftrace', order];
      add(log);
      for (const look of looks) add(['replay', '-', ...look], log);
      add(['validate', '-'], log);
    }
  }
  for (const bug of bugs) {
    const log = ['simulate', '--bug', bug, '--munmaps', '10'];
    for (const look of looks) add(['replay', '-', ...look], log);
    add(['validate', '-', '--json'], log);
  }
  for (const look of looks) add(['litmus', ...look]);
  for (const reader of ['irqoff', 'rcu', 'preemptoff', 'lock', 'hw', 'free-path', 'nothing'])
    add(['explain', reader]);
  for (const variant of variants) {
    add(['explain', variant]);
    add(['explain', 'free-path', '--variant', variant]);
    add(['simulate', '--variant', variant, '--munmaps', '20', '--seed', '3']);
    add([
      'simulate',
      '--variant',
      variant,
      '--pressure',
      '1',
      '--munmaps',
      '5',
      '--summary',
      '--gup-readers',
      '1',
    ]);
    add(['simulate', '--variant', variant, '--munmaps', '40', '--json']);
  }
  add(['simulate', '--list-bugs']);
  add(['simulate', '--print-workload']);
  const kernels = files.filter((f) => f.includes('kernel-info'));
  for (const level of ['latency', 'tables', 'full']) {
    for (const tool of ['ftrace', 'trace-cmd', 'perf', 'bpftrace', 'kernel-info']) {
      add(['record', '--print', tool, '--level', level]);
      for (const kernel of kernels)
        add(['record', '--print', tool, '--level', level, '--kernel-info', kernel]);
    }
    for (const kernel of kernels) add(['record', '--dry-run', '--level', level, '--kernel-info', kernel]);
  }
  for (const { rule, scenario } of scenarios) {
    const asked = exploreFlags(scenario);
    for (const broken of [[], ['--broken', rule]])
      for (const look of [...looks, ['--ftrace'], ['--litmus'], ['--promela']])
        add(['explore', ...asked, ...broken, ...look]);
  }
  add(['explore', '--list']);
  const commands =
    'breakdown compare convert explain explore hist info litmus record replay show simulate validate';
  for (const command of commands.split(' ')) {
    add([command, '--help']);
    add([command, '--no-such-flag']);
    add([command, '/no/such/file']);
  }
  add(['--help']);
  add(['validate', '--print-policy']);
  return all;
}

/** A scenario of the machine as `pttrace explore` takes it. */
const exploreFlags = ({ variant, program, readers, cpus, memory, flush, ...on }) => [
  ...['--variant', variant, '--program', program, '--cpus', `${cpus}`, '--memory', memory],
  ...readers.flatMap((reader) => ['--reader', reader]),
  ...(flush === null ? [] : ['--flush', flush]),
  ...['pages', 'preempt', 'expedited', 'vcpus'].filter((name) => on[name]).map((name) => `--${name}`),
];

/** What `{ args, stdin }` leaves in a checkout; its place is not part of it. */
async function outcome(root, { args, stdin }) {
  const input = Array.isArray(stdin)
    ? (await runCommand(root, stdin, { env: ENV, cwd: HERE })).stdout
    : stdin === null
      ? ''
      : readFileSync(join(HERE, stdin));
  const { status, stdout, stderr } = await runCommand(root, args, { input, env: ENV, cwd: HERE });
  const placeless = (bytes) =>
    bytes.includes(root) ? Buffer.from(`${bytes}`.replaceAll(root, '<root>')) : bytes;
  return { status, stdout: placeless(stdout), stderr: placeless(stderr) };
}

const written = ({ args, stdin }) => {
  const from = Array.isArray(stdin) ? `pttrace ${stdin.join(' ')} | ` : '';
  return `${from}pttrace ${args.join(' ')}${typeof stdin === 'string' ? ` <${stdin}` : ''}`;
};

const digest = ({ status, stdout, stderr }) =>
  [status, ...[stdout, stderr].map((bytes) => createHash('sha256').update(bytes).digest('base64'))].join(' ');

/** One digest a line, in the order of the cases that come on standard input. */
async function worker(root) {
  const list = JSON.parse(readFileSync(0, 'utf8'));
  for (const one of list) process.stdout.write(`${digest(await outcome(root, one))}\n`);
}

const digests = (root, list) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--worker', root], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const lines = text.trimEnd().split('\n');
      if (code === 0 && lines.length === list.length) resolve(lines);
      else reject(new Error(`${root}: ended with ${code} after ${lines.length} of ${list.length} cases`));
    });
    child.stdin.end(JSON.stringify(list));
  });

function build(dir) {
  const run = spawnSync('npm', ['run', '--silent', 'build'], { cwd: dir, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${dir}: npm run build: ${run.stdout}${run.stderr}`);
}

function git(...args) {
  const run = spawnSync('git', args, { cwd: HERE, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`git ${args.join(' ')}: ${run.stderr}`);
  return run.stdout.trim();
}

/** A built checkout of `ref`, with this one's node_modules; `remove` takes it away again. */
function checkout(ref) {
  const dir = join(mkdtempSync(join(tmpdir(), 'pttrace-base-')), 'tree');
  const remove = () => {
    git('worktree', 'remove', '--force', dir);
    rmSync(dirname(dir), { recursive: true, force: true });
  };
  git('worktree', 'add', '--quiet', '--detach', dir, ref);
  try {
    symlinkSync(join(HERE, 'node_modules'), join(dir, 'node_modules'), 'dir');
    build(dir);
  } catch (error) {
    remove();
    throw error;
  }
  return { dir, remove };
}

/** The first line that differs, of each stream. */
function difference(a, b) {
  const said = [];
  if (a.status !== b.status) said.push(`exit code ${a.status}, now ${b.status}`);
  for (const stream of ['stdout', 'stderr']) {
    if (a[stream].equals(b[stream])) continue;
    const [x, y] = [a, b].map((one) => `${one[stream]}`.split('\n'));
    const at = x.findIndex((line, i) => line !== y[i]);
    const line = at < 0 ? x.length : at;
    const [before, now] = [x, y].map((lines) => (lines[line] === undefined ? 'ends' : `  ${lines[line]}`));
    said.push(
      `${stream} line ${line + 1}:\n    before: ${before.slice(0, 200)}\n    now:    ${now.slice(0, 200)}`,
    );
  }
  return said.join('\n  ');
}

async function main() {
  const { values } = parseArgs({
    options: {
      base: { type: 'string', default: 'main' },
      'base-tree': { type: 'string' },
      only: { type: 'string', default: '' },
      'no-build': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  if (!values['no-build'] || !existsSync(join(HERE, 'dist/cli/main.js'))) build(HERE);
  const load = (path) => import(pathToFileURL(join(HERE, 'dist/src', path)).href);
  const { VARIANTS, CATALOGUE } = await load('index.js');
  const { RULE_SCENARIOS: scenarios } = await load('explore/rule-scenarios.js');
  const listed = `${(await runCommand(HERE, ['simulate', '--list-bugs'])).stdout}`;
  const bugs = [...listed.matchAll(/^([a-z][a-z0-9-]+) /gm)].map((m) => m[1]);
  const sets = { bugs, scenarios, variants: VARIANTS.map((v) => v.id), rules: CATALOGUE.map((i) => i.name) };
  const list = cases(sets).filter((one) => written(one).includes(values.only));
  if (values.list) {
    for (const one of list) console.log(written(one));
    return;
  }
  const started = performance.now();
  const base = values['base-tree'] ? { dir: values['base-tree'], remove: () => {} } : checkout(values.base);
  try {
    const [before, now] = await Promise.all([digests(base.dir, list), digests(HERE, list)]);
    const changed = list.filter((_, i) => before[i] !== now[i]);
    for (const one of changed) {
      console.log(written(one));
      console.log(`  ${difference(await outcome(base.dir, one), await outcome(HERE, one))}`);
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(
      `${list.length} command lines, ${changed.length} differ from ${values['base-tree'] ?? values.base} (${seconds} s)`,
    );
    if (changed.length > 0) process.exitCode = 1;
  } finally {
    base.remove();
  }
}

if (process.argv[2] === '--worker') await worker(process.argv[3]);
else await main();
