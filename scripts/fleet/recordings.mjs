// Recordings for the scripts that try a fleet: real ones, each repeated with a line of its own, and simulated ones.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const repo = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const BIN = join(repo, 'bin/run.js');
const load = (path) => import(pathToFileURL(join(repo, 'dist', path)).href);

/** Writes `count` recordings below `folder`, of ten hosts; every second one simulated. No two are the same bytes. */
export async function writeRecordings(folder, count) {
  const { simulate } = await load('src/simulate/simulate.js');
  const { completeWorkload } = await load('src/simulate/workload.js');
  const replays = join(repo, 'fixtures/replay');
  const real = readdirSync(replays, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.txt.gz'))
    .sort()
    .map((name) => gunzipSync(readFileSync(join(replays, name))));
  const variants = ['A1', 'B', 'C'];
  for (let i = 0; i < count; i++) {
    const host = `host${i % 10}`;
    mkdirSync(join(folder, host), { recursive: true });
    const head = `# pttrace: host ${host}\n# pttrace: note number recording ${i}\n`;
    let body;
    if (i % 2 === 0) body = real[(i / 2) % real.length];
    else {
      const variant = variants[((i - 1) / 2) % variants.length];
      const workload = completeWorkload({ variant, seed: i, munmaps: 40, threads: 2 });
      body = Buffer.from([...simulate(workload)].join(''), 'latin1');
    }
    writeFileSync(
      join(folder, host, `${String(i).padStart(5, '0')}.txt.gz`),
      gzipSync(Buffer.concat([Buffer.from(head), body]), { level: 1 }),
    );
  }
}
