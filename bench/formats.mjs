// Speed of every format: real lines again and again with moving stamps, scanned to columns, beside wc, grep and mawk
// on the same bytes; trace.dat beside trace-cmd report. Prints a table; --write also stores it in bench/formats.json,
// which docs/formats.md is printed from.
//   node bench/formats.mjs [--size MB] [--rounds N] [--only FORMAT] [--built DIR] [--write]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { repeatTo } from './make-big.mjs';
import { build, median, option, ours, shell } from './race.mjs';
import { grow } from './trace-dat.mjs';

const self = fileURLToPath(import.meta.url);
const root = join(dirname(self), '..');
const STORE = join(root, 'bench/formats.json');

const SECONDS = /^(.*?\s)(\d+)(\.\d{6,9}:.*)$/;
const FIRST_NUMBER = /^(\s*)(\d+)(.*)$/;

/** Format → a fixture whose lines are repeated, and where in a line the stamp stands; null: lines have none. */
export const SOURCES = {
  ftrace: ['fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz', SECONDS],
  'ftrace-fields': ['fixtures/ftrace-options/6.12.117-lab-y/fields.txt', SECONDS],
  'trace-cmd-report': ['fixtures/trace-cmd-report/6.12.117-lab-y/report.txt', SECONDS],
  'function-graph': ['fixtures/function_graph/6.12.117-lab-y/abstime.txt', /^(\s*)(\d+)(\.\d{6} \|.*)$/],
  'latency-format': [
    'fixtures/latency-format/6.12.117-lab-y/latency-format.txt',
    /^(.*?\s)(\d+)(us[ +!:].*)$/,
  ],
  'perf-script': ['fixtures/perf-script/6.12.117-lab-y/default.txt', SECONDS],
  'perf-trace': ['fixtures/perf-trace/mixed.txt', FIRST_NUMBER],
  'perf-json': ['fixtures/perf-json/6.12.117-lab-y/perf.json', null],
  jsonl: ['fixtures/json-lines/6.12.117-lab-y/mt-munmap.jsonl', /^(.*?"tsNs":")(\d+)(".*)$/],
  csv: ['fixtures/csv/6.12.117-lab-y/mt-munmap.csv', FIRST_NUMBER],
  'bpftrace-log': ['fixtures/bpftrace-log/6.12.117-lab-y/events.txt.gz', FIRST_NUMBER],
  'bpftrace-json': ['fixtures/bpftrace-json/6.12.117-lab-y/events.json', /^(.*?"data": ")(\d+)( .*)$/],
  'systrace-html': ['fixtures/replay/6.12.117-lab-y/gup-munmap.txt.gz', SECONDS],
  'trace-dat': ['fixtures/trace-dat/6.12.117-lab-y/v6.dat.gz', null],
};

/** Formats that were slow once: what they must keep of mawk's speed, in the median of the rounds. */
const AT_LEAST = {
  'ftrace-fields': 0.25,
  'perf-trace': 0.25,
  'perf-json': 0.25,
  jsonl: 0.25,
  csv: 0.25,
};

/** What wraps the lines where a format is more than lines. */
const WRAPPED = {
  'systrace-html': {
    head: '<!DOCTYPE html>\n<html>\n<body>\n<script class="trace-data" type="application/text">\n',
    tail: '</script>\n</body>\n</html>\n',
  },
};

function textOf(path) {
  const raw = readFileSync(join(root, path));
  return path.endsWith('.gz') ? gunzipSync(raw) : raw;
}

/** A file of at least `megabytes` in `dir`. */
export function make(format, megabytes, dir) {
  const [path, stamp] = SOURCES[format];
  const target = join(dir, `${format}.bench`);
  if (format === 'trace-dat') grow(textOf(path), target, megabytes * 1e6);
  else if (format === 'perf-json') writeSamples(textOf(path).toString('utf8'), target, megabytes * 1e6);
  else repeatTo(target, textOf(path).toString('latin1'), stamp, megabytes * 1e6, WRAPPED[format]);
  return target;
}

/** One document whose list of samples is long enough: its samples again and again, later each time. */
function writeSamples(text, target, bytes) {
  const at = text.indexOf('[', text.indexOf('"samples"')) + 1;
  const end = text.lastIndexOf(']');
  const samples = text.slice(at, end).trimEnd();
  const stamps = [...samples.matchAll(/"timestamp": (\d+)/g)].map((m) => Number(m[1]));
  const period = Math.max(...stamps) - Math.min(...stamps) + 1000;
  const moved = (round) =>
    samples.replace(/("timestamp": )(\d+)/g, (_, head, n) => head + (Number(n) + round * period));
  const rounds = Math.ceil(bytes / samples.length);
  const pieces = Array.from({ length: rounds }, (_, round) => moved(round));
  writeFileSync(target, `${text.slice(0, at)}${pieces.join(',')}${text.slice(end)}`);
}

async function run(built, file) {
  const load = (path) => import(`${built}/src/${path}.js`);
  const [{ scanInput }, { Interner }, { EventTable }, { TimeBase }] = await Promise.all(
    ['parsers/input/open-input', 'timeline/interner', 'timeline/events', 'timeline/time-base'].map(load),
  );
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  const from = process.hrtime.bigint();
  const { report } = await scanInput(file, {
    input: 0,
    context,
    sink: () => {},
  });
  const seconds = Number(process.hrtime.bigint() - from) / 1e9;
  const rssMB = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(
    JSON.stringify({
      seconds,
      events: report.lines.event,
      rssMB,
      format: report.format,
      lines: report.lines,
    }),
  );
}

function measure(format, built, megabytes, rounds, dir) {
  const file = make(format, megabytes, dir);
  const bytes = statSync(file).size;
  const quoted = `'${file}'`;
  const contestants = {
    ours: () => ours(self, built, file),
    wc: () => shell(`wc -l < ${quoted}`),
    grep: () => shell(`grep -c munmap ${quoted} | cat`),
    mawk: () => shell(`mawk '{c[$5]++}' ${quoted}`),
    ...(format === 'trace-dat'
      ? { 'trace-cmd': () => shell(`trace-cmd report ${quoted} >/dev/null 2>&1`) }
      : {}),
  };
  if (format === 'trace-dat') for (const text of ['wc', 'grep', 'mawk']) delete contestants[text];
  const peer = format === 'trace-dat' ? 'trace-cmd' : 'mawk';
  const best = {};
  const ratios = [];
  for (let round = 0; round < rounds; round++) {
    const took = {};
    for (const [name, go] of Object.entries(contestants)) {
      const result = go();
      took[name] = result.seconds;
      if (!best[name] || result.seconds < best[name].seconds) best[name] = result;
    }
    ratios.push(took[peer] / took.ours);
  }
  rmSync(file);
  const own = best.ours;
  if (own.format !== format) throw new Error(`${format}: read as ${own.format}`);
  const { total, ...kinds } = own.lines;
  if (Object.values(kinds).reduce((a, b) => a + b, 0) !== total)
    throw new Error(`${format}: ${JSON.stringify(own.lines)}`);
  return {
    format,
    fixture: SOURCES[format][0],
    megabytes: round(bytes / 1e6),
    events: own.events,
    megabytesPerSecond: round(bytes / 1e6 / own.seconds),
    eventsPerSecond: Math.round(own.events / own.seconds),
    peakMegabytes: Math.round(own.rssMB),
    seconds: Object.fromEntries(Object.entries(best).map(([name, b]) => [name, round(b.seconds)])),
    peer,
    timesPeer: round(median(ratios)),
  };
}

const round = (n) => Number(n.toPrecision(3));

function print(row) {
  const cells = [
    row.format.padEnd(18),
    `${row.megabytes} MB`.padStart(8),
    `${row.megabytesPerSecond} MB/s`.padStart(11),
    `${(row.eventsPerSecond / 1e6).toFixed(2)} M events/s`.padStart(17),
    `${row.peakMegabytes} MB peak`.padStart(12),
    `${row.timesPeer} × ${row.peer}`.padStart(18),
  ];
  process.stdout.write(
    `${cells.join('')}   ${Object.entries(row.seconds)
      .map(([n, s]) => `${n} ${s} s`)
      .join(', ')}\n`,
  );
}

function main() {
  const only = option('only', undefined);
  const megabytes = Number(option('size', '100'));
  const rounds = Number(option('rounds', '3'));
  const built = build();
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-bench-'));
  const rows = [];
  try {
    for (const format of Object.keys(SOURCES)) {
      if (only !== undefined && only !== format) continue;
      if (format === 'trace-dat' && spawnSync('trace-cmd', ['list', '-h']).error) {
        process.stdout.write('trace-dat: skipped, trace-cmd is not installed\n');
        continue;
      }
      rows.push(measure(format, built, megabytes, rounds, dir));
      print(rows.at(-1));
      process.stdout.write(`floor ${format}-peak-MB ${rows.at(-1).peakMegabytes} <= 130\n`);
      if (AT_LEAST[format] !== undefined) {
        process.stdout.write(`floor ${format}-times-mawk ${rows.at(-1).timesPeer} >= ${AT_LEAST[format]}\n`);
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  if (process.argv.includes('--write')) {
    const processor = cpus()[0]?.model.trim() ?? 'unknown';
    const machine = {
      processor,
      cores: cpus().length,
      node: process.version,
      load: Math.round(loadavg()[1]),
    };
    writeFileSync(STORE, `${JSON.stringify({ machine, rounds, rows }, null, 1)}\n`);
  }
}

if (process.argv[2] === '--run') await run(process.argv[3], process.argv[4]);
else if (process.argv[1] === self) main();
