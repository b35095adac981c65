// Time and memory against the size of the input, for inputs that keep as much open as they can:
//
//     npm run build && node scripts/doubling.mjs [--from N] [--doublings K] [--mix NAME] [--command NAME]
//
// Each run is a process of its own; time is its CPU time. A ratio near 2 is linear, near 4 quadratic.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { COMMANDS, MIXES, writeMix } from './doubling/mixes.mjs';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '25000' },
    doublings: { type: 'string', default: '3' },
    mix: { type: 'string', default: '' },
    command: { type: 'string', default: '' },
  },
});
const [from, doublings] = [Number(values.from), Number(values.doublings)];
const { mix: onlyMix, command: onlyCommand } = values;

const worker = fileURLToPath(new URL('./doubling/measured.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pttrace-doubling-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** CPU seconds and peak MiB of one command on one file; null where it ends with an internal error. */
function measure(args) {
  const run = spawnSync(process.execPath, ['--expose-gc', worker, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 20,
  });
  if (run.status !== 0) throw new Error(`${args.join(' ')}: ${run.stderr.slice(-500)}`);
  return JSON.parse(run.stdout);
}

const cell = ({ seconds, mib }) => `${seconds.toFixed(1)} s, ${mib} MiB`;
const sizes = Array.from({ length: doublings + 1 }, (_, k) => from * 2 ** k);
console.log(`| mix | command | ${sizes.map((n) => n.toLocaleString('en')).join(' | ')} | last doubling |`);
console.log(`| --- | --- | ${sizes.map(() => '---').join(' | ')} | --- |`);
for (const mix of MIXES) {
  if (onlyMix !== '' && mix.name !== onlyMix) continue;
  const files = sizes.map((n) => writeMix(mix, n, join(folder, `${mix.name}-${n}.txt`)));
  for (const command of onlyCommand === '' ? (mix.commands ?? ['replay']) : [onlyCommand]) {
    const results = files.map((file) => measure(COMMANDS[command](file)));
    const [before, last] = results.slice(-2);
    const ratio = `time ×${(last.seconds / before.seconds).toFixed(2)}, memory ×${(last.mib / before.mib).toFixed(2)}`;
    console.log(`| ${mix.what} | ${command} | ${results.map(cell).join(' | ')} | ${ratio} |`);
  }
  for (const file of files) rmSync(file);
}
