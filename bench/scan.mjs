// Speed of the scan alone: bytes → columns (stamp, CPU, task, flags, name and event ids, body), against wc, grep, mawk.
//   node bench/scan.mjs [--size MB] [--rounds N] [--from RECORDING]
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeBig } from './make-big.mjs';
import { build, option, race } from './race.mjs';

const self = fileURLToPath(import.meta.url);

async function run(built, file) {
  const load = (path) => import(`${built}/src/${path}.js`);
  const [{ scanInput }, { Interner }, { EventTable }, { TimeBase }] = await Promise.all(
    ['parsers/input/open-input', 'timeline/interner', 'timeline/events', 'timeline/time-base'].map(load),
  );
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  let events = 0;
  const from = process.hrtime.bigint();
  const scanned = await scanInput(file, {
    input: 0,
    context,
    sink: (batch) => {
      events += batch.length;
    },
  });
  const seconds = Number(process.hrtime.bigint() - from) / 1e9;
  const { lines } = scanned.report;
  if (lines.event > events || lines.skipped > 0 || lines.foreign > 0) throw new Error(JSON.stringify(lines));
  const rssMB = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(JSON.stringify({ seconds, events: lines.event, rssMB }));
}

if (process.argv[2] === '--run') await run(process.argv[3], process.argv[4]);
else {
  const file = makeBig(Number(option('size', '300')), option('from', undefined));
  const { ratio, rssMB } = race(
    'pttrace scan',
    self,
    build(),
    file,
    statSync(file).size,
    Number(option('rounds', '5')),
  );
  process.stdout.write(`floor scan-times-mawk ${ratio.toFixed(2)} >= 0.8\n`);
  process.stdout.write(`floor scan-peak-MB ${rssMB.toFixed(0)} <= 130\n`);
}
