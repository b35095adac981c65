#!/usr/bin/env node
/**
 * How many opportunities of each recording were decided, rule by rule; two such lists beside each other.
 *
 *   npm run build && node scripts/decided.mjs [--dist DIR] [--only WORD] [--save FILE] [--before FILE] [PATH…]
 *
 * PATH: files and folders; default the recordings beside the repository and `fixtures/`. An opportunity is one instance
 * of one rule; decided are those that pass or are violated, not the censored ones. Exit 0; 1: a share fell, or a
 * recording says violated that did not before (`--before`); 2: not built.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dist: { type: 'string', default: join(root, 'dist') },
    only: { type: 'string', default: '' },
    save: { type: 'string' },
    before: { type: 'string' },
  },
});
const analyser = ['src/analyse/analyse.js', 'src/analyse.js']
  .map((p) => join(resolve(options.dist), p))
  .find(existsSync);
if (!analyser) {
  console.error('decided: not built: run `npm run build` first');
  process.exit(2);
}
const { analyse } = await import(pathToFileURL(analyser).href);

const filesIn = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .flatMap((name) => filesIn(join(path, name)))
    : [path];
const places =
  positionals.length > 0 ? positionals : ['../shared/recordings', 'fixtures'].map((p) => join(root, p));
const files = places
  .filter(existsSync)
  .flatMap(filesIn)
  .filter((f) => f.includes(options.only));

/** file → rule → [pass, violated, unknown] */
const counted = {};
for (const path of files) {
  let result;
  try {
    result = await analyse({ paths: [path] });
  } catch (error) {
    if (typeof error.code !== 'string') throw error;
    continue;
  }
  const rules = {};
  for (const { id, instances } of result.invariants) {
    const { pass, violated, unknown } = instances;
    if (pass + violated + unknown > 0) rules[id] = [pass, violated, unknown];
  }
  if (Object.keys(rules).length > 0) counted[relative(root, resolve(path))] = rules;
}
if (options.save) writeFileSync(options.save, `${JSON.stringify(counted, null, 1)}\n`);

const sum = (rules) =>
  Object.values(rules).reduce(([p, v, u], r) => [p + r[0], v + r[1], u + r[2]], [0, 0, 0]);
const share = ([p, v, u]) => (p + v) / Math.max(1, p + v + u);
const percent = (x) => `${(100 * x).toFixed(2)} %`;
const before = options.before ? JSON.parse(readFileSync(options.before, 'utf8')) : null;
let worse = 0;
for (const [name, rules] of Object.entries(counted)) {
  const now = sum(rules);
  const old = before?.[name];
  let line = `${percent(share(now)).padStart(9)} of ${String(now[0] + now[1] + now[2]).padStart(7)}  ${name}`;
  if (now[1] > 0) line += `  VIOLATED ${now[1]}`;
  if (old) {
    const was = sum(old);
    if (Math.abs(share(was) - share(now)) > 1e-9)
      line += `  before ${percent(share(was))} of ${was[0] + was[1] + was[2]}`;
    if (share(now) < share(was) - 1e-9 || (now[1] > 0 && was[1] === 0)) {
      worse++;
      line += '  WORSE:';
      for (const id of new Set([...Object.keys(old), ...Object.keys(rules)])) {
        const [a, b] = [old[id] ?? [0, 0, 0], rules[id] ?? [0, 0, 0]];
        if (a.join() !== b.join()) line += ` ${id} ${a.join('/')} → ${b.join('/')}`;
      }
    }
  }
  console.log(line);
}
const all = Object.values(counted).map(sum);
const whole = all.reduce(([p, v, u], r) => [p + r[0], v + r[1], u + r[2]], [0, 0, 0]);
console.log(
  `${percent(share(whole)).padStart(9)} of ${whole[0] + whole[1] + whole[2]}  in ${all.length} recordings`,
);
process.exit(worse > 0 ? 1 : 0);
