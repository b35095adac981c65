// Structure-aware damage to trace.dat, versions 6 and 7, packed and not: the parts are damaged before they are packed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { must, pick, upTo } from './must.mjs';
import { mutate } from './mutate.mjs';
import { partsOf, u32, u64, version6, version7 } from './trace-dat-bytes.mjs';

const KERNELS = ['6.12.117-lab-y', 'debian-6.16.12'];
const MAX_CPU = 8192;
/** Enough events to be told apart; a whole list costs more to read than its records. */
const FORMATS = 5;
const NAMES = [
  '',
  'toString',
  '__proto__',
  '##[error]x',
  'a\r::error::b',
  '\x1b[31m',
  'ü\ufffd',
  'x'.repeat(5000),
];
const CLOCKS = ['local', 'mono', 'counter', 'x86-tsc', 'uptime', '[', 'x'.repeat(300)];
const PRINTED = [
  'print fmt: "%s %d %p %*pbl", REC->a, REC->b',
  'print fmt: "%llx%llx%llx%llx%s%s%s%n", ((u64)(REC->a) << 99), REC->b / 0, REC->c % 0',
  `print fmt: "${'%d '.repeat(200)}", REC->common_pid`,
  `print fmt: "%d", ${'('.repeat(300)}REC->common_pid${')'.repeat(300)}`,
  `print fmt: "%d", ${'!~-'.repeat(500)}REC->common_pid`,
  'print fmt: "%s", __print_flags(REC->common_pid, "|", {0x1, "a"}, {0x, "b"}, {',
  'print fmt: "%s", __print_symbolic(REC->common_type, { -1, "a" }, { 99999999999999999999, "b" })',
  'print fmt: "%s", __print_array(__get_dynamic_array(x), 4294967295, 0)',
  'print fmt: "%s", __print_hex_str(REC->common_pid, 1000000000)',
  'print fmt: "%s", __get_str(x) ? __get_bitmask(y) : REC->common_pid ? 1 : 2 ? 3 : 4',
  'print fmt: "%9999999999d|%.9999999999s|%-0+ #*.*ld", 1, 2, 3, "x"',
  'print fmt: "%pS %pI6c %pU %pM %pV %pf", REC->common_pid',
  'print fmt: ',
];
const NUMBERS = [
  0,
  1,
  3,
  4,
  7,
  63,
  255,
  4095,
  65535,
  2 ** 20,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 40,
  2 ** 53,
];

/** Numbers that a field of the file may be replaced by. */
const wrong = (n, next) => {
  const r = next();
  if (r < 0.5) return Math.max(0, n + upTo(17, next) - 8);
  return r < 0.8 ? pick(NUMBERS, next) : Math.floor(next() * 2 ** 32);
};

function damageFormat(format, all, next) {
  if (next() < 0.3) {
    const text = format.toString('latin1');
    const at = text.indexOf('print fmt:');
    return Buffer.from(`${at < 0 ? text : text.slice(0, at)}${pick(PRINTED, next)}\n`, 'latin1');
  }
  if (next() < 0.5) {
    // A field's place, size or sign.
    const text = format.toString('latin1');
    return Buffer.from(
      text.replace(/(offset|size|signed|ID): ?\d+/g, (all, key) =>
        next() < 0.15 ? `${key}:${wrong(8, next)}` : all,
      ),
      'latin1',
    );
  }
  return mutate(format, all, next);
}

/** A sub-buffer: its stamp, its length, the head of a record, or bytes anywhere. */
function damagePage(page, next) {
  const b = Buffer.from(page);
  const times = 1 + upTo(4, next);
  for (let i = 0; i < times; i++) {
    const r = next();
    if (r < 0.15) b.writeBigUInt64LE(BigInt(Math.floor(next() * 2 ** 53)), 0);
    else if (r < 0.35) b.writeUInt32LE(wrong(b.readUInt32LE(8), next) >>> 0, 8);
    // Heads of records lie on words: 5 bits of type and length, 27 of time.
    else if (r < 0.75) {
      const at = 16 + 4 * upTo(Math.min(1020, (b.readUInt16LE(8) || 4080) >> 2), next);
      if (at + 4 > b.length) continue;
      b.writeUInt32LE(
        next() < 0.5 ? ((b.readUInt32LE(at) & ~31) | upTo(32, next)) >>> 0 : upTo(2 ** 32, next),
        at,
      );
    } else b[upTo(b.length, next)] = upTo(256, next);
  }
  return b;
}

