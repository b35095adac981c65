// Interleaved races: every contestant runs once per round, the best of all rounds counts. The machine may be shared:
// only ratios within one run mean anything.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const repo = join(dirname(fileURLToPath(import.meta.url)), '..');

/** `--name value` from the command line. */
export function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

/** The sources compiled into a folder of the system's temporary directory, which is gone when the program ends. */
export function build() {
  const out = option('built', '') || mkdtempSync(join(tmpdir(), 'pttrace-bench-'));
  if (option('built', '')) return out;
  process.once('exit', () => rmSync(out, { recursive: true, force: true }));
  writeFileSync(join(out, 'package.json'), '{"type":"module","version":"0.0.0"}');
  symlinkSync(join(repo, 'node_modules'), join(out, 'node_modules'));
  const tsc = join(repo, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', join(repo, 'tsconfig.build.json'), '--outDir', out, '--declaration', 'false'];
  const done = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (done.status !== 0) process.stderr.write(`tsc: ${done.stdout.slice(0, 2000)}\n`);
  // tsc copies no JSON.
  const schemas = join(repo, 'src/schema');
  for (const file of readdirSync(schemas))
    if (file.endsWith('.json')) cpSync(join(schemas, file), join(out, 'src/schema', file));
  return out;
}

export const shell = (command) => {
  const from = process.hrtime.bigint();
  const done = spawnSync('/bin/sh', ['-c', command], { env: { ...process.env, LC_ALL: 'C' } });
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`);
  return { seconds: Number(process.hrtime.bigint() - from) / 1e9 };
};

/** One of ours in a process of its own; it prints `{seconds, events, rssMB}`, the seconds without Node's start. */
export const ours = (script, built, file) => {
  const args = [...process.execArgv, script, '--run', pathToFileURL(built).href, file];
  const done = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
};

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/**
 * Runs `script --run BUILT FILE` against the usual tools and prints the table: each one's best time, and how it stood
 * to mawk in the same round, as the median of the rounds. The machine's pace changes within seconds, and a short run
 * finds a quiet moment where a long one does not: the second number is the fairer one.
 * Returns it (our speed as a multiple of that of `mawk '{c[$5]++}'`), and our peak memory.
 */
export function race(label, script, built, file, bytes, rounds) {
  const quoted = `'${file}'`;
  const contestants = [
    [label, () => ours(script, built, file)],
    ['wc -l', () => shell(`wc -l < ${quoted}`)],
    ['grep -c munmap | cat', () => shell(`grep -c munmap ${quoted} | cat`)],
    ["mawk '{c[$5]++}'", () => shell(`mawk '{c[$5]++}' ${quoted}`)],
  ];
  const best = contestants.map(() => null);
  const pairs = contestants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const results = contestants.map(([, run]) => run());
    results.forEach((result, i) => {
      if (best[i] === null || result.seconds < best[i].seconds) best[i] = result;
      pairs[i].push(results.at(-1).seconds / result.seconds);
    });
  }
  const mawk = best.at(-1).seconds;
  const row = (...cells) =>
    process.stdout.write(`${cells.map((c, i) => (i ? c.padStart(11) : c.padEnd(24))).join('')}\n`);
  row(
    `${(bytes / 1e6).toFixed(0)} MB, best of ${rounds}`,
    'seconds',
    'MB/s',
    'events/s',
    'peak MB',
    '× mawk',
    'in a round',
  );
  contestants.forEach(([name], i) => {
    const { seconds, events, rssMB } = best[i];
    row(
      name,
      seconds.toFixed(3),
      (bytes / 1e6 / seconds).toFixed(0),
      events ? `${(events / seconds / 1e6).toFixed(2)} M` : '',
      rssMB ? rssMB.toFixed(0) : '',
      (mawk / seconds).toFixed(2),
      median(pairs[i]).toFixed(2),
    );
  });
  return { ratio: median(pairs[0]), rssMB: best[0].rssMB };
}
