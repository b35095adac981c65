// A big trace made of real lines: one recording again and again, its stamps moved on, its header at every seam.
import { closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const repo = join(dirname(fileURLToPath(import.meta.url)), '..');
const RECORDINGS = [
  join(repo, '../shared/recordings/6.12.117-lab-y/ftrace-kprobes.txt.gz'),
  join(repo, 'fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz'),
];
const STAMP = /^(.*?-\d+ +(?:\(.{7}\) )?\[\d+\] (?:\S+ )? *)(\d+)(\.\d+: .*)$/;

/** Path of a file of at least `megabytes`; made anew only when it is not there yet. */
export function makeBig(megabytes, from = RECORDINGS.find((path) => existsSync(path))) {
  const raw = readFileSync(from);
  const text = (from.endsWith('.gz') ? gunzipSync(raw) : raw).toString('latin1');
  const target = join(tmpdir(), `pttrace-bench-${text.length}-${megabytes}MB.txt`);
  const wanted = megabytes * 1e6;
  if (existsSync(target) && statSync(target).size >= wanted) return target;
  repeatTo(target, text, STAMP, wanted);
  return target;
}

/**
 * Writes `text` again and again until `bytes` are there. `stamp` has the groups before, whole number, behind; what is
 * before the first stamped line stands at every seam, as in a recording that was appended to. Null: nothing moves.
 */
export function repeatTo(target, text, stamp, bytes, { head = '', tail = '' } = {}) {
  const lines = text.replace(/\n$/, '').split('\n');
  const stamped = lines.map((line) => (stamp === null ? null : stamp.exec(line)));
  let low = Infinity;
  let high = -Infinity;
  for (const m of stamped) {
    if (m === null) continue;
    low = Math.min(low, Number(m[2]));
    high = Math.max(high, Number(m[2]));
  }
  const period = high - low + 2;
  const fd = openSync(target, 'w');
  try {
    let written = writeSync(fd, head);
    for (let round = 0; written < bytes; round++) {
      const moved = lines.map((line, i) => {
        const m = stamped[i];
        return m === null ? line : `${m[1]}${Number(m[2]) + round * period}${m[3]}`;
      });
      written += writeSync(fd, Buffer.from(`${moved.join('\n')}\n`, 'latin1'));
    }
    writeSync(fd, tail);
  } finally {
    closeSync(fd);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [megabytes = '300', from] = process.argv.slice(2);
  process.stdout.write(`${makeBig(Number(megabytes), from)}\n`);
}
