// Speed of the machine and the invariants alone: the operations of a recording are decoded once into columns, then
// stepped through the engine with all its judges, again and again as captures of their own; beside mawk on the text.
//   node bench/machine.mjs [--events N] [--size MB] [--rounds N] [--from RECORDING] [--built DIR]
// `node --cpu-prof bench/machine.mjs --run file://BUILT RECORDING N` profiles one run.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { makeBig } from './make-big.mjs';
import { build, option, shell } from './race.mjs';

const self = fileURLToPath(import.meta.url);
const repo = join(dirname(self), '..');
const RECORDINGS = [
  join(repo, '../shared/recordings/6.12.117-lab-y/ftrace-kprobes.txt.gz'),
  join(repo, 'fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz'),
];
/** What is asked for: 3 M events/s where mawk makes about 7 M lines/s. */
const FLOOR = 3 / 7;

const SLOTS = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'];
const HEAD = ['kind', 'ref', 'tsNs', 'cpu', 'pid', 'flags', 'context', 'basis', 'nTables'];

/** Operations of a recording in columns, row by row of its batches. `kind` < 0: the line means nothing here. */
class Columns {
  constructor() {
    for (const name of [...HEAD, ...SLOTS]) this[name] = [];
    this.tables = [];
    this.tablesAt = [];
    this.rows = 0;
  }

  add(decoded, op) {
    for (const name of [...HEAD, ...SLOTS]) this[name].push(op[name]);
    if (!decoded) this.kind[this.rows] = -1;
    this.tablesAt.push(this.tables.length);
    if (decoded) for (let i = 0; i < op.nTables; i++) this.tables.push(op.tables[i]);
    this.rows++;
  }

  packed() {
    const whole = new Set(['kind', 'cpu', 'pid', 'flags', 'context', 'basis', 'nTables', 'tablesAt']);
    for (const name of [...HEAD, ...SLOTS, 'tables', 'tablesAt']) {
      this[name] = whole.has(name) ? Int32Array.from(this[name]) : Float64Array.from(this[name]);
    }
    return this;
  }
}

/** Stands in for the decoder: hands out what was decoded before. `base` is the row the batch begins at. */
class Decoded {
  base = 0;
  shiftNs = 0;
  unread = false;

  constructor(columns) {
    this.columns = columns;
  }

  /** A capture ends; nothing was learnt from it. */
  restart() {}

  decode(_batch, row, op) {
    const c = this.columns;
    const i = this.base + row;
    const kind = c.kind[i];
    if (kind < 0) return false;
    op.kind = kind;
    op.ref = c.ref[i];
    op.tsNs = c.tsNs[i] + this.shiftNs;
    op.cpu = c.cpu[i];
    op.pid = c.pid[i];
    op.flags = c.flags[i];
    op.context = c.context[i];
    op.basis = c.basis[i];
    op.a0 = c.a0[i];
    op.a1 = c.a1[i];
    op.a2 = c.a2[i];
    op.a3 = c.a3[i];
    op.a4 = c.a4[i];
    op.a5 = c.a5[i];
    op.a6 = c.a6[i];
    op.a7 = c.a7[i];
    const n = c.nTables[i];
    op.nTables = n;
    for (let t = 0, from = c.tablesAt[i]; t < n; t++) op.tables[t] = c.tables[from + t];
    return true;
  }
}

