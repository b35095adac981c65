// Runs a GitHub Actions workflow on this machine, as far as the workflows of docs/ci need it.
//   node scripts/run-workflow.mjs FILE [--workspace DIR] [--out DIR] [--job ID]
// `run:` steps go through `bash -e` in a copy of the workspace, with GITHUB_ENV, _OUTPUT, _PATH and _STEP_SUMMARY;
// `uses:` steps through the stand-ins below; `pttrace` is this project's, installed by a stand-in of npm. Whatever is
// not known here is refused by name before anything runs. Exit status 1: a job failed.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { evaluate, fill } from './workflow-expressions.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const KNOWN = {
  workflow: ['name', 'on', 'permissions', 'env', 'jobs'],
  job: ['name', 'runs-on', 'timeout-minutes', 'strategy', 'env', 'steps'],
  strategy: ['fail-fast', 'matrix'],
  step: ['name', 'id', 'if', 'uses', 'with', 'run', 'env'],
};

/** Action → what stands in for it; `inputs` are the names it takes. It throws as the action would fail. */
export const STAND_INS = {
  'actions/checkout': { inputs: [], run: () => 'the workspace is a copy already' },
  'actions/setup-node': {
    inputs: ['node-version'],
    run: ({ inputs }) => {
      const has = Number(process.versions.node.split('.')[0]);
      if (!(Number(inputs['node-version']) >= 20)) throw new Error('pttrace needs Node 20 or newer');
      return `Node ${has} of this machine stands in for ${inputs['node-version']}`;
    },
  },
  'github/codeql-action/upload-sarif': {
    inputs: ['sarif_file', 'category'],
    run: ({ inputs, cwd }) => {
      const log = JSON.parse(readFileSync(join(cwd, inputs.sarif_file), 'utf8'));
      if (log.version !== '2.1.0') throw new Error(`${inputs.sarif_file} is no SARIF 2.1.0`);
      return `${log.runs.flatMap((r) => r.results).length} results as ${inputs.category}`;
    },
  },
  'actions/upload-artifact': {
    inputs: ['name', 'path'],
    run: ({ inputs, cwd, out }) => {
      const paths = inputs.path.split('\n').filter((p) => p !== '' && existsSync(join(cwd, p)));
      if (paths.length === 0) throw new Error(`no file of ${inputs.path} exists`);
      for (const path of paths) {
        cpSync(join(cwd, path), join(out, 'artifacts', inputs.name, path), { recursive: true });
      }
      return `${paths.join(', ')} as ${inputs.name}`;
    },
  },
};

function onlyKnown(what, object, place) {
  for (const key of Object.keys(object ?? {})) {
    if (!KNOWN[what].includes(key)) throw new Error(`${place}: "${key}" is not known to this runner`);
  }
}

/** Throws an Error naming what this runner cannot run. */
export function checkWorkflow(workflow) {
  onlyKnown('workflow', workflow, 'workflow');
  for (const [id, job] of Object.entries(workflow.jobs)) {
    onlyKnown('job', job, `job ${id}`);
    onlyKnown('strategy', job.strategy, `job ${id}, strategy`);
    for (const [name, values] of Object.entries(job.strategy?.matrix ?? {})) {
      if (name === 'include' || name === 'exclude' || !Array.isArray(values)) {
        throw new Error(`job ${id}, matrix: "${name}" is not known to this runner`);
      }
    }
    job.steps.forEach((step, i) => {
      const place = `job ${id}, step ${i + 1}`;
      onlyKnown('step', step, place);
      if ((step.run === undefined) === (step.uses === undefined)) throw new Error(`${place}: run or uses`);
      if (step.uses === undefined) return;
      const [action, version] = step.uses.split('@');
      const known = STAND_INS[action];
      if (!known) throw new Error(`${place}: action "${action}" is not known to this runner`);
      if (!/^v\d/.test(version ?? '')) throw new Error(`${place}: ${action} names no version`);
      for (const input of Object.keys(step.with ?? {})) {
        if (!known.inputs.includes(input)) {
          throw new Error(`${place}: input "${input}" of ${action} is not known to this runner`);
        }
      }
    });
  }
}

