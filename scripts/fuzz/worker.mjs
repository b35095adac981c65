// The process in which inputs are tried; scripts/fuzz.mjs watches it.
import { openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runCommand } from '../in-process.mjs';
import { commands } from './commands.mjs';
import { random } from './mutate.mjs';
import { processes } from './processes.mjs';
import { targets } from './targets.mjs';

/** Inputs of a target (times its weight) before the next one has its turn. */
const ROUND = 2000;

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { list, pieces } = await targets(
  (path) => import(pathToFileURL(join(root, 'dist/src', `${path}.js`)).href),
  root,
);
list.push(commands(runCommand, Readable, pieces, root), processes(pieces, root));

process.once('message', async ({ inputs, minutes, seed, only, place, from, started }) => {
  const fd = openSync(place, 'w');
  const chosen = list.filter((target) => only === '' || target.name === only);
  // "target number": the input that ended the process before this one.
  const [lastTarget, lastNumber] = from === '' ? ['', '-1'] : from.split(' ');
  const startAt = Math.max(
    0,
    chosen.findIndex((t) => t.name === lastTarget),
  );
  const first = Number(lastNumber);
  /** A target that is tried alone has no others to leave time to. */
  const share = (target) => (only === '' ? (target.weight ?? 1) : 1);
  const over = () => (Date.now() - started) / 60_000 >= minutes;
  let round = Math.max(0, Number(from === '' ? 0 : from.split(' ')[2]));
  let skip = from === '' ? 0 : startAt;
  let resume = from === '' ? -1 : first;
  for (; ; round++) {
    if (minutes > 0 ? over() : round * ROUND >= inputs) break;
    const size = minutes > 0 ? ROUND : Math.min(ROUND, inputs - round * ROUND);
    const counts = [];
    for (const target of chosen.slice(skip)) {
      const begin = Math.floor(round * ROUND * share(target));
      const end = Math.floor((round * ROUND + size) * share(target));
      let tried = 0;
      for (let i = Math.max(begin, resume + 1); i < end && !(minutes > 0 && over()); i++, tried++) {
        const of = (seed + i * 2654435761) >>> 0;
        writeSync(fd, `${target.name} ${i} ${round} seed ${of}`.padEnd(80), 0);
        try {
          await target.run(random(of));
        } catch (error) {
          process.send({ fault: `${target.name}, seed ${of}: ${error.stack?.slice(0, 1500) ?? error}` });
        }
      }
      resume = -1;
      counts.push([target.name, tried]);
    }
    skip = 0;
    process.send({ counts, rssMiB: Math.round(process.resourceUsage().maxRSS / 1024) });
  }
  process.send({ done: true }, () => process.exit(0));
});