async function run(built, recording, wanted) {
  const { newPipeline, runPipeline } = await import(`${built}/src/read/pipeline.js`);
  const { ReplayEngine } = await import(`${built}/src/replay/engine.js`);
  const { Op } = await import(`${built}/src/kernel/ops.js`);
  const { copyBatch } = await import(`${built}/src/timeline/window.js`);
  const { LAST_RESERVED } = await import(`${built}/src/timeline/events.js`);

  const pipeline = newPipeline();
  const columns = new Columns();
  const batches = [];
  const op = new Op();
  await runPipeline(pipeline, { paths: [recording] }, (decoder) => ({
    boundary: () => {},
    batch: (batch) => {
      batches.push({ batch: copyBatch(batch), base: columns.rows });
      for (let row = 0; row < batch.length; row++) {
        columns.add(batch.event[row] > LAST_RESERVED && decoder.decode(batch, row, op), op);
      }
    },
  }));
  const decoder = new Decoded(columns.packed());
  const { names, time, funcs } = pipeline;
  const engine = new ReplayEngine({
    names,
    time,
    funcs,
    decoder,
    variants: null,
    filter: null,
    listener: null,
    maxFindings: 50,
  });
  const stamps = columns.tsNs.filter((_, i) => columns.kind[i] >= 0);
  const period = stamps.reduce((a, b) => Math.max(a, b), 0) - stamps.reduce((a, b) => Math.min(a, b)) + 2000;

  let nanoseconds = 0n;
  while (engine.events < wanted) {
    const from = process.hrtime.bigint();
    for (const { batch, base } of batches) {
      decoder.base = base;
      engine.batch(batch);
    }
    engine.boundary();
    nanoseconds += process.hrtime.bigint() - from;
    // The next capture is later: outside of what is measured.
    decoder.shiftNs += period;
    for (const { batch } of batches) {
      for (let row = 0; row < batch.length; row++) batch.tsNs[row] += period;
    }
  }
  engine.finish();
  let passed = 0;
  let violated = 0;
  for (const tally of engine.ledger.tallies.values()) {
    passed += tally.pass.reduce((a, b) => a + b, 0);
    violated += tally.violated;
  }
  if (!(passed > 0) || violated > 0) throw new Error(`${passed} passed, ${violated} violated`);
  process.stdout.write(
    JSON.stringify({
      seconds: Number(nanoseconds) / 1e9,
      events: engine.events,
      rssMB: process.resourceUsage().maxRSS / 1024,
      passed,
    }),
  );
}

function alone(built, recording, events) {
  const args = [...process.execArgv, self, '--run', pathToFileURL(built).href, recording, events];
  const done = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
}

if (process.argv[2] === '--run') await run(process.argv[3], process.argv[4], Number(process.argv[5] ?? 5e6));
else {
  const from = option(
    'from',
    RECORDINGS.find((path) => existsSync(path)),
  );
  const text = makeBig(Number(option('size', '100')), from);
  const lines = readFileSync(text).reduce((n, byte) => (byte === 10 ? n + 1 : n), 0);
  const built = build();
  const rounds = Number(option('rounds', '5'));
  let machine = null;
  let mawk = null;
  for (let round = 0; round < rounds; round++) {
    const one = alone(built, from, option('events', '5000000'));
    if (machine === null || one.events / one.seconds > machine.events / machine.seconds) machine = one;
    const other = shell(`mawk '{c[$5]++}' '${text}'`);
    if (mawk === null || other.seconds < mawk.seconds) mawk = other;
  }
  const events = machine.events / machine.seconds;
  const linesPerSecond = lines / mawk.seconds;
  const row = (...cells) =>
    process.stdout.write(`${cells.map((c, i) => (i ? c.padStart(14) : c.padEnd(28))).join('')}\n`);
  row(`best of ${rounds}`, 'seconds', 'per second', 'peak MB', '× mawk');
  row(
    `machine, ${(machine.events / 1e6).toFixed(1)} M events`,
    machine.seconds.toFixed(3),
    `${(events / 1e6).toFixed(2)} M`,
    machine.rssMB.toFixed(0),
    (events / linesPerSecond).toFixed(2),
  );
  row(
    `mawk, ${(lines / 1e6).toFixed(1)} M lines`,
    mawk.seconds.toFixed(3),
    `${(linesPerSecond / 1e6).toFixed(2)} M`,
    '',
    '1.00',
  );
  process.stdout.write(
    `floor machine-events-per-mawk-line ${(events / linesPerSecond).toFixed(2)} >= ${FLOOR.toFixed(2)}\n`,
  );
}
