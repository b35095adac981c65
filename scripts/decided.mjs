#!/usr/bin/env node
/**
 * How many opportunities of each recording were decided, rule by rule; two such lists beside each other.
 *
 *   npm run build && node scripts/decided.mjs [--dist DIR] [--only WORD] [--save FILE] [--before FILE] [--page FILE] [PATH…]
 *
 * PATH: files and folders; default the recordings beside the repository and `fixtures/`. An opportunity is one instance
 * of one rule; decided are those that pass or are violated, not the censored ones. Exit 0; 1: a share fell, or a
 * recording says violated that did not before (`--before`); 2: not built. `--page` writes the table as Markdown; without
 * `--before` the earlier numbers are those of the page.
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
    page: { type: 'string' },
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

/** I52 passes with every event: what it says would hide all else. */
const sum = (rules) =>
  Object.entries(rules)
    .filter(([id]) => id !== 'I52')
    .map(([, counts]) => counts)
    .reduce(([p, v, u], r) => [p + r[0], v + r[1], u + r[2]], [0, 0, 0]);
const share = ([p, v, u]) => (p + v) / Math.max(1, p + v + u);
const percent = (x) => `${(100 * x).toFixed(2)} %`;
/** `| name | 12.00 % of 34 (1 violated) | …` of a page, as if it had been counted. */
function earlier(page) {
  const found = {};
  for (const line of readFileSync(page, 'utf8').split('\n')) {
    const m = /^\| (\S+) \| (\d+) of (\d+)(?:, (\d+) violated)? \|/.exec(line);
    if (!m) continue;
    const violated = Number(m[4] ?? 0);
    found[`../shared/recordings/${m[1]}`] = {
      all: [Number(m[2]) - violated, violated, Number(m[3]) - Number(m[2])],
    };
  }
  return found;
}
const before = options.before
  ? JSON.parse(readFileSync(options.before, 'utf8'))
  : options.page && existsSync(options.page)
    ? earlier(options.page)
    : null;
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

const total = (counts) =>
  Object.keys(counted).reduce((all, name) => sum(counts?.[name] ?? {}).map((n, i) => n + all[i]), [0, 0, 0]);
const cell = (of) => {
  if (!of) return 'not there | –';
  const violated = of[1] > 0 ? `, ${of[1]} violated` : '';
  return `${of[0] + of[1]} of ${of[0] + of[1] + of[2]}${violated} | ${percent(share(of))}`;
};
if (options.page) {
  const rows = Object.entries(counted).map(([name, rules]) => {
    const was = before?.[name] ? sum(before[name]) : null;
    const now = sum(rules);
    const lower = was && share(now) < share(was) - 1e-9;
    return {
      lower,
      more: was && share(now) > share(was) + 1e-9,
      alarm: was && was[1] > 0,
      text: `| ${name.replace('../shared/recordings/', '')} | ${cell(was)} | ${cell(now)} | ${lower ? '**lower**' : ''} |`,
    };
  });
  const many = (what) => rows.filter((r) => r[what]).length;
  const page = `<!-- Printed by scripts/decided.mjs. -->
# How much is decided, before and after

Opportunities of all rules in each recording beside the repository, and how many of them are decided (they pass or are
violated; cut off by an edge is none); without I52, which passes with every event. Before: commit b73d545. What was
violated there is a false alarm: these kernels are correct. Rules, probes and what counts as an opportunity have changed
since, so the numbers of opportunities differ.

Printed by \`npm run build && node scripts/decided.mjs --page docs/decided.md ../shared/recordings\`.

All of them: before ${percent(share(total(before)))} of ${total(before).reduce((a, b) => a + b)}, now ${percent(share(total(counted)))} of ${total(counted).reduce((a, b) => a + b)}. ${rows.length} recordings: the share is higher in ${many('more')}, lower in ${many('lower')}; ${many('alarm')} had a false alarm before, ${Object.values(counted).filter((r) => sum(r)[1] > 0).length} have one now.

| recording | before | share | now | share | |
| --- | --- | --- | --- | --- | --- |
${rows.map((r) => r.text).join('\n')}
`;
  writeFileSync(options.page, page);
}
process.exit(worse > 0 ? 1 : 0);
