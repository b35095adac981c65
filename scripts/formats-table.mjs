// docs/formats.md, printed from the registry of dialects, the fixtures and bench/formats.json.
//   npm run build && node scripts/formats-table.mjs [--check]
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync, inflateSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const load = (path) => import(pathToFileURL(join(root, 'dist/src', path)).href);

/** Fixtures that are no traces: programs, definitions, what a trace is compared with. */
const NOT_A_TRACE =
  /^(?:litmus|explore)\/|README\.md$|kprobe_events\.txt$|\.report\.txt\.gz$|^record\/.*(?:kernel-info(?:-offsets)?|available-functions)\.txt\.gz$|^bpftrace-hist\/.*(?:\.json|\.gz)$/;
const KINDS = ['event', 'header', 'lost', 'stack', 'continuation', 'blank', 'foreign', 'skipped'];
const TRACE_DAT = {
  id: 'trace-dat',
  title: 'trace.dat of trace-cmd, v6 and v7, read directly; its records count as lines',
};
const HISTOGRAMS = {
  id: 'histograms',
  title:
    'printed histograms: bpftrace text and JSON, bcc, `perf ftrace latency`, hist triggers, HdrHistogram, in a mail or not',
};

/** Every trace among the fixtures, by path, in order. */
export function traceFixtures() {
  return readdirSync(join(root, 'fixtures'), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => statSync(join(root, 'fixtures', name)).isFile())
    .filter((name) => !NOT_A_TRACE.test(name))
    .sort();
}

