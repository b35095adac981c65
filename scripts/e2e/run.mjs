// End-to-end test: boots a distribution's kernel in QEMU, records a munmap workload there with printed scripts and with
// `pttrace record`, copies the recordings out and replays them. See docs/record.md.
//
//   npm run e2e [-- --kernel FILE] [--level LEVEL] [--tools a,b] [--keep DIR] [--no-scripts] [--no-record] [--no-signals] [--kinds reclaim,shmem,…]
//                   [--record-kinds reclaim,…] [--kernel-info FILE] [--overhead] [--timeout SECONDS]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Best } from './best.mjs';
import { buildWorkload, findKernel, linkedFiles, nodeFiles, runGuest, which } from './guest.mjs';
import {
  infoJob,
  kindsOf,
  overheadJob,
  READER_KINDS,
  READER_LEVELS,
  readersJob,
  recordJob,
  scriptsJob,
  signalsJob,
} from './jobs.mjs';
import { payload } from './payload.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const CLI = join(ROOT, 'bin/run.js');
const TOOLS = { ftrace: null, 'trace-cmd': 'trace-cmd', perf: 'perf', bpftrace: 'bpftrace' };

/** What a tool's output does not show, so that the promise of the plan does not hold for it. See docs/record.md. */
const NOT_SHOWN = {
  perf: ['I02', 'I34', 'I44', 'I56'],
  bpftrace: ['I25', 'I34', 'I44', 'I47', 'I50', 'I53', 'I56'],
};
/**
 * bpftrace tells of losses elsewhere, and programs that interrupt each other on a CPU are skipped untold: what a workload does not do
 * is then not known to be absent.
 */
const UNTOLD = {
  bpftrace: /^(?:events were lost, or may have been|the trace shows none of the events it is about)/,
};

const MISSED = /missed (?:a hit|\d+ hits)/;

const { values: flags } = parseArgs({
  options: {
    kernel: { type: 'string' },
    level: { type: 'string', default: 'tables' },
    tools: { type: 'string', default: 'ftrace' },
    keep: { type: 'string' },
    cache: { type: 'string', default: join(tmpdir(), 'pttrace-e2e') },
    'kernel-info': { type: 'string' },
    overhead: { type: 'boolean', default: false },
    'no-scripts': { type: 'boolean', default: false },
    'no-record': { type: 'boolean', default: false },
    'no-signals': { type: 'boolean', default: false },
    kinds: { type: 'string', default: Object.keys(READER_KINDS).join(',') },
    'record-kinds': { type: 'string', default: 'reclaim' },
    timeout: { type: 'string', default: '1500' },
  },
});

const say = (text) => process.stdout.write(`${text}\n`);
const skip = (why) => {
  say(`skipped: ${why}`);
  process.exit(0);
};
const failures = [];
const check = (ok, what) => {
  say(`${ok ? 'ok  ' : 'FAIL'} ${what}`);
  if (!ok) failures.push(what);
};

for (const tool of ['qemu-system-x86_64', 'gcc', 'cpio', 'busybox']) {
  if (!which(tool)) skip(`${tool} is not installed`);
}
if (!existsSync(join(ROOT, 'dist'))) skip('not built: npm run build');
const kernel = findKernel(flags.kernel ?? null, flags.cache);
if (kernel.missing) skip(kernel.missing);
const tools = flags.tools.split(',').filter((tool) => {
  const program = TOOLS[tool];
  if (program && !which(program)) say(`without ${tool}: not installed here`);
  return !program || which(program);
});

const keep = flags.keep ?? mkdtempSync(join(tmpdir(), 'pttrace-e2e-run-'));
mkdirSync(keep, { recursive: true });
const onLine = (line) => {
  if (line.trim() !== '' && !/reboot: Power down/.test(line)) say(`  | ${line}`);
};
/** One boot of the kernel with these files and this job. */
const guest = (files, job, memory) =>
  runGuest({ kernel: kernel.image, files, job, memory, timeoutS: Number(flags.timeout), onLine });

