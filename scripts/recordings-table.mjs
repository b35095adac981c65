#!/usr/bin/env node
/**
 * Replays every recording beside the repository and prints docs/recordings.md.
 *
 *   npm run build && node scripts/recordings-table.mjs [--check] [--dist DIR] [--only WORD]
 *
 * Exit 0: as it must be; 1: a false alarm, a line not accounted for, a variant not told apart, or (`--check`) the page
 * is not what this prints; 2: not built, or no recordings.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { asVariant, factsOf, noTrace, recordingFiles, slowPathShapes } from './recordings/facts.mjs';
import { page } from './recordings/page.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const option = (name, fallback) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1];
};
const dist = resolve(option('--dist', join(root, 'dist')));
const only = option('--only', '');
const folder = join(root, '../shared/recordings');
const out = join(root, 'docs/recordings.md');

if (!existsSync(join(dist, 'src/analyse/analyse.js'))) {
  console.error('recordings-table: not built: run `npm run build` first');
  process.exit(2);
}
if (!existsSync(folder)) {
  console.error('recordings-table: no recordings beside the repository');
  process.exit(2);
}

const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { analyse } = await load('src/analyse/analyse.js');
const { CATALOGUE } = await load('src/replay/rules/catalogue.js');
const { VARIANTS } = await load('src/kernel/variants.js');
const variants = VARIANTS.map((v) => v.id);

const oracle = JSON.parse(readFileSync(join(root, 'scripts/oracle/expected.json'), 'utf8')).files;
const PREFIX = '../shared/recordings/';
const expected = Object.fromEntries(
  Object.entries(oracle)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, { opportunities }]) => [name.slice(PREFIX.length), opportunities]),
);

/** What the path without memory may look like under the variants left (`singlePath` of the table of variants). */
function demandedOf(candidates) {
  const shapes = candidates.map((id) => VARIANTS.find((v) => v.id === id).singlePath);
  const own = shapes.filter((s) => s.includes('call-rcu')).length;
  const ipi = shapes.filter((s) => s.includes('sync-ipi')).length;
  return {
    own: own === 0 ? 'never' : own === shapes.length ? 'always' : 'possible',
    ipi: ipi === 0 ? 'never' : ipi === shapes.length ? 'always' : 'possible',
  };
}

const recordings = [];
const others = [];
const wrongs = [];
const slow = [];
for (const name of recordingFiles(folder).filter((n) => n.includes(only))) {
  const what = noTrace(`/${name}`);
  if (what) {
    others.push([name, what]);
    continue;
  }
  const path = join(folder, name);
  let result;
  try {
    result = await analyse({ paths: [path] });
  } catch (error) {
    if (typeof error.code !== 'string') throw error;
    others.push([name, `refused: ${error.code}`]);
    continue;
  }
  const facts = factsOf(name, result);
  recordings.push(facts);
  if (facts.name.includes('slowpath')) {
    slow.push({
      recording: facts,
      demanded: demandedOf(facts.candidates),
      probed: name in expected,
      ...slowPathShapes(path),
    });
  }
  const excluded = variants.filter((v) => !facts.candidates.includes(v));
  const tried = excluded.length === 0 ? ['A1', 'C'] : expected[name] ? excluded : excluded.slice(0, 1);
  const runs = [];
  for (const variant of tried) {
    runs.push(asVariant(variant, await analyse({ paths: [path], variants: [variant], maxFindings: 1 })));
  }
  wrongs.push({ recording: facts, runs });
  if (process.argv.includes('--verbose')) console.error(`${name} ${facts.events} ${tried.join(' ')}`);
}

const { text, failures } = page({
  recordings,
  others,
  expected,
  catalogue: CATALOGUE,
  variants,
  wrongs,
  slow,
});
for (const failure of failures) console.error(failure);
if (process.argv.includes('--check')) {
  const same = existsSync(out) && readFileSync(out, 'utf8') === text;
  console.log(same ? 'docs/recordings.md is up to date' : 'docs/recordings.md is not what this prints');
  process.exit(same && failures.length === 0 ? 0 : 1);
}
if (only) process.stdout.write(text);
else writeFileSync(out, text);
process.exit(failures.length === 0 ? 0 : 1);
