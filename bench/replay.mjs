// Speed of the whole: scan, decode, replay on the machine, invariants, latencies, against wc, grep, mawk.
//   node bench/replay.mjs [--size MB] [--rounds N] [--from RECORDING]
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeBig } from './make-big.mjs';
import { build, option, race } from './race.mjs';

const self = fileURLToPath(import.meta.url);

async function run(built, file) {
  const { analyse } = await import(`${built}/src/analyse/analyse.js`);
  const from = process.hrtime.bigint();
  const result = await analyse({ paths: [file] });
  const seconds = Number(process.hrtime.bigint() - from) / 1e9;
  const events = result.inputs[0].lines.event;
  if (!(events > 0)) throw new Error('no events');
  const rssMB = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(JSON.stringify({ seconds, events, rssMB }));
}

if (process.argv[2] === '--run') await run(process.argv[3], process.argv[4]);
else {
  const file = makeBig(Number(option('size', '300')), option('from', undefined));
  const { ratio, rssMB } = race(
    'pttrace replay',
    self,
    build(),
    file,
    statSync(file).size,
    Number(option('rounds', '5')),
  );
  process.stdout.write(`floor replay-times-mawk ${ratio.toFixed(2)} >= 0.3\n`);
  process.stdout.write(`floor replay-peak-MB ${rssMB.toFixed(0)} <= 200\n`);
}
