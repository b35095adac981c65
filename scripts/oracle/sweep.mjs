#!/usr/bin/env node
/**
 * Replays every kprobe recording at hand with the built tool and holds the verdicts against the counts of
 * opportunities.py (scripts/oracle/expected.json), which were made without the engine.
 *
 *   node scripts/oracle/sweep.mjs [--markdown] [--min 0.95] [--only WORD] [FILE…]
 *
 * Without files: all of expected.json that exist. Exit 0: no violation, no skipped line, and at least `--min` of the
 * opportunities of I01, I04, I09, I11, I12, I38, I39 pass; 1: not so; 2: nothing to do (not built, no recordings).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const HELD = ['I01', 'I04', 'I09', 'I11', 'I12', 'I38', 'I39'];

const args = process.argv.slice(2);
const option = (name, fallback) => {
  const i = args.indexOf(name);
  return i < 0 ? fallback : args.splice(i, 2)[1];
};
const markdown = args.includes('--markdown') && args.splice(args.indexOf('--markdown'), 1).length === 1;
const min = Number(option('--min', '0.95'));
const only = option('--only', '');

const expected = JSON.parse(readFileSync(join(here, 'expected.json'), 'utf8')).files;
const files = (args.length > 0 ? args : Object.keys(expected)).filter((f) => f.includes(only));
const present = files.filter((f) => existsSync(resolve(root, f)));
const bin = join(root, 'bin/run.js');

if (!existsSync(join(root, 'dist')) || !existsSync(bin)) {
  console.error('sweep: not built (no dist/): run `npm run build` first');
  process.exit(2);
}
if (present.length === 0) {
  console.error('sweep: none of the recordings is here');
  process.exit(2);
}
for (const file of files) if (!present.includes(file)) console.error(`sweep: absent, left out: ${file}`);

function replay(file) {
  const probes = join(dirname(resolve(root, file)), 'kprobe_events.txt');
  const extra = existsSync(probes) ? ['--probes', probes] : [];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'pipe'] };
  try {
    return {
      code: 0,
      result: JSON.parse(execFileSync(process.execPath, [bin, 'replay', file, '--json', ...extra], options)),
    };
  } catch (error) {
    const text = typeof error.stdout === 'string' ? error.stdout : '';
    try {
      return { code: error.status ?? -1, result: JSON.parse(text) };
    } catch {
      return {
        code: error.status ?? -1,
        result: null,
        message: String(error.stderr || error.message).split('\n')[0],
      };
    }
  }
}

/** Expected counts for a file given by any path that ends like one of expected.json. */
function countsOf(file) {
  if (expected[file] !== undefined) return expected[file].opportunities;
  const key = Object.keys(expected).find((k) => resolve(root, k) === resolve(root, file));
  return key === undefined ? null : expected[key].opportunities;
}

function table(head, rows) {
  const width = head.map((h, i) => Math.max(h.length, ...rows.map((r) => String(r[i]).length)));
  const line = (r) => r.map((c, i) => (i === 0 ? String(c).padEnd(width[i]) : String(c).padStart(width[i])));
  if (!markdown) return [head, ...rows].map((r) => line(r).join('  ')).join('\n');
  const body = rows.map((r) => `| ${line(r).join(' | ')} |`);
  return [
    `| ${line(head).join(' | ')} |`,
    `|${width.map((w) => '-'.repeat(w + 2)).join('|')}|`,
    ...body,
  ].join('\n');
}

const summary = [];
const held = [];
const trouble = [];
const total = Object.fromEntries(HELD.map((id) => [id, { opportunities: 0, pass: 0 }]));
const unknowns = new Map();

for (const file of present) {
  const { code, result, message } = replay(file);
  const name = file.replace(/^.*recordings\//, '').replace(/\.txt(\.gz)?$/, '');
  if (result === null) {
    trouble.push(`${name}: exit ${code}, no result: ${message}`);
    continue;
  }
  if (code !== 0) trouble.push(`${name}: exit ${code}`);
  const lines = result.inputs.reduce((n, i) => n + i.lines.total, 0);
  const skipped = result.inputs.reduce((n, i) => n + i.lines.skipped, 0);
  const kinds = result.inputs.map(
    ({ lines: { total: all, ...rest } }) => all - Object.values(rest).reduce((a, b) => a + b, 0),
  );
  if (skipped > 0) trouble.push(`${name}: ${skipped} skipped lines`);
  if (kinds.some((d) => d !== 0)) trouble.push(`${name}: the kinds of lines do not sum to the total`);
  const verdicts = { pass: 0, violated: 0, unknown: 0, 'not-applicable': 0 };
  for (const invariant of result.invariants) {
    verdicts[invariant.verdict]++;
    if (invariant.instances.violated > 0)
      trouble.push(
        `${name}: ${invariant.id} violated ${invariant.instances.violated}: ${invariant.findings[0]?.message ?? ''}`,
      );
    for (const u of invariant.unknowns) {
      const key = `${invariant.id}: ${u.reason}`;
      unknowns.set(key, (unknowns.get(key) ?? 0) + u.count);
    }
  }
  summary.push([
    name,
    lines,
    result.timeline.events,
    result.variant.candidates.join(','),
    verdicts.pass,
    verdicts.violated,
    verdicts.unknown,
    verdicts['not-applicable'],
  ]);
  const counts = countsOf(file);
  if (counts === null) continue;
  held.push([
    name,
    ...HELD.map((id) => {
      const opportunities = counts[id];
      const pass = result.invariants.find((i) => i.id === id)?.instances.pass ?? 0;
      total[id].opportunities += opportunities;
      // More passes than opportunities would hide misses in another file: they count once.
      total[id].pass += Math.min(pass, opportunities);
      return `${pass}/${opportunities}`;
    }),
  ]);
}

held.push(['all', ...HELD.map((id) => `${total[id].pass}/${total[id].opportunities}`)]);
held.push(['share', ...HELD.map((id) => share(total[id]))]);
console.log(
  table(['recording', 'lines', 'events', 'variants', 'pass', 'violated', 'unknown', 'n/a'], summary),
);
console.log(`\npasses of opportunities counted without the engine\n\n${table(['recording', ...HELD], held)}`);
if (unknowns.size > 0) {
  const rows = [...unknowns].sort((a, b) => b[1] - a[1]).map(([reason, n]) => [reason, n]);
  console.log(`\nunknown instances\n\n${table(['reason', 'count'], rows)}`);
}
for (const id of HELD) {
  const { opportunities, pass } = total[id];
  if (opportunities > 0 && pass < min * opportunities)
    trouble.push(`${id}: ${share(total[id])} of the opportunities pass, less than ${min}`);
}
if (trouble.length > 0) console.log(`\nnot as it should be\n\n${trouble.map((t) => `- ${t}`).join('\n')}`);
process.exit(trouble.length > 0 ? 1 : 0);

function share({ opportunities, pass }) {
  return opportunities === 0 ? '-' : (pass / opportunities).toFixed(4);
}
