// Splices shapes into recordings of correct kernels and counts the answers that are wrong.
//   node scripts/splice/run.mjs RECORDING... [--most N] [--page FILE]
// A case is an excerpt of a recording with one shape put in. A broken one has to be violated by one of the rules of its
// kind, or one of them is undecided because of it, with a reason: silence is wrong. A correct one, and the excerpt itself,
// must not be violated at all. Exit 0: nothing wrong. `--page`: writes the table between the marks in FILE. Needs `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { analyse } from '../../dist/src/analyse/analyse.js';
import { KINDS } from './kinds.mjs';
import { MORE_KINDS } from './kinds-more.mjs';
import { parse } from './reading.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { most: { type: 'string', default: '40' }, page: { type: 'string' } },
});
const most = Number(options.most);
/** Lines before and after the place, as many as a munmap, its callback and its neighbours need. */
const BEFORE = 1500;
const AFTER = 900;

const read = (path) => {
  const bytes = readFileSync(path);
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('latin1').split('\n');
};

/** Rules that are violated, and the undecided ones by rule and reason. */
async function judge(lines, { facts, bases }) {
  const text = `# tracer: nop\n#\n${[...facts, ...lines].join('\n')}\n`;
  const result = await analyse({
    paths: ['-'],
    stdin: Readable.from([Buffer.from(text, 'latin1')]),
    ...bases,
  });
  const unknown = new Map();
  for (const i of result.invariants) for (const u of i.unknowns) unknown.set(`${i.id}: ${u.reason}`, u.count);
  const violated = result.invariants.filter((i) => i.instances.violated > 0).map((i) => i.id);
  return { violated, unknown };
}

/** Where the address bases are, as the whole recording says or shows; an excerpt is too short to learn them from. */
async function about(path, whole) {
  const { bases } = await analyse({ paths: [path] });
  const found = {};
  if (bases.vmemmap) found.vmemmap = bases.vmemmap.replace(/^0x/, '');
  if (bases.directMap) found.directMap = bases.directMap.replace(/^0x/, '');
  return { facts: whole.filter((l) => /^# pttrace: (?:kernel|config) /.test(l)), bases: found };
}

const counts = new Map();
const reasons = new Map();
let cases = 0;
let wrong = 0;
const more = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
const book = (kind, what, where, ids) => {
  more(counts, `${kind} | ${what}`);
  cases++;
  if (!what.endsWith('WRONG')) return;
  wrong++;
  process.stdout.write(`wrong: ${kind}: ${what} at ${where}: ${ids.join(' ') || 'nothing'}\n`);
};

/** Why rules of the kind are undecided in the broken one that are decided in the correct one. */
const newly = (kind, bad, right) =>
  [...bad.unknown]
    .filter(([key, n]) => kind.expect.includes(key.slice(0, 3)) && n > (right.unknown.get(key) ?? 0))
    .map(([key]) => key);

for (const path of positionals) {
  const whole = read(path);
  const context = await about(path, whole);
  const all = whole.map(parse);
  for (const kind of [...KINDS, ...MORE_KINDS]) {
    const places = kind.places(all);
    const step = Math.max(1, Math.ceil(places.length / most));
    for (let p = 0; p < places.length; p += step) {
      const from = Math.max(0, places[p].at - BEFORE);
      const lines = whole.slice(from, places[p].at + AFTER).filter((l) => !l.startsWith('#') && l !== '');
      const here = kind.places(lines.map(parse)).find((x) => lines[x.at] === whole[places[p].at]);
      if (!here) continue;
      const where = `${basename(dirname(path))}/${basename(path)}:${places[p].at + 1}`;
      const plain = await judge(lines, context);
      book(
        kind.name,
        plain.violated.length === 0 ? 'as recorded' : 'as recorded WRONG',
        where,
        plain.violated,
      );
      const right = await judge(kind.correct(lines, here), context);
      book(kind.name, right.violated.length === 0 ? 'correct' : 'correct WRONG', where, right.violated);
      if (!kind.broken) continue;
      const bad = await judge(kind.broken(lines, here), context);
      const why = newly(kind, bad, right);
      const found = bad.violated.some((id) => kind.expect.includes(id));
      const what = found
        ? 'broken: violated'
        : bad.violated.length > 0
          ? 'broken: other rules WRONG'
          : why.length > 0
            ? 'broken: undecided'
            : 'broken: silent WRONG';
      book(kind.name, what, where, bad.violated);
      if (what === 'broken: undecided') for (const key of why) more(reasons, `${kind.name} | ${key}`);
    }
  }
}

const table = (head, map) => [
  `| ${head} | cases |`,
  '| --- | --- | --- |',
  ...[...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, n]) => `| ${key} | ${n} |`),
];
const said = [
  `${cases.toLocaleString('en')} cases from ${positionals.length} recordings, ${wrong} wrong.`,
  '',
  ...table('kind | answer', counts),
  '',
  'Why the undecided ones are undecided, rule by rule (a case may count in several rows):',
  '',
  ...table('kind | rule and reason', reasons),
].join('\n');
process.stdout.write(`${said}\n`);
if (options.page) {
  const page = readFileSync(options.page, 'utf8');
  const marks = /(<!-- splice: printed by scripts\/splice\/run\.mjs -->\n)[\s\S]*?(<!-- \/splice -->)/;
  if (!marks.test(page)) throw new Error(`${options.page}: no place for the table`);
  writeFileSync(
    options.page,
    page.replace(marks, (_, open, end) => `${open}${said}\n${end}`),
  );
}
process.exitCode = wrong > 0 ? 1 : 0;
