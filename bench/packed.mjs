// A packed recording beside its text: the replay of both, and what the unpacking alone takes.
//   node bench/packed.mjs [--size MB] [--rounds N] [--from RECORDING] [--built DIR]
// Each round: the text, then each packed form. On two free cores unpacking and reading overlap; a machine whose cores are taken shows
// the sum of both, whatever overlaps.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBig } from './make-big.mjs';
import { build, option, ours, shell } from './race.mjs';

const replay = join(dirname(fileURLToPath(import.meta.url)), 'replay.mjs');
const PACKERS = { gz: ['gzip -1c', 'gzip -dc'], zst: ['zstd -qc', 'zstd -dqc'], xz: ['xz -0c', 'xz -dc'] };
/** Of the time of the text, on two free cores. */
const FLOOR = 1.2;

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[(list.length - 1) >> 1] + sorted[list.length >> 1]) / 2;
};

const text = makeBig(Number(option('size', '100')), option('from', undefined));
const rounds = Number(option('rounds', '5'));
const built = build();
const dir = mkdtempSync(join(tmpdir(), 'pttrace-packed-'));
try {
  const files = {};
  for (const [form, [pack]] of Object.entries(PACKERS)) {
    if (spawnSync(pack.split(' ')[0], ['--version']).error) continue;
    files[form] = join(dir, `big.${form}`);
    shell(`${pack} '${text}' > '${files[form]}'`);
  }
  const times = { text: [] };
  const parts = {};
  const alone = {};
  for (let round = 0; round < rounds; round++) {
    const plain = ours(replay, built, text);
    times.text.push(plain.seconds);
    for (const [form, file] of Object.entries(files)) {
      const packed = ours(replay, built, file);
      if (packed.events !== plain.events)
        throw new Error(`${form}: ${packed.events} events of ${plain.events}`);
      (times[form] ??= []).push(packed.seconds);
      (parts[form] ??= []).push(packed.seconds / plain.seconds);
      (alone[form] ??= []).push(shell(`${PACKERS[form][1]} '${file}' > /dev/null`).seconds);
    }
  }
  const cells = (...all) =>
    `${all.map((cell, i) => (i === 0 ? cell.padEnd(8) : cell.padStart(16))).join('')}\n`;
  process.stdout.write(`${(statSync(text).size / 1e6).toFixed(0)} MB, medians of ${rounds}\n\n`);
  process.stdout.write(cells('form', 'replay', 'unpacking alone', 'times the text'));
  for (const form of Object.keys(times)) {
    process.stdout.write(
      cells(
        form,
        `${median(times[form]).toFixed(2)} s`,
        alone[form] ? `${median(alone[form]).toFixed(2)} s` : '',
        parts[form] ? median(parts[form]).toFixed(2) : '',
      ),
    );
  }
  process.stdout.write(`\nload of the machine ${loadavg()[0].toFixed(1)}\n`);
  for (const form of Object.keys(parts)) {
    process.stdout.write(`floor packed-${form}-times-text ${median(parts[form]).toFixed(2)} <= ${FLOOR}\n`);
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
