// Splices shapes into recordings of correct kernels and counts the answers that are wrong.
//   node scripts/splice/run.mjs RECORDING... [--most N]
// A case is an excerpt of a recording with one shape put in. A broken one has to be violated by one of the rules of its
// kind, or undecided; a correct one, and the excerpt itself, must not be violated at all. Needs `npm run build`.
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { analyse } from '../../dist/src/analyse/analyse.js';
import { KINDS, parse } from './kinds.mjs';

const args = process.argv.slice(2);
const flag = args.indexOf('--most');
const most = flag < 0 ? 40 : Number(args.splice(flag, 2)[1]);
/** Lines before and after the place, as many as a munmap, its callback and its neighbours need. */
const BEFORE = 1500;
const AFTER = 900;

const read = (path) => {
  const bytes = readFileSync(path);
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('latin1').split('\n');
};

async function violated(lines) {
  const text = `# tracer: nop\n#\n${lines.join('\n')}\n`;
  const result = await analyse({
    paths: ['-'],
    stdin: Readable.from([Buffer.from(text, 'latin1')]),
    vmemmap: 'ffffea0000000000',
    directMap: 'ffff888000000000',
  });
  return result.invariants.filter((i) => i.instances.violated > 0).map((i) => i.id);
}

const counts = new Map();
let cases = 0;
let wrong = 0;
const book = (kind, what, path, line, ids) => {
  const key = `${kind}, ${what}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
  cases++;
  if (!what.endsWith('WRONG')) return;
  wrong++;
  process.stdout.write(`wrong: ${kind}: ${what} at ${path}:${line}: ${ids.join(' ') || 'nothing'}\n`);
};

for (const path of args) {
  const whole = read(path);
  const all = whole.map(parse);
  for (const kind of KINDS) {
    const places = kind.places(all);
    const step = Math.max(1, Math.floor(places.length / most));
    for (let p = 0; p < places.length; p += step) {
      const from = Math.max(0, places[p].at - BEFORE);
      const lines = whole.slice(from, places[p].at + AFTER).filter((l) => !l.startsWith('#') && l !== '');
      const events = lines.map(parse);
      const here = kind.places(events).find((x) => lines[x.at] === whole[places[p].at]);
      if (!here) continue;
      const plain = await violated(lines);
      book(
        kind.name,
        plain.length === 0 ? 'as recorded' : 'as recorded WRONG',
        path,
        places[p].at + 1,
        plain,
      );
      const right = await violated(kind.correct(lines, here));
      book(kind.name, right.length === 0 ? 'correct' : 'correct WRONG', path, places[p].at + 1, right);
      const bad = await violated(kind.broken(lines, here));
      const found = bad.some((id) => kind.expect.includes(id));
      const what = found
        ? 'broken, violated'
        : bad.length === 0
          ? 'broken, not violated'
          : 'broken, other WRONG';
      book(kind.name, what, path, places[p].at + 1, bad);
    }
  }
}
for (const [key, n] of [...counts].sort()) process.stdout.write(`${String(n).padStart(6)}  ${key}\n`);
process.stdout.write(`${cases} cases, ${wrong} wrong\n`);
process.exitCode = wrong > 0 ? 1 : 0;
