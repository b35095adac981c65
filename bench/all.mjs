// Every benchmark, one after the other, and the floors they are held to. Exit status 1: below a floor.
//   node bench/all.mjs [--quick]      --quick: small inputs, to see that everything runs; no floor is judged
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { build } from './race.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const quick = process.argv.includes('--quick');
const built = build();
const scratch = mkdtempSync(join(tmpdir(), 'pttrace-bench-'));

/** Each program prints its table and, last, `floor NAME VALUE (>=|<=) LIMIT` for what it is held to. */
function bench(script, args) {
  process.stdout.write(`\n== ${script} ${args.join(' ')}\n`);
  const run = spawnSync(process.execPath, [join(here, script), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PTTRACE_DIST: join(built, 'src') },
  });
  process.stdout.write(run.stdout);
  if (run.status !== 0) return [`${script}: exit ${run.status}`];
  return run.stdout.split('\n').flatMap((line) => {
    const m = /^floor (.+) ([\d.]+) (>=|<=) ([\d.]+)$/.exec(line);
    if (!m) return [];
    const holds = m[3] === '>=' ? Number(m[2]) >= Number(m[4]) : Number(m[2]) <= Number(m[4]);
    return holds ? [] : [`${script}: ${m[1]} is ${m[2]}, wanted ${m[3]} ${m[4]}`];
  });
}

const missed = [];
try {
  missed.push(...bench('scan.mjs', ['--built', built, ...(quick ? ['--size', '20', '--rounds', '1'] : [])]));
  missed.push(
    ...bench('replay.mjs', ['--built', built, ...(quick ? ['--size', '20', '--rounds', '1'] : [])]),
  );
  missed.push(
    ...bench('machine.mjs', ['--built', built, ...(quick ? ['--events', '50000', '--rounds', '1'] : [])]),
  );
  missed.push(
    ...bench('formats.mjs', ['--built', built, ...(quick ? ['--size', '2', '--rounds', '1'] : [])]),
  );
  if (spawnSync('trace-cmd', ['list', '-h']).error) {
    process.stdout.write('\ntrace-dat.mjs: skipped, trace-cmd is not installed\n');
  } else {
    const packed = join(here, '../fixtures/trace-dat/6.12.117-lab-y/v6.dat.gz');
    const source = join(scratch, 'v6.dat');
    writeFileSync(source, gunzipSync(readFileSync(packed)));
    missed.push(...bench('trace-dat.mjs', [source, ...(quick ? ['5'] : [])]));
  }
  missed.push(...bench('packed.mjs', ['--built', built, ...(quick ? ['--size', '5', '--rounds', '1'] : [])]));
  missed.push(...bench('jobs.mjs', quick ? ['--recordings', '4', '--size', '1', '--rounds', '1'] : []));
  missed.push(...bench('explore.mjs', quick ? ['--quick'] : []));
  missed.push(...bench('simulate.mjs', quick ? ['--quick'] : []));
} finally {
  rmSync(scratch, { recursive: true, force: true });
  if (!process.argv.includes('--built')) rmSync(built, { recursive: true, force: true });
}
if (quick) process.stdout.write('\nquick: floors are not judged\n');
else {
  process.stdout.write(missed.length === 0 ? '\nevery floor holds\n' : `\n${missed.join('\n')}\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}
