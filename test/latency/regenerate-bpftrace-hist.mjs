// Regenerates fixtures/bpftrace-hist/<version>/printed.jsonl.gz with the bpftrace on PATH (needs root, no BTF):
//   node test/latency/regenerate-bpftrace-hist.mjs [maps]
// Each line: one map, the values that went into it key by key, and the text bpftrace printed for it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MAPS = Number(process.argv[2] ?? 170);
const MAPS_PER_RUN = 2;

let state = 20241114;
/** xorshift32: the same fixture every time. */
function random(n) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
}
const pick = (list) => list[random(list.length)];

function histValue() {
  const r = random(20);
  if (r === 0) return -1 - random(1000);
  if (r === 1) return random(3);
  if (r === 2) return 2 ** (31 + random(20)) + random(1000);
  return Math.floor(2 ** random(32)) + random(1000);
}

/** The program runs once per tick; a value is counted in the first `times` of them. */
const TICKS = 240;
/** [value, times] pairs. */
function fill(value) {
  const list = [];
  for (let i = 1 + random(6); i > 0; i--)
    list.push([value(), pick([1, 1, 2, 3, 7, 1 + random(TICKS), 1 + random(TICKS)])]);
  return list;
}

const KEYS = [
  () => [null],
  () => [null],
  () => ['stress-ng', 'stress-ng-mmap', 'a', 'b]:', ''].slice(0, 1 + random(5)),
  () => [1, 2, 256, 257, 65536, -1].slice(random(3), 3 + random(4)),
  () => ['x, 1', 'x, 256', 'y, 2'].slice(0, 1 + random(3)),
];

function makeMap(i) {
  const kind = random(3) === 0 ? 'lhist' : 'hist';
  const shape = pick([
    { min: 0, max: 100, step: 10 },
    { min: 0, max: 10, step: 1 },
    { min: 100, max: 200, step: 25 },
    { min: 0, max: 10240, step: 1024 },
    { min: 1000, max: 9000, step: 1000 },
    { min: 0, max: 4194304, step: 524288 },
    { min: 512, max: 100000, step: 4096 },
    { min: 3, max: 50, step: 7 },
  ]);
  const value =
    kind === 'hist'
      ? histValue
      : () => Math.max(0, shape.min - shape.step) + random(shape.max - shape.min + 3 * shape.step);
  // Every third map has equal totals, to show the order of ties.
  const same = random(3) === 0 ? fill(value) : null;
  const keys = pick(KEYS)().map((key) => ({ key, values: same ?? fill(value) }));
  return { name: `@m${String(i).padStart(3, '0')}`, kind, ...(kind === 'lhist' ? { shape } : {}), keys };
}

function program(maps) {
  const lines = [];
  for (const m of maps) {
    for (const { key, values } of m.keys) {
      const part = (k) => (/^-?\d+$/.test(k) ? k : JSON.stringify(k));
      const index = key === null ? '' : `[${String(key).split(', ').map(part).join(', ')}]`;
      for (const [value, times] of values) {
        const args =
          m.kind === 'hist' ? `${value}` : `${value}, ${m.shape.min}, ${m.shape.max}, ${m.shape.step}`;
        const one = `${m.name}${index} = ${m.kind}(${args});`;
        lines.push(`if (@i < ${times}) { ${one} }`);
      }
    }
  }
  return `interval:ms:1 /@i < ${TICKS}/ {\n${lines.join('\n')}\n@i++;\n}\ninterval:ms:1 /@i >= ${TICKS}/ { exit(); }\nEND { clear(@i); }\n`;
}

const version = /v(\d+\.\d+\.\d+)/.exec(execFileSync('bpftrace', ['--version'], { encoding: 'utf8' }))[1];
const directory = mkdtempSync(join(tmpdir(), 'hist-'));
const lines = [];
let blocks = 0;
for (let i = 0; i < MAPS; i += MAPS_PER_RUN) {
  const maps = Array.from({ length: Math.min(MAPS_PER_RUN, MAPS - i) }, (_, k) => makeMap(i + k));
  const file = join(directory, `${i}.bt`);
  writeFileSync(file, program(maps));
  const out = execFileSync('bpftrace', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const printed = out.slice(out.indexOf('@m'));
  maps.forEach((map, k) => {
    const start = printed.indexOf(`${map.name}`);
    const next = maps[k + 1];
    const end = next === undefined ? printed.length : printed.indexOf(`\n${next.name}`) + 1;
    // The last block of a map is followed by one more newline only where bpftrace ends its output.
    lines.push(JSON.stringify({ ...map, text: printed.slice(start, end) }));
    blocks += map.keys.length;
  });
}
const target = new URL(`../../fixtures/bpftrace-hist/${version}/`, import.meta.url);
mkdirSync(target, { recursive: true });
writeFileSync(new URL('printed.jsonl.gz', target), gzipSync(`${lines.join('\n')}\n`, { level: 9 }));
process.stdout.write(`bpftrace ${version}: ${lines.length} maps, ${blocks} blocks\n`);
