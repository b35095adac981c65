// Runs a GitHub Actions workflow on this machine, as far as the workflows of docs/ci need it.
//   node scripts/run-workflow.mjs FILE [--workspace DIR] [--out DIR] [--job ID]
// `run:` steps go through `bash -e` in a copy of the workspace, with GITHUB_ENV, _OUTPUT, _PATH and _STEP_SUMMARY;
// `uses:` steps through the stand-ins below, composite actions of the workspace (`./FOLDER`) step by step; a checkout of another
// repository is this project. `pttrace` is this project's, installed by a stand-in of npm. Whatever is
// not known here is refused by name before anything runs. Exit status 1: a job failed.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { inputsOf, isLocal, readAction } from './workflow-composite.mjs';
import { evaluate, fill } from './workflow-expressions.mjs';
import { checkUses, STAND_INS, standInPrograms } from './workflow-stand-ins.mjs';

const KNOWN = {
  workflow: ['name', 'on', 'permissions', 'env', 'jobs'],
  job: ['name', 'runs-on', 'timeout-minutes', 'strategy', 'env', 'steps', 'needs'],
  strategy: ['fail-fast', 'matrix'],
  step: ['name', 'id', 'if', 'uses', 'with', 'run', 'env'],
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
      if (step.uses === undefined || isLocal(step.uses)) return;
      checkUses(step, place);
    });
    for (const needed of [job.needs ?? []].flat())
      if (!Object.hasOwn(workflow.jobs, needed)) throw new Error(`job ${id} needs ${needed}, which is none`);
  }
}

function combinations(matrix) {
  return Object.entries(matrix ?? {}).reduce(
    (all, [key, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
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

function runJob(id, job, matrix, workflow, { workspace, out, log, program }) {
  const place = mkdtempSync(join(out, `${id}-`));
  const cwd = join(place, 'workspace');
  cpSync(workspace, cwd, { recursive: true });
  standInPrograms(join(place, 'bin'), program);
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
  const steps = runSteps(job.steps, context, {
    cwd,
    place,
    out,
    files,
    log: (text) => log(`[${name}] ${text}`),
  });
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

/** `context` is that of a job, or of a composite action; its `failed` and `env` change with the steps. */
function runSteps(list, context, job) {
  const strings = (object) =>
    Object.fromEntries(Object.entries(object ?? {}).map(([k, v]) => [k, fill(String(v), context)]));
  const done = [];
  for (const step of list) {
    const name = step.name ?? step.uses ?? step.run.split('\n')[0];
    const condition =
      step.if === undefined ? 'success()' : String(step.if).replace(/^\$\{\{(.*)\}\}$/s, '$1');
    // Without a status function a condition holds only while nothing has failed.
    const status = /\b(?:success|failure|always|cancelled)\s*\(/.test(condition);
    const wanted = evaluate(status ? condition : `success() && (${condition})`, context);
    const result = wanted
      ? runOne(step, context, strings, job)
      : { status: null, output: '', outputs: {}, steps: [] };
    const outcome = result.status === null ? 'skipped' : result.status === 0 ? 'success' : 'failure';
    context.failed ||= outcome === 'failure';
    Object.assign(context.env, readSettings(job.files.GITHUB_ENV));
    if (step.id !== undefined) context.steps[step.id] = { outcome, outputs: result.outputs };
    done.push(...result.steps, { name, outcome, output: result.output });
    job.log(`${outcome.padEnd(7)} ${name}\n${result.output.replace(/^(?=.)/gm, '  | ')}`);
  }
  return done;
}

function runOne(step, context, strings, job) {
  if (step.run !== undefined) {
    writeFileSync(job.files.GITHUB_OUTPUT, '');
    const result = runStep(step, { ...context.env, ...strings(step.env) }, job);
    return { ...result, outputs: readSettings(job.files.GITHUB_OUTPUT), steps: [] };
  }
  const given = strings(step.with);
  if (!isLocal(step.uses))
    return { ...runAction(step.uses.split('@')[0], given, job), outputs: {}, steps: [] };
  try {
    return runComposite(join(job.cwd, step.uses), given, context, job);
  } catch (error) {
    return { status: 1, output: `${step.uses}: ${error.message}\n`, outputs: {}, steps: [] };
  }
}

function runComposite(folder, given, { env, github }, job) {
  const action = readAction(folder);
  action.runs.steps.forEach((step, i) => {
    if (step.uses !== undefined) checkUses(step, `action.yml, step ${i + 1}`);
  });
  const inner = {
    matrix: {},
    steps: {},
    env: { ...env },
    inputs: inputsOf(action, given),
    github: { ...github, action_path: folder },
    failed: false,
  };
  const steps = runSteps(action.runs.steps, inner, job);
  const outputs = Object.fromEntries(
    Object.entries(action.outputs ?? {}).map(([name, { value }]) => [name, fill(value, inner)]),
  );
  return { status: inner.failed ? 1 : 0, output: '', outputs, steps };
}

function runStep(step, env, { cwd, place, files }) {
  const script = join(place, 'step.sh');
  writeFileSync(script, step.run);
  const added = readFileSync(files.GITHUB_PATH, 'utf8').split('\n').filter(Boolean);
  const path = [...added, join(place, 'bin'), process.env.PATH].join(delimiter);
  // stderr and stdout in the order they come, as the log of a job shows them.
  // A step that names its shell has a pipe fail with any of its parts.
  const shell = step.shell === 'bash' ? 'bash -eo pipefail' : 'bash -e';
  const run = spawnSync('bash', ['-c', `exec ${shell} "$1" 2>&1`, 'step', script], {
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

/**
 * Every job for every combination of its matrix, one after the other, behind those it needs. `only`: this job; `program`: what
 * stands in for an installed pttrace, by default this project's.
 */
export function runWorkflow(file, { workspace, out, only, log = () => {}, program }) {
  const workflow = parse(readFileSync(file, 'utf8'));
  checkWorkflow(workflow);
  const results = [];
  for (const [id, job] of Object.entries(workflow.jobs)) {
    if (only !== undefined && only !== id) continue;
    const needed = [job.needs ?? []].flat();
    if (results.some((r) => needed.includes(r.job) && r.conclusion !== 'success')) {
      results.push({
        job: id,
        name: id,
        matrix: {},
        steps: [],
        conclusion: 'skipped',
        annotations: [],
        summary: '',
        workspace: '',
      });
      continue;
    }
    for (const matrix of combinations(job.strategy?.matrix)) {
      results.push(runJob(id, job, matrix, workflow, { workspace, out, log, program }));
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