/** What each fixture is read as: its lines by kind, or why it is refused. */
export async function readings() {
  const [
    { scanInput },
    { machinesApart },
    { Interner },
    { EventTable },
    { TimeBase },
    { openInput },
    { TraceError },
  ] = await Promise.all(
    [
      'parsers/input/open-input.js',
      'parsers/input/machines.js',
      'timeline/interner.js',
      'timeline/events.js',
      'timeline/time-base.js',
      'measure/histogram-input.js',
      'parsers/input/trace-error.js',
    ].map(load),
  );
  const scratch = mkdtempSync(join(tmpdir(), 'pttrace-formats-'));
  const read = [];
  try {
    for (const name of traceFixtures()) {
      const stored = join(root, 'fixtures', name);
      const raw = readFileSync(stored);
      const bytes = name.endsWith('.gz') ? gunzipSync(raw) : raw;
      // trace.dat is read from a plain file only; it is packed here to keep the tree small.
      const path = name.endsWith('.dat.gz') ? join(scratch, basename(name, '.gz')) : stored;
      if (path !== stored) writeFileSync(path, bytes);
      const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
      try {
        const opened = await openInput(path, {});
        const reports = [];
        // Of several machines in one report each is read by itself.
        for (const one of opened.kind === 'recording' ? await machinesApart([path]) : [])
          reports.push((await scanInput(one, { input: 0, context, sink: () => {} })).report);
        if (opened.kind !== 'recording') reports.push(opened.input);
        for (const { path: read1, format, lines } of reports) {
          const machine = reports.length > 1 ? read1.slice(path.length) : '';
          read.push({ name: `${name}${machine}`, format, lines, newlines: lineCount(bytes), refused: null });
        }
      } catch (error) {
        if (!(error instanceof TraceError)) throw error;
        read.push({ name, format: null, lines: null, newlines: lineCount(bytes), refused: error.message });
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return read;
}

/**
 * Lines of what is read of a file, an unfinished last one included: counted without the reader. What a file carries
 * packed (`atrace -z`: zlib behind the line `TRACE:`) or encoded (a mail in base64) counts by the lines of its text,
 * which are the ones that are told of; their number is not that of the lines the file itself has.
 */
export function lineCount(bytes) {
  const text = asRead(bytes);
  let n = 0;
  for (const byte of text) if (byte === 10) n++;
  return text.length > 0 && text[text.length - 1] !== 10 ? n + 1 : n;
}

function asRead(bytes) {
  const zlib = Buffer.from('TRACE:\n\x78', 'latin1');
  if (bytes.subarray(0, zlib.length).equals(zlib)) {
    const at = zlib.length - 1;
    return Buffer.concat([bytes.subarray(0, at), inflateSync(bytes.subarray(at))]);
  }
  if (bytes.length > 65_536) return bytes;
  const [head, body] = bytes.toString('latin1').split(/(?<=\n)\n(.*)/s);
  if (body === undefined || !/^content-transfer-encoding: *base64$/im.test(head)) return bytes;
  return Buffer.concat([Buffer.from(`${head}\n`, 'latin1'), Buffer.from(body, 'base64')]);
}

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((r) => `| ${r.map(cell).join(' | ')} |`).join('\n');
const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ' ');

/** `a/b/1.txt, a/b/2.txt` → `a/b (2)`. */
function folders(names) {
  const counts = new Map();
  for (const name of names) counts.set(dirname(name), (counts.get(dirname(name)) ?? 0) + 1);
  return [...counts].map(([folder, n]) => `${folder} (${n})`).join(', ');
}

/** The page as registry, fixtures and measurements have it now. */
export async function page() {
  const { DIALECTS } = await load('parsers/input/detect.js');
  const formats = [...DIALECTS.map(({ id, title }) => ({ id, title })), TRACE_DAT, HISTOGRAMS];
  const all = await readings();
  const of = (id) => all.filter((r) => r.format === id);
  const unknown = all.find((r) => r.format !== null && !formats.some((f) => f.id === r.format));
  if (unknown) throw new Error(`${unknown.name}: format ${unknown.format} is in no list`);

  const fixtures = table(
    ['format', 'what', 'fixtures'],
    formats.map(({ id, title }) => [
      `\`${id}\``,
      title,
      of(id).length === 0 ? 'none recorded; lines made in its test' : folders(of(id).map((r) => r.name)),
    ]),
  );
  const accounting = table(
    ['format', 'files', 'lines', ...KINDS],
    formats
      .filter(({ id }) => of(id).length > 0)
      .map(({ id }) => {
        const sum = (kind) => of(id).reduce((n, r) => n + r.lines[kind], 0);
        return [`\`${id}\``, of(id).length, ...['total', ...KINDS].map((kind) => number(sum(kind)))];
      }),
  );
  const refused = table(
    ['file', 'what is said of it'],
    all.filter((r) => r.refused !== null).map((r) => [r.name, r.refused]),
  );
  const { machine, rounds, rows } = JSON.parse(readFileSync(join(root, 'bench/formats.json'), 'utf8'));
  const speed = table(
    ['format', 'input', 'MB/s', 'events/s', 'peak memory', 'times as fast as'],
    rows.map((r) => [
      `\`${r.format}\``,
      `${r.megabytes} MB of ${r.fixture.replace('fixtures/', '')}`,
      r.megabytesPerSecond,
      `${(r.eventsPerSecond / 1e6).toFixed(2)} M`,
      `${r.peakMegabytes} MB`,
      `${r.timesPeer} × ${r.peer === 'mawk' ? "`mawk '{c[$5]++}'`" : '`trace-cmd report`'}`,
    ]),
  );
  return `<!-- Printed by scripts/formats-table.mjs; edit what it reads. -->

# Formats

Detected by content, never by file name; \`--format\` overrides. gzip, zstd, xz and base64 are unpacked, lines in JSON or CSV of a log collector taken out. \`pttrace info FILE\` says
what a file was read as, why, and what became of every line.

${fixtures}

## Accounting

Every line of an input is of exactly one kind, and the kinds sum to the number of lines. All fixtures, as they are read:

${accounting}

*skipped*: looked like trace and could not be used; each reason is told with its first line. *foreign*: prose, patch text,
anything that is no trace. Skipped lines of the fixtures are damage that the recordings really have.

## Recognised and refused

${refused}

perf.data, \`perf script -D\`, kprobe_events definitions, UTF-16 text and traces without stamps are named as well, each with
what to do instead.

## Speed

Real lines again and again with moving stamps, scanned to columns (stamp, CPU, task, flags, name and event ids, body), in
${rounds} rounds in which each contestant runs once: MB/s and events/s of the best round, the ratio as the median of the rounds.
The machine (${machine.processor}, ${machine.cores} cores, Node ${machine.node}) was shared with other work, at a load of ${machine.load}: the ratios are
what counts. \`node bench/formats.mjs --write\` measures anew; see [bench](../bench/README.md).

${speed}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = join(root, 'docs/formats.md');
  const text = await page();
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/formats.md is out of date: npm run build && node scripts/formats-table.mjs');
    process.exitCode = 1;
  }
}
