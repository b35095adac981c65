// Speed of the trace.dat reader against `trace-cmd report` on ≥ 100 MB of repeated sub-buffers with moved times.
// Usage: node bench/trace-dat.mjs [V6_TRACE_DAT] [MEGABYTES]; needs the built package (dist) and trace-cmd. Without a
// file, the recording in the fixtures.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const SHIPPED = '../fixtures/trace-dat/6.12.117-lab-y/v6.dat.gz';

const dist = process.env.PTTRACE_DIST ?? fileURLToPath(new URL('../dist/src/', import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === '--decode' || process.argv[2] === '--text') await child();
  else parent(process.argv[2], Number(process.argv[3] ?? 110));
}

async function child() {
  const load = (name) => import(`${dist}/${name}.js`);
  const { fileSource } = await load('parsers/trace-dat/byte-source');
  const { openRecording } = await load('parsers/trace-dat/recording');
  const { EventTable } = await load('timeline/events');
  const { Interner } = await load('timeline/interner');
  const { TimeBase } = await load('timeline/time-base');
  const rec = openRecording(fileSource(openSync(process.argv[3], 'r'), 'bench.dat'));
  let n = 0;
  const t0 = performance.now();
  if (process.argv[2] === '--text') {
    const { reportText } = await load('parsers/trace-dat/report');
    const out = openSync('/dev/null', 'w');
    for (const piece of reportText(rec)) n += writeSync(out, piece);
  } else {
    const { scanRecording } = await load('parsers/trace-dat/scan');
    const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
    n = scanRecording(rec, context, () => {}, { input: 0, bodies: 'none' }).records;
  }
  const rss = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(JSON.stringify({ n, ms: performance.now() - t0, rss }));
}

function parent(given, megabytes) {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-bench-'));
  const source = given ?? join(dir, 'v6.dat');
  if (given === undefined) writeFileSync(source, gunzipSync(readFileSync(new URL(SHIPPED, import.meta.url))));
  try {
    const file = join(dir, 'big.dat');
    const bytes = grow(readFileSync(source), file, megabytes * 2 ** 20);
    const runs = { report: [], decode: [], text: [] };
    let rss = 0;
    let n = 0;
    for (let i = 0; i < 3; i++) {
      let t = performance.now();
      const devNull = openSync('/dev/null', 'w');
      spawnSync('trace-cmd', ['report', file], { stdio: ['ignore', devNull, 'ignore'] });
      closeSync(devNull);
      runs.report.push(performance.now() - t);
      for (const kind of ['decode', 'text']) {
        t = performance.now();
        const run = spawnSync(process.execPath, [fileURLToPath(import.meta.url), `--${kind}`, file]);
        runs[kind].push(performance.now() - t);
        if (run.status !== 0) throw new Error(run.stderr.toString());
        const said = JSON.parse(run.stdout.toString());
        rss = Math.max(rss, said.rss);
        if (kind === 'decode') n = said.n;
      }
    }
    const best = (list) => Math.min(...list);
    const line = (kind) =>
      `${kind.padEnd(8)} ${(best(runs[kind]) / 1000).toFixed(2).padStart(7)} s  ${(best(runs.report) / best(runs[kind])).toFixed(2)}x`;
    console.log(`${(bytes / 2 ** 20).toFixed(0)} MiB, ${n} records, whole processes, best of 3 interleaved`);
    for (const kind of ['report', 'decode', 'text']) console.log(line(kind));
    console.log(`peak RSS ${rss.toFixed(0)} MiB`);
    console.log(`floor decode-times-trace-cmd ${(best(runs.report) / best(runs.decode)).toFixed(2)} >= 5`);
    console.log(`floor text-times-trace-cmd ${(best(runs.report) / best(runs.text)).toFixed(2)} >= 1`);
    console.log(`floor trace-dat-peak-MB ${rss.toFixed(0)} <= 130`);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Writes `source` (little-endian v6, 64-bit) with every CPU's pages repeated, each round later than the last. */
export function grow(source, file, target) {
  const cpus = [];
  const mark = source.indexOf('flyrecord\0', 0, 'latin1');
  const tableAt = mark + 10;
  const first = Number(source.readBigUInt64LE(tableAt));
  for (let at = tableAt; at + 16 <= first; at += 16) {
    const offset = Number(source.readBigUInt64LE(at));
    const size = Number(source.readBigUInt64LE(at + 8));
    if (offset < first || offset + size > source.length) break;
    cpus.push(Buffer.from(source.subarray(offset, offset + size)));
  }
  const round = cpus.reduce((n, c) => n + c.length, 0);
  const rounds = Math.ceil(target / round);
  const head = Buffer.from(source.subarray(0, first));
  let at = first;
  cpus.forEach((c, i) => {
    head.writeBigUInt64LE(BigInt(at), tableAt + 16 * i);
    head.writeBigUInt64LE(BigInt(c.length * rounds), tableAt + 16 * i + 8);
    at += c.length * rounds;
  });
  const out = openSync(file, 'w');
  writeSync(out, head);
  for (const c of cpus) {
    for (let k = 0; k < rounds; k++) {
      writeSync(out, c);
      for (let p = 0; p < c.length; p += 4096) c.writeBigUInt64LE(c.readBigUInt64LE(p) + 1_000_000_000n, p);
    }
  }
  closeSync(out);
  return at;
}
