#!/usr/bin/env node
/**
 * Breaks the recordings at hand in many random places and counts what the tool says: docs/damage.md.
 *
 *   npm run build && node scripts/damage-report.mjs [--check] [--places 50] [--only KIND] [--dist DIR] [--verbose]
 *
 * The damages are those of test/replay/damage (text in, text out, nothing of the tool); the replay is the whole path
 * from bytes to verdicts, in this process. `--check`: writes nothing, and fails if the page is not what it would
 * print. Exit 0: of every kind at least 95 % are violated, the rest unknown with a reason; 1: not so, or the page is
 * out of date; 2: nothing to do (not built, no recordings).
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import ts from 'typescript';
import { page } from './damage/page.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const args = process.argv.slice(2);
const flag = (name) => args.includes(name);
const option = (name, fallback) => (args.includes(name) ? args[args.indexOf(name) + 1] : fallback);
const dist = resolve(option('--dist', join(root, 'dist')));
const wanted = Number(option('--places', '50'));
const only = option('--only', '');

/** The richest kprobe recordings of each kernel. */
const RECORDINGS = [
  '6.12.117-lab-y/ftrace-kprobes',
  '6.12.117-lab-y/mt-munmap',
  '6.12.117-lab-y/gup-munmap',
  '6.12.117-lab-y/slowpath-failpagealloc',
  '6.12.117-lab-semi/ftrace-kprobes',
  '6.12.117-lab-semi/exit-mmap',
  '6.12.117-lab-semi/slowpath-failpagealloc',
  '6.12.117-lab-n/ftrace-kprobes',
  '6.12.117-lab-n/exit-mmap',
  '6.12.117-lab-n/gup-munmap',
  'debian-6.16.12/ftrace-kprobes',
  'debian-6.16.12/mt-munmap',
  'debian-6.16.12/exit-mmap',
].map((name) => ({ name, path: resolve(root, `../shared/recordings/${name}.txt.gz`) }));
/** Lines of a recording that are used, from its beginning: enough for many places, short enough for many runs. */
const CUT = 12_000;
/**
 * Kinds whose places are far apart in time, that need what comes a second later, or many broadcasts that were answered
 * in time.
 */
const WHOLE = new Set([
  'table-left-at-exit',
  'flush-after-exit',
  'handler-exit-after-return',
  'return-before-handler',
]);
/** Whether a handler that ends late is a clock that is ahead shows in many others that were in time. */
const BY_BROADCASTS = new Set(['handler-exit-after-return', 'return-before-handler']);
const MANY_BROADCASTS = 64;
/** Distinct places tried in one recording before the next one. */
const ROUND = 6;
const SEEDS_PER_ROUND = 12;

/** The damages, compiled: they import nothing but each other. */
async function damages() {
  const from = join(root, 'test/replay/damage');
  const to = mkdtempSync(join(tmpdir(), 'pttrace-damage-'));
  try {
    writeFileSync(join(to, 'package.json'), '{"type":"module"}');
    for (const name of readdirSync(from).filter((f) => f.endsWith('.ts') && !f.includes('.test.'))) {
      const { outputText } = ts.transpileModule(readFileSync(join(from, name), 'utf8'), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
      });
      writeFileSync(join(to, name.replace(/\.ts$/, '.js')), outputText);
    }
    return await import(pathToFileURL(join(to, 'damage.js')).href);
  } finally {
    rmSync(to, { recursive: true });
  }
}

const present = RECORDINGS.filter((r) => existsSync(r.path));
if (!existsSync(join(dist, 'src/analyse/analyse.js'))) {
  console.error('damage-report: not built: run `npm run build` first');
  process.exit(2);
}
if (present.length === 0) {
  console.error('damage-report: none of the recordings is here (../shared/recordings)');
  process.exit(2);
}

const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { analyse } = await load('src/analyse/analyse.js');
const { CATALOGUE } = await load('src/replay/rules/catalogue.js');
const { parseLitmus } = await load('src/litmus/parse.js');
const { ALL_DAMAGES, damageLines, readRecording } = await damages();

const replay = (lines) =>
  analyse({ paths: ['-'], stdin: Readable.from([Buffer.from(`${lines.join('\n')}\n`, 'latin1')]) });
const reportOf = (result, id) => result.invariants.find((i) => i.id === id);
const violated = (result) => result.invariants.filter((i) => i.instances.violated > 0).map((i) => i.id);

/** Reasons given more often than for the undamaged recording. */
function newReasons(before, after) {
  const old = new Map(before.unknowns.map((u) => [u.reason, u.count]));
  return after.unknowns.filter((u) => u.count > (old.get(u.reason) ?? 0)).map((u) => u.reason);
}