function combinations(matrix) {
  return Object.entries(matrix ?? {}).reduce(
    (all, [key, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
}

/** Programs that the steps find first: this project's pttrace, and an npm that installs nothing else. */
function standInPrograms(dir) {
  mkdirSync(dir, { recursive: true });
  const program = (name, text) => {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, name), 0o755);
  };
  const run = `exec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"`;
  const installed = join(dir, 'installed');
  program('pttrace', `[ -e "${installed}" ] || { echo "pttrace: not installed" >&2; exit 127; }\n${run}`);
  program(
    'npm',
    `[ "$*" = "install --global pttrace" ] || { echo "npm $*: not known to this runner" >&2; exit 1; }
: > "${installed}"`,
  );
}

/** Lines `KEY=value` and `KEY<<END … END` of a file that steps append to. */
export function readSettings(path) {
  const settings = {};
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  for (let i = 0; i < lines.length; i++) {
    const long = /^([^=<]+)<<(\S+)$/.exec(lines[i]);
    const short = /^([^=]+)=(.*)$/.exec(lines[i]);
    if (long) {
      const end = lines.indexOf(long[2], i + 1);
      if (end < 0) throw new Error(`${basename(path)}: ${long[1]} has no end`);
      settings[long[1]] = lines.slice(i + 1, end).join('\n');
      i = end;
    } else if (short) settings[short[1]] = short[2];
  }
  return settings;
}

const ANNOTATION = /^::(error|warning|notice)(?: (.*?))?::(.*)$/;
const unescaped = (s) =>
  s
    .replaceAll('%2C', ',')
    .replaceAll('%3A', ':')
    .replaceAll('%0A', '\n')
    .replaceAll('%0D', '\r')
    .replaceAll('%25', '%');

/** Workflow commands in the output of a step, as GitHub would show them. */
export function annotationsOf(text) {
  return text.split('\n').flatMap((line) => {
    const m = ANNOTATION.exec(line);
    if (!m) return [];
    const pairs = (m[2] ?? '')
      .split(',')
      .filter(Boolean)
      .map((p) => p.split(/=(.*)/s));
    const properties = Object.fromEntries(pairs.map(([key, value]) => [key, unescaped(value)]));
    return [{ level: m[1], ...properties, message: unescaped(m[3]) }];
  });
}

function runJob(id, job, matrix, workflow, { workspace, out, log }) {
  const place = mkdtempSync(join(out, `${id}-`));
  const cwd = join(place, 'workspace');
  cpSync(workspace, cwd, { recursive: true });
  standInPrograms(join(place, 'bin'));
  const files = Object.fromEntries(
    ['ENV', 'OUTPUT', 'PATH', 'STEP_SUMMARY'].map((name) => [
      `GITHUB_${name}`,
      join(place, name.toLowerCase()),
    ]),
  );
  for (const file of Object.values(files)) writeFileSync(file, '');
  const context = { matrix, steps: {}, env: {}, github: { workspace: cwd, job: id }, failed: false };
  const strings = (object) =>
    Object.fromEntries(Object.entries(object ?? {}).map(([k, v]) => [k, fill(String(v), context)]));
  context.env = strings(workflow.env);
  context.env = { ...context.env, ...strings(job.env) };
  const name = job.name === undefined ? id : fill(job.name, context);
  const steps = [];
  for (const step of job.steps) {
    const title = step.name ?? step.uses ?? step.run.split('\n')[0];
    const condition =
      step.if === undefined ? 'success()' : String(step.if).replace(/^\$\{\{(.*)\}\}$/s, '$1');
    // Without a status function a condition holds only while nothing has failed.
    const status = /\b(?:success|failure|always|cancelled)\s*\(/.test(condition);
    const wanted = evaluate(status ? condition : `success() && (${condition})`, context);
    const done = { name: title, outcome: 'skipped', output: '' };
    if (wanted) {
      const result =
        step.uses === undefined
          ? runStep(step, { ...context.env, ...strings(step.env) }, { cwd, place, files })
          : runAction(step.uses.split('@')[0], strings(step.with), { cwd, out });
      done.outcome = result.status === 0 ? 'success' : 'failure';
      done.output = result.output;
      context.failed ||= result.status !== 0;
      Object.assign(context.env, readSettings(files.GITHUB_ENV));
    }
    if (step.id !== undefined) {
      context.steps[step.id] = { outcome: done.outcome, outputs: readSettings(files.GITHUB_OUTPUT) };
    }
    writeFileSync(files.GITHUB_OUTPUT, '');
    steps.push(done);
    log(`[${name}] ${done.outcome.padEnd(7)} ${title}\n${done.output.replace(/^(?=.)/gm, '  | ')}`);
  }
  return {
    job: id,
    name,
    matrix,
    steps,
    conclusion: context.failed ? 'failure' : 'success',
    annotations: annotationsOf(steps.map((s) => s.output).join('\n')),
    summary: readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8'),
    workspace: cwd,
  };
}

function runStep(step, env, { cwd, place, files }) {
  const script = join(place, 'step.sh');
  writeFileSync(script, step.run);
  const added = readFileSync(files.GITHUB_PATH, 'utf8').split('\n').filter(Boolean);
  const path = [...added, join(place, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
  // stderr and stdout in the order they come, as the log of a job shows them.
  const run = spawnSync('bash', ['-c', 'exec bash -e "$1" 2>&1', 'step', script], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: {
      ...process.env,
      ...env,
      ...files,
      PATH: path,
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: cwd,
      RUNNER_TEMP: place,
    },
  });
  return { status: run.status, output: run.stdout };
}

function runAction(action, inputs, place) {
  try {
    return { status: 0, output: `${STAND_INS[action].run({ inputs, ...place })}\n` };
  } catch (error) {
    return { status: 1, output: `${action}: ${error.message}\n` };
  }
}

/** Every job for every combination of its matrix, one after the other. `only`: this job. */
export function runWorkflow(file, { workspace, out, only, log = () => {} }) {
  const workflow = parse(readFileSync(file, 'utf8'));
  checkWorkflow(workflow);
  const results = [];
  for (const [id, job] of Object.entries(workflow.jobs)) {
    if (only !== undefined && only !== id) continue;
    for (const matrix of combinations(job.strategy?.matrix)) {
      results.push(runJob(id, job, matrix, workflow, { workspace, out, log }));
      if (job.strategy?.['fail-fast'] !== false && results.at(-1).conclusion === 'failure') break;
    }
  }
  return results;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? undefined : process.argv[at + 1];
  };
  const given = option('out');
  const out = given === undefined ? mkdtempSync(join(tmpdir(), 'pttrace-workflow-')) : resolve(given);
  mkdirSync(out, { recursive: true });
  try {
    const results = runWorkflow(process.argv[2], {
      workspace: resolve(option('workspace') ?? '.'),
      out,
      only: option('job'),
      log: (text) => process.stdout.write(text),
    });
    for (const r of results) console.log(`${r.conclusion}: ${r.name}, ${r.annotations.length} annotations`);
    if (results.some((r) => r.conclusion === 'failure')) process.exitCode = 1;
  } catch (error) {
    console.error(`run-workflow: ${error.message}`);
    process.exitCode = 2;
  } finally {
    if (given === undefined) rmSync(out, { recursive: true, force: true });
  }
}
