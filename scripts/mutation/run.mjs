#!/usr/bin/env node
/**
 * Changes src/replay in one place at a time and looks whether the tests notice.
 *
 *   node scripts/mutation/run.mjs [--per-file 12] [--seed 1] [--only WORD] [--all] [--shard 1/2] [--out FILE.json]
 *   node scripts/mutation/run.mjs --again FILE.json [--slow | --tests NAME,…] --out FILE.json   what survived there
 *
 * Works on a copy in the system's temporary folder; nothing in the repository is changed but `--out`. The mutants of
 * each file are a random sample (`--all`: every one). A mutant is killed by a failing test, a crash, or a run that
 * takes far longer than the unchanged one. Exit 0; 1 when the tests fail unchanged.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { LEFT_OUT, MUTATED, SLOW_TESTS, TEST_PATTERNS, TESTS } from './config.mjs';
import { mutants } from './mutate.mjs';
import { prepare } from './tree.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const perFile = Number(option('per-file', '12'));
const seed = Number(option('seed', '1'));
const only = option('only', '');
const out = option('out', '');
const again = option('again', '');
/** Mutants per thread: what they leave in memory goes with it. */
const PER_WORKER = 40;

process.env.PTTRACE_MUTATION_ROOT = root;

/** Numbers in [0, 1) from a seed (mulberry32). */
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sample(list, n, numbers) {
  const rest = [...list];
  const taken = [];
  while (taken.length < n && rest.length > 0) {
    taken.push(...rest.splice(Math.floor(numbers() * rest.length), 1));
  }
  return taken.sort((a, b) => a.start - b.start);
}

let worker = null;
let served = 0;
/** What the worker says of a tree; `timeout` after `limit` ms, with a new thread for the next. */
function ask(message, limit) {
  if (!worker || served++ >= PER_WORKER) {
    worker?.terminate();
    worker = new Worker(new URL('./worker.mjs', import.meta.url), { stdout: true, stderr: true });
    worker.on('error', () => {});
    served = 0;
  }
  const mine = worker;
  return new Promise((done) => {
    const end = (answer) => {
      clearTimeout(timer);
      mine.removeAllListeners('message');
      mine.removeAllListeners('exit');
      done(answer);
    };
    const stop = (how) => {
      worker = null;
      mine.terminate();
      end({ failed: { test: how, message: '' } });
    };
    const timer = setTimeout(() => stop('timeout'), limit);
    mine.once('message', end);
    mine.once('exit', () => stop('crash'));
    mine.postMessage(message);
  });
}

const scratch = mkdtempSync(join(tmpdir(), 'pttrace-mutation-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const { sources, fresh, compiled } = prepare(root, scratch);
const files = [...sources.keys()]
  .filter((f) => f.startsWith(`${MUTATED}/`) && !(f.slice(MUTATED.length + 1) in LEFT_OUT))
  .sort();
const quick = [
  ...TESTS,
  ...[...sources.keys()].filter((f) => TEST_PATTERNS.some((p) => p.test(f))).sort(),
].filter((f) => sources.has(f));
const named = option('tests', '');
const tests = named
  ? [...sources.keys()].filter((f) => f.endsWith('.test.ts') && named.split(',').some((n) => f.includes(n)))
  : process.argv.includes('--slow')
    ? SLOW_TESTS
    : quick;

async function judge(id, change, limit) {
  const tree = join(scratch, `m${id}`);
  cpSync(fresh, tree, { recursive: true, verbatimSymlinks: true });
  if (change) writeFileSync(join(tree, change.file.replace(/\.ts$/, '.js')), change.js);
  const from = performance.now();
  const { failed } = await ask({ id, tree, tests }, limit);
  rmSync(tree, { recursive: true, force: true });
  return { failed, ms: performance.now() - from };
}

const unchanged = await judge('unchanged', null, 1_800_000);
if (unchanged.failed) {
  console.error(`the tests fail unchanged: ${JSON.stringify(unchanged.failed)}`);
  process.exit(1);
}
const limit = Math.max(60_000, unchanged.ms * 4);
console.log(`unchanged: ${tests.length} test files in ${(unchanged.ms / 1000).toFixed(1)} s`);

const results = again ? JSON.parse(readFileSync(again, 'utf8')).results : [];
const retry = again ? results.filter((r) => r.status === 'survived') : null;
const [part, parts] = option('shard', '1/1').split('/').map(Number);
let id = 0;
for (const file of files.filter((f, i) => f.includes(only) && i % parts === part - 1)) {
  const source = sources.get(file);
  const all = mutants(source, file);
  const numbers = random(seed * 1_000_003 + [...file].reduce((h, c) => (h * 31 + c.charCodeAt(0)) >>> 0, 7));
  const wanted = retry
    ? retry.filter((r) => r.file === file && source.slice(r.start, r.end) === r.old)
    : process.argv.includes('--all')
      ? all
      : sample(all, perFile, numbers);
  let killed = 0;
  for (const m of wanted) {
    const js = compiled(file, source.slice(0, m.start) + m.text + source.slice(m.end));
    const { failed, ms } = await judge(++id, { file, js }, limit);
    if (failed?.broken) throw new Error(JSON.stringify(failed));
    if (failed) killed++;
    const by = failed ? (failed.file ? `${failed.file}: ${failed.test}` : failed.test) : '';
    const old = source.slice(m.start, m.end);
    const status = failed ? (failed.test === 'timeout' ? 'timeout' : 'killed') : 'survived';
    const known = results.findIndex((r) => r.file === file && r.start === m.start && r.text === m.text);
    const result = {
      file,
      line: m.line,
      start: m.start,
      end: m.end,
      operator: m.operator,
      old,
      text: m.text,
      status,
      by,
      ms: Math.round(ms),
      of: all.length,
    };
    if (known >= 0) results[known] = result;
    else results.push(result);
    if (!failed)
      console.log(
        `survived ${file}:${m.line} ${m.operator}: ${old.split('\n')[0].slice(0, 90)} → ${m.text.slice(0, 60)}`,
      );
    if (out) {
      mkdirSync(dirname(resolve(out)), { recursive: true });
      writeFileSync(out, JSON.stringify({ seed, perFile, tests, results }));
    }
  }
  if (wanted.length > 0)
    console.log(`${file}: ${killed} of ${wanted.length} killed (${all.length} mutants in all)`);
}
worker?.terminate();
const dead = results.filter((r) => r.status !== 'survived').length;
console.log(`${dead} of ${results.length} killed: ${((100 * dead) / results.length).toFixed(1)} %`);
process.exit(0);