const tallies = new Map();
const tallyOf = (kind) => {
  if (!tallies.has(kind)) {
    tallies.set(kind, {
      kind,
      expected: '',
      outcome: 'violated',
      description: '',
      places: 0,
      violated: 0,
      other: new Map(),
      unknown: 0,
      missed: [],
      reasons: new Map(),
      recordings: new Set(),
      seen: new Set(),
      exhausted: new Set(),
    });
  }
  return tallies.get(kind);
};
const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

async function one(kind, recording, damage) {
  const tally = tallyOf(kind);
  tally.places++;
  tally.expected = damage.expected;
  tally.outcome = damage.outcome;
  tally.description = damage.description;
  tally.recordings.add(recording.name);
  const result = await replay(damage.lines);
  const after = reportOf(result, damage.expected);
  if (after.instances.violated > 0) {
    tally.violated++;
    return;
  }
  const reasons = newReasons(reportOf(recording.undamaged, damage.expected), after);
  if (reasons.length > 0) {
    tally.unknown++;
    for (const reason of reasons) count(tally.reasons, reason);
    const others = violated(result).filter((id) => damage.alternatives.includes(id));
    if (others.length > 0) count(tally.other, others[0]);
    if (flag('--verbose'))
      console.error(`unknown ${kind} ${recording.name} ${damage.where}: ${reasons.join(' | ')}`);
    return;
  }
  const others = violated(result).filter((id) => damage.alternatives.includes(id));
  if (others.length > 0) {
    count(tally.other, others[0]);
    tally.unknown++;
    count(tally.reasons, `named by ${others[0]} instead`);
    return;
  }
  tally.missed.push(`${recording.name} ${damage.where}`);
  console.error(`MISSED ${kind} ${recording.name} ${damage.where}: ${damage.expected} ${after.verdict}`);
}

async function open({ name, path }, whole) {
  const all = gunzipSync(readFileSync(path)).toString('latin1').split('\n').slice(0, -1);
  const recording = readRecording(whole ? all : all.slice(0, CUT));
  const undamaged = await replay(recording.text);
  const alarms = violated(undamaged);
  if (alarms.length > 0) console.error(`FALSE ALARM ${name}: ${alarms.join(' ')}`);
  return { name, recording, undamaged, alarms };
}

const falseAlarms = [];
const kinds = Object.keys(ALL_DAMAGES).filter((kind) => kind.includes(only));
for (let round = 0; round < 40; round++) {
  const open_ = (kind) => tallyOf(kind).places < wanted && tallyOf(kind).exhausted.size < present.length;
  if (!kinds.some(open_)) break;
  for (const file of present) {
    for (const whole of [false, true]) {
      const mine = kinds.filter(
        (k) => open_(k) && WHOLE.has(k) === whole && !tallyOf(k).exhausted.has(file.name),
      );
      if (mine.length === 0) continue;
      const recording = await open(file, whole);
      if (recording.alarms.length > 0 && round === 0)
        falseAlarms.push(`${file.name}: ${recording.alarms.join(' ')}`);
      for (const kind of mine) {
        const tally = tallyOf(kind);
        const broadcasts = reportOf(recording.undamaged, 'I24').instances.pass;
        if (BY_BROADCASTS.has(kind) && broadcasts < MANY_BROADCASTS) {
          tally.exhausted.add(file.name);
          continue;
        }
        let found = 0;
        for (let s = 0; s < SEEDS_PER_ROUND && found < ROUND && tally.places < wanted; s++) {
          const damage = damageLines(kind, recording.recording, round * SEEDS_PER_ROUND + s + 1);
          if (damage === null) break;
          const place = `${file.name} ${damage.where}`;
          if (tally.seen.has(place)) continue;
          tally.seen.add(place);
          found++;
          await one(kind, recording, damage);
        }
        if (found === 0) tally.exhausted.add(file.name);
      }
    }
  }
}

const litmus = readdirSync(join(root, 'fixtures/litmus'))
  .filter((f) => f.endsWith('.litmus'))
  .sort()
  .map((f) => parseLitmus(readFileSync(join(root, 'fixtures/litmus', f), 'utf8'), f));
const { text, failures } = page({
  tallies: [...tallies.values()],
  catalogue: CATALOGUE,
  litmus,
  present,
  wanted,
});
for (const failure of [...failures, ...falseAlarms.map((a) => `false alarm: ${a}`)])
  console.error(`damage-report: ${failure}`);
const target = join(root, 'docs/damage.md');
if (only !== '') console.log(text);
else if (flag('--check')) {
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
    console.error('damage-report: docs/damage.md is out of date: node scripts/damage-report.mjs');
    process.exitCode = 1;
  }
} else writeFileSync(target, text);
if (failures.length + falseAlarms.length > 0) process.exitCode = 1;