try {
  await main();
} finally {
  if (!flags.keep) rmSync(keep, { recursive: true, force: true });
}
say(failures.length === 0 ? 'end-to-end test passed' : `${failures.length} checks failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function main() {
  say(`kernel: ${kernel.name}`);
  const files = {};
  for (const name of ['munmap-workload', 'reader-workload']) files[`bin/${name}`] = buildWorkload(keep, name);
  if (kernel.config) files[`boot/config-${kernel.name.split(' ')[0]}`] = kernel.config;

  const { KERNEL_INFO_COMMAND } = await load('record/kernel-info.js');
  let info = flags['kernel-info'];
  if (info === undefined) {
    const job = infoJob(KERNEL_INFO_COMMAND);
    const asked = await guest(files, job);
    info = store('kernel-info.txt', asked.files);
    say(`kernel-info.txt taken (${asked.seconds.toFixed(0)} s)`);
  }

  const plan = await planFor(info);
  say(`$ pttrace record --dry-run --level ${flags.level} --kernel-info kernel-info.txt`);
  say(pttrace(['record', '--dry-run', '--level', flags.level, '--kernel-info', info]).stdout.trimEnd());
  for (const tool of tools) {
    const script = pttrace(['record', '--print', tool, '--level', flags.level, '--kernel-info', info]).stdout;
    writeFileSync(join(keep, `${tool}.sh`), script);
    files[`scripts/${tool}.sh`] = join(keep, `${tool}.sh`);
    if (TOOLS[tool]) Object.assign(files, linkedFiles(which(TOOLS[tool])));
  }
  if (flags.overhead) await overhead(info, files);
  if (!flags['no-scripts']) await scripts(plan, files);
  if (!flags['no-record']) await record(plan, files);
  if (!flags['no-record'] && !flags['no-signals']) await signals(plan, files);
  const kinds = kindsOf(flags.kinds);
  if (READER_LEVELS.includes(flags.level) && kinds.length > 0) await readers(plan, info, files, kinds);
}

/** The printed scripts, each with the workload. */
async function scripts(plan, files) {
  const memory = tools.length > 1 ? '3G' : '1G';
  const ran = await guest(files, scriptsJob(tools), memory);
  say(`scripts ran (${ran.seconds.toFixed(0)} s)`);
  for (const tool of tools) {
    check(
      ran.console.includes(`[tracefs] after the ${tool} script: as it was before`),
      `${tool}: leaves nothing behind`,
    );
    const shown = plan.filter((id) => !NOT_SHOWN[tool]?.includes(id));
    replay(store(`${tool}.gz`, ran.files), shown, tool);
  }
}

/** `pttrace record` itself, in a guest with Node. */
async function record(plan, files) {
  const kinds = READER_LEVELS.includes(flags.level) ? kindsOf(flags['record-kinds']) : [];
  const { console, sent } = await withNode(files, recordJob(flags.level, kinds), 'record');
  exits(console, { record: 0 });
  left(console, 'after record');
  const recorded = [[store('live.gz', sent), 'record, live.gz']];
  for (const kind of kinds) {
    const name = `walked-${kind}`;
    exits(console, { [name]: 0 });
    left(console, `after record of ${kind}`);
    const file = store(`${name}.gz`, sent);
    const { readers: seen, headline } = JSON.parse(pttrace(['readers', file, '--json']).stdout);
    if (seen) check(seen.inside.atFree.walkers === 0, `${name}: ${seen.lookups} lookups; ${headline}`);
    else check(kind === 'pfnmap' || !showsLookups(plan), `${name}: ${headline}`);
    recorded.push([file, `record, ${name}.gz`]);
  }
  const best = new Best(plan, say);
  for (const [file, what] of recorded) best.take(replay(file, plan, what));
  if (kinds.length > 0) best.say('live and walked together');
}

/** Kernels before 6.5 look tables up inline: what promises to judge readers in tables shows who looks them up. */
function showsLookups(plan) {
  return plan.includes('I05');
}

/** What is left of `pttrace record` when it is killed. */
async function signals(plan, files) {
  const { console, sent } = await withNode(files, signalsJob(flags.level), 'signals');
  exits(console, { SIGINT: 130, SIGTERM: 143, SIGKILL: 137, cleanup: 0 });
  for (const when of ['after SIGINT', 'after SIGTERM', 'after SIGKILL and pttrace record --cleanup'])
    left(console, when);
  if (files['scripts/ftrace.sh'])
    left(console, 'after the ftrace script was killed, and pttrace record --cleanup');
  const changed = console.includes('[tracefs] after SIGKILL, before the recovery command: CHANGED');
  check(changed, 'SIGKILL does leave something for the recovery command');
  for (const name of ['INT.gz', 'TERM.gz']) replay(store(name, sent), plan, `record, ${name}`);
}

async function withNode(files, job, what) {
  const all = { ...files, ...nodeFiles(), pttrace: { tree: payload(ROOT) } };
  const ran = await guest(all, job, '2G');
  say(`${what} ran (${ran.seconds.toFixed(0)} s)`);
  for (const name of ran.files.keys()) store(name, ran.files);
  return { console: ran.console, sent: ran.files };
}

function exits(text, codes) {
  for (const [what, code] of Object.entries(codes)) {
    check(new RegExp(`^\\[exit\\] ${what} ${code}\\r?$`, 'm').test(text), `${what}: exit ${code}`);
  }
}

function left(text, when) {
  check(text.includes(`[tracefs] ${when}: as it was before`), `tracefs ${when}: as it was`);
}

/** What a recording at each level costs the null workload (forks) and the munmap loop, in centiseconds. */
async function overhead(info, files) {
  const { LEVELS } = await load('record/levels.js');
  const scripts = new Map(LEVELS.map((level) => [level, ['--level', level]]));
  scripts.set('locks-filtered', ['--level', 'locks', '--comm', 'munmap-workload']);
  for (const [name, args] of scripts) {
    const script = pttrace(['record', '--print', 'ftrace', ...args, '--kernel-info', info]).stdout;
    writeFileSync(join(keep, `${name}.sh`), script);
    files[`scripts/${name}.sh`] = join(keep, `${name}.sh`);
  }
  const job = overheadJob([...scripts.keys()], 1);
  const ran = await guest(files, job, '2G');
  const loop = (name) =>
    [...ran.console.matchAll(new RegExp(`^\\[loop\\] ${name} (\\d+)`, 'gm'))].map((m) => Number(m[1]));
  say(`overhead (${ran.seconds.toFixed(0)} s): level, munmap loop, null workload, events`);
  say(`     without: ${loop('none').join(' ')} cs`);
  for (const name of scripts.keys()) {
    const nothing = new RegExp(`^\\[null\\] ${name} (.*)$`, 'm').exec(ran.console)?.[1]?.trim();
    const events = new RegExp(`^\\[events\\] ${name} (\\d+)`, 'm').exec(ran.console)?.[1];
    say(`     ${name}: ${loop(name).join(' ')} cs; ${nothing}; ${events} events`);
  }
}

/** Recordings of tables that are freed while readers walk them, by the tools that show who does; bpftrace without a filter. */
async function readers(plan, info, files, kinds) {
  const runs = kinds.flatMap((kind) =>
    tools.includes('bpftrace') ? [{ script: 'bpftrace', kind, name: `bpftrace-${kind}` }] : [],
  );
  if (runs.length === 0 || tools.includes('ftrace')) {
    const script = ['record', '--print', 'ftrace', '--level', flags.level, '--comm', 'rd-*,wk-*'];
    writeFileSync(join(keep, 'readers.sh'), pttrace([...script, '--kernel-info', info]).stdout);
    files['scripts/readers.sh'] = join(keep, 'readers.sh');
    runs.push(...kinds.map((kind) => ({ script: 'readers', kind, name: kind })));
  }
  const ran = await guest(files, readersJob(runs), '3G');
  say(`readers ran (${ran.seconds.toFixed(0)} s)`);
  const best = new Best(plan, say);
  let inside = 0;
  for (const { script, kind, name } of runs) {
    exits(ran.console, { [name]: 0 });
    left(ran.console, `after ${name}`);
    const file = store(`${name}.gz`, ran.files);
    const seen = JSON.parse(pttrace(['readers', file, '--json']).stdout);
    if (seen.readers) {
      const { atUnlink, atFree } = seen.readers.inside;
      inside += atUnlink.walkers + atUnlink.gupFast;
      check(atFree.walkers === 0, `${name}: ${seen.readers.lookups} lookups; ${seen.headline}`);
    } else check(kind === 'pfnmap' || !showsLookups(plan), `${name}: ${seen.headline}`);
    if (script === 'bpftrace') shownByBpftrace(file, name, kind);
    else best.take(replay(file, plan, name));
  }
  if (!runs.some((run) => run.script === 'readers')) return;
  if (showsLookups(plan))
    check(inside > 0, `${inside} readers were inside at an unlink, so that the rules had something to judge`);
  best.say('all kinds together');
}

/** What bpftrace reads and fetch arguments cannot: whole tables, and what a CPU has loaded. And who was in a table. */
function shownByBpftrace(file, what, kind) {
  const { invariants, inputs } = JSON.parse(pttrace(['replay', file, '--json']).stdout);
  const { lines } = inputs[0];
  check(lines.skipped === 0 && lines.foreign === 0, `${what}: every line understood (${lines.event} events)`);
  const ids = (verdict) => invariants.filter((i) => i.verdict === verdict).map((i) => i.id);
  for (const verdict of ['pass', 'not-applicable', 'unknown'])
    say(`     ${verdict}: ${ids(verdict).join(' ')}`);
  check(ids('violated').length === 0, `${what}: violated: ${ids('violated').join(' ') || 'none'}`);
  for (const id of kind === 'reclaim' ? ['I05', 'I17', 'I26'] : ['I26']) {
    const { verdict, instances, reason } = invariants.find((i) => i.id === id);
    check(
      verdict === 'pass' || verdict === 'not-applicable',
      `${what}: ${id} ${verdict}, ${instances.pass} passed ${reason}`,
    );
  }
}

async function load(path) {
  return import(pathToFileURL(join(ROOT, 'dist/src', path)).href);
}

async function planFor(info) {
  const { parseKernelInfo } = await load('record/kernel-info.js');
  const { planRecording, promisedIds } = await load('record/plan.js');
  return promisedIds(planRecording(parseKernelInfo(readFileSync(info, 'utf8')), flags.level));
}

function store(name, sent) {
  const file = join(keep, name);
  if (!sent.has(name)) throw new Error(`the guest sent no ${name}`);
  writeFileSync(file, sent.get(name));
  return file;
}

function pttrace(args) {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', maxBuffer: 256 << 20 });
}

/** Replays without flags: exit 0, bases from the recording, nothing promised is left unknown for want of a probe. */
function replay(file, promised, what) {
  const run = pttrace(['replay', file, '--json']);
  check(run.status === 0, `${what}: replay exits 0${run.status === 0 ? '' : `: ${run.stderr}`}`);
  if (run.status !== 0 && run.status !== 1) return new Map();
  const result = JSON.parse(run.stdout);
  const lines = result.inputs[0].lines;
  check(lines.skipped === 0 && lines.foreign === 0, `${what}: every line understood (${lines.event} events)`);
  check(result.bases.how === 'recorded', `${what}: address bases ${result.bases.how}`);
  const verdicts = new Map(result.invariants.map((i) => [i.id, i]));
  const of = (verdict) => promised.filter((id) => verdicts.get(id).verdict === verdict);
  say(`     pass: ${of('pass').join(' ')}`);
  say(`     nothing of the kind happened: ${of('not-applicable').join(' ')}`);
  // A kprobe that is hit while another is handled records nothing: that is told, and no promise.
  const someMissed = result.inputs[0].notes.some((note) => note.code.startsWith('missed-'));
  const hidden = of('unknown').filter((id) => {
    const { unknowns, instances } = verdicts.get(id);
    return someMissed && (instances.pass > 0 || unknowns.every((u) => MISSED.test(u.reason)));
  });
  const doubted = of('unknown').filter((id) =>
    [verdicts.get(id), ...verdicts.get(id).unknowns].some((u) => UNTOLD[what]?.test(u.reason)),
  );
  if (doubted.length > 0) say(`     unknown in part, as losses may be untold: ${doubted.join(' ')}`);
  hidden.push(...doubted);
  const open = [...of('unknown'), ...of('violated')].filter((id) => !hidden.includes(id));
  if (hidden.length > 0) say(`     unknown in part, as probes missed hits: ${hidden.join(' ')}`);
  check(open.length === 0, `${what}: the ${promised.length} promised invariants are decided`);
  for (const id of open) say(`     ${id} ${verdicts.get(id).verdict}: ${verdicts.get(id).reason}`);
  return new Map(promised.map((id) => [id, verdicts.get(id).verdict]));
}