function damageParts(parts, next) {
  const some = (list) => {
    const from = upTo(Math.max(1, list.length - FORMATS), next);
    return list.slice(from, from + FORMATS);
  };
  const texts = [...parts.ftrace.slice(0, 3), parts.systems[0].formats[0]];
  const made = {
    ...parts,
    ftrace: some(parts.ftrace),
    systems: parts.systems
      .filter(() => next() < 0.7)
      .map((s) => ({
        name: next() < 0.05 ? pick(NAMES, next).replaceAll('\0', '') : s.name,
        formats: some(s.formats),
      })),
    data: parts.data.filter(() => next() < 0.8).map((pages) => pages.slice(0, 1 + upTo(2, next))),
  };
  if (next() < 0.5) made.ftrace = made.ftrace.map((f) => (next() < 0.4 ? damageFormat(f, texts, next) : f));
  if (next() < 0.5) {
    made.systems = made.systems.map((s) => ({
      name: s.name,
      formats: s.formats.map((f) => (next() < 0.3 ? damageFormat(f, texts, next) : f)),
    }));
  }
  for (const text of ['page', 'event', 'kallsyms', 'printk', 'cmdlines'])
    if (next() < 0.15) made[text] = mutate(parts[text], texts, next);
  if (next() < 0.1) made.cmdlines = Buffer.from(NAMES.map((name, i) => `${i} ${name}\n`).join(''), 'latin1');
  if (next() < 0.7)
    made.data = made.data.map((pages) => pages.map((p) => (next() < 0.6 ? damagePage(p, next) : p)));
  if (next() < 0.1) made.data = made.data.map((pages) => [...pages].reverse());
  if (next() < 0.03)
    made.data = Array.from({ length: 1 + upTo(600, next) }, (_, i) => (i < 3 ? (made.data[i] ?? []) : []));
  return made;
}

function damageOptions(next) {
  const text = (s) => Buffer.from(`${s}\0`, 'latin1');
  const kinds = [
    () => [2, text(`CPU: 0\nentries: ${wrong(5, next)}\noverrun: ${wrong(5, next)}\ncommit overrun: 0\n`)],
    () => [4, text(`local [${pick(CLOCKS, next)}] global`)],
    () => [5, text(pick(NAMES, next))],
    () => [7, text(String(pick(['-9223372036854775808', '18446744073709551615', 'x', '12', '-1'], next)))],
    () => [14, Buffer.concat([u32(wrong(4e8, next)), u32(wrong(30, next)), u64(wrong(0, next))])],
    () => [3, Buffer.concat([u64(wrong(4096, next)), text(pick(NAMES, next))])],
    () => [upTo(40, next), Buffer.alloc(upTo(40, next), upTo(256, next))],
  ];
  return Array.from({ length: upTo(4, next) }, () => pick(kinds, next)());
}

/** One damaged file. */
function file(parts, next) {
  const rate = next() < 0.5 ? 0 : next() ** 2 * 0.2;
  const off = (n) => (next() < rate ? wrong(n, next) : n);
  const how = {
    bigEndian: next() < 0.03,
    longSize: next() < 0.03 ? pick([0, 4, 9], next) : 8,
    pageSize: next() < 0.05 ? wrong(4096, next) : 4096,
    compression: pick(['none', 'zlib', 'zlib', 'zlib', 'lz77', ''], next),
    clock: next() < 0.8 ? 'local' : pick(CLOCKS, next),
    instances: next() < 0.8 ? [''] : ['', pick(NAMES, next), ''],
    options: next() < 0.5 ? [] : damageOptions(next),
    loop: next() < 0.05,
    place: off,
    size: off,
    cpu: (i) => (next() < rate ? wrong(i, next) : i),
    unpacked: () => next() < 0.05,
    packed: (b) => (next() < rate ? mutate(b, [], next) : b),
  };
  const made = damageParts(parts, next);
  const bytes = next() < 0.3 ? version6(made, how) : version7(made, how);
  return next() < 0.2 ? mutate(bytes, [], next) : bytes;
}

/** Rows within bounds, nothing thrown but what is documented, and as many records without texts as with them. */
export function traceDat({ scan, recording, source, errors, timeline, report }, root) {
  const corpus = KERNELS.map((kernel) => {
    const packed = readFileSync(join(root, 'fixtures/trace-dat', kernel, 'v6.dat.gz'));
    const parts = partsOf(gunzipSync(packed));
    // The whole symbol table costs more than the records it names.
    return { ...parts, kallsyms: parts.kallsyms.subarray(0, 2000) };
  });
  const { Interner, EventTable, TimeBase } = timeline;
  const read = (bytes, bodies) => {
    const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
    let rows = 0;
    const sink = (batch) => {
      for (let i = 0; i < batch.length; i++) {
        rows++;
        must(batch.event[i] < context.events.size, 'event id');
        must(batch.cpu[i] >= -1 && batch.cpu[i] < MAX_CPU, `cpu ${batch.cpu[i]}`);
        must(batch.bodyStart[i] <= batch.bodyEnd[i] && batch.bodyEnd[i] <= batch.bytes.length, 'body range');
        must(batch.offset[i] >= 0, 'place');
        const ts = batch.tsNs[i];
        must(Number.isFinite(ts), `stamp ${ts}`);
        context.names.text(batch.comm[i]);
        context.events.head(batch.event[i]);
      }
    };
    const opened = recording.openRecording(source.bytesSource(bytes, 'x.dat'));
    const summary = scan.scanRecording(opened, context, sink, { input: 0, bodies });
    must(rows === summary.records + summary.lostFacts, `${rows} rows of ${summary.records} records`);
    return summary.records;
  };
  const known = (error) => error instanceof errors.TraceError;
  return {
    name: 'trace-dat',
    // Packing costs several times what a text does.
    weight: 1 / 3,
    run: (next) => {
      const bytes = file(pick(corpus, next), next);
      let records;
      try {
        records = read(bytes, 'text');
      } catch (error) {
        if (known(error)) return;
        throw error;
      }
      if (next() < 0.1) must(read(bytes, 'none') === records, 'records with and without text');
      if (next() < 0.05)
        for (const _ of report.reportText(recording.openRecording(source.bytesSource(bytes, 'x')))) void _;
    },
  };
}
