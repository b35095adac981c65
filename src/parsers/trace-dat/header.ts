import { MAX_CPUS } from '../../timeline/batch.js';
import { type ByteSource, bytesSource, Cursor } from './byte-source.js';
import { type Codec, inflatePiece } from './codec.js';
import { type BufferPlace, type OptionFacts, readOptions } from './options.js';
import { TraceDatError } from './trace-dat-error.js';

/** What the head of a trace.dat says; texts are the kernel's own files, as bytes. */
export interface TraceDatHead {
  readonly version: number;
  readonly littleEndian: boolean;
  /** Bytes of a kernel long, from the size of `commit` in header_page. */
  readonly longSize: number;
  readonly pageSize: number;
  /** Offset of the first record in a sub-buffer. */
  readonly dataOffset: number;
  readonly compression: string;
  readonly ftraceFormats: readonly Uint8Array[];
  readonly systems: readonly { readonly name: string; readonly formats: readonly Uint8Array[] }[];
  readonly kallsyms: Uint8Array;
  readonly printk: Uint8Array;
  readonly cmdlines: Uint8Array;
  readonly cpus: number;
  readonly buffers: readonly BufferPlace[];
  readonly options: OptionFacts;
  /** Damage met while reading; the parts before it are good. */
  readonly problems: readonly TraceDatError[];
  /** `latency` recordings hold the kernel's own text from this offset on; -1 otherwise. */
  readonly latencyTextAt: number;
}

interface Draft extends TraceDatHead {
  longSize: number;
  dataOffset: number;
  pageSize: number;
  ftraceFormats: Uint8Array[];
  systems: { name: string; formats: Uint8Array[] }[];
  kallsyms: Uint8Array;
  printk: Uint8Array;
  cmdlines: Uint8Array;
  cpus: number;
  buffers: BufferPlace[];
  problems: TraceDatError[];
  latencyTextAt: number;
}

const MAGIC = [0x17, 0x08, 0x44, 0x74, 0x72, 0x61, 0x63, 0x69, 0x6e, 0x67];
const LARGEST_PAGE = 4 * 2 ** 20;
const MOST_EVENTS = 1 << 16;

/** 1 when the bytes begin like a trace.dat (`17 08 44 tracing`), else 0. */
export function scoreTraceDat(sample: Uint8Array): number {
  return MAGIC.every((b, i) => sample[i] === b) ? 1 : 0;
}

/**
 * Reads everything but the CPU data. Throws `TraceDatError` when not even the events' formats can be had; later
 * damage is kept in `problems`. Format: trace-cmd Documentation trace-cmd.dat.v6.5 and .v7.5, lib/trace-input.c.
 */
export function readHead(source: ByteSource, codec: Codec): TraceDatHead {
  const c = new Cursor(source, 0);
  const magic = new Uint8Array(MAGIC.length);
  if (source.read(magic, 0) !== magic.length || scoreTraceDat(magic) === 0)
    c.fail('not a trace.dat file', 'unsupported-format');
  c.position = MAGIC.length;
  const version = c.string('version', 8);
  if (version !== '6' && version !== '7')
    c.fail(`trace.dat version ${version} is not supported (6 and 7 are)`, 'unsupported-format');
  const littleEndian = c.u8('byte order') === 0;
  c.littleEndian = littleEndian;
  const longSize = c.u8('long size');
  if (longSize !== 4 && longSize !== 8) c.fail(`long size ${longSize}`);
  const pageSize = c.u32('page size');
  if (pageSize < 64 || pageSize > LARGEST_PAGE) c.fail(`page size ${pageSize}`);
  const none = new Uint8Array(0);
  const draft: Draft = {
    version: Number(version),
    littleEndian,
    longSize,
    pageSize,
    dataOffset: longSize === 8 ? 16 : 12,
    compression: 'none',
    ftraceFormats: [],
    systems: [],
    kallsyms: none,
    printk: none,
    cmdlines: none,
    cpus: 0,
    buffers: [],
    options: { clock: '', offsetNs: 0n, tsc: null, stats: [], uname: '', sections: new Map(), others: 0 },
    problems: [],
    latencyTextAt: -1,
  };
  if (draft.version === 6) readV6(source, c, draft);
  else readV7(source, c, draft, codec);
  if (draft.ftraceFormats.length === 0 && draft.systems.length === 0) {
    throw draft.problems[0] ?? new TraceDatError(source.name, c.position, 'no event formats');
  }
  return draft;
}

/** Runs one part; damage ends that part only. Anything but a `TraceDatError` is a defect and passes through. */
function guard(draft: Draft, part: () => void): boolean {
  try {
    part();
    return true;
  } catch (e) {
    if (!(e instanceof TraceDatError)) throw e;
    draft.problems.push(e);
    return false;
  }
}

function readV6(source: ByteSource, c: Cursor, draft: Draft): void {
  guard(draft, () => {
    headerInfo(c, draft);
    ftraceFormats(c, draft);
    eventFormats(c, draft);
    draft.kallsyms = c.bytes(c.u32('kallsyms size'), 'kallsyms');
    draft.printk = c.bytes(c.u32('printk size'), 'printk formats');
    draft.cmdlines = c.bytes(c.size64('cmdlines size', source.size), 'cmdlines');
    draft.cpus = c.u32('CPU count');
    let tag = c.string('section name', 10);
    if (tag.startsWith('options')) {
      readOptions(c, draft.options, draft.buffers, 6, source.size);
      tag = c.string('section name', 10);
    }
    if (tag.startsWith('latency')) {
      draft.latencyTextAt = c.position;
      return;
    }
    if (!tag.startsWith('flyrecord'))
      c.fail(`section ${JSON.stringify(tag)} is none of options, flyrecord, latency`);
    const top = cpuTable(c, draft, source, '');
    for (const place of draft.buffers) {
      if (place.cpus.length > 0) continue;
      guard(draft, () => {
        const at = new Cursor(source, place.offset);
        at.littleEndian = c.littleEndian;
        if (!at.string('section name', 10).startsWith('flyrecord')) at.fail('no flyrecord section here');
        place.cpus.push(...cpuTable(at, draft, source, place.name).cpus);
      });
    }
    draft.buffers.unshift(top);
  });
}

function cpuTable(c: Cursor, draft: Draft, source: ByteSource, name: string): BufferPlace {
  const place: BufferPlace = {
    name,
    clock: '',
    offset: c.position,
    pageSize: 0,
    compressed: false,
    cpus: [],
  };
  if (draft.cpus > MAX_CPUS) c.fail(`${draft.cpus} CPUs`);
  // A file cut behind its table still says where the data would be: keep what is there, note what is not.
  for (let cpu = 0; cpu < draft.cpus; cpu++) {
    const at = c.position;
    const offset = c.size64('CPU data offset', Number.MAX_SAFE_INTEGER);
    const size = c.size64('CPU data size', Number.MAX_SAFE_INTEGER);
    place.cpus.push({ cpu, offset, size: clip(draft, source, at, cpu, offset, size) });
  }
  return place;
}

function clip(
  draft: Draft,
  source: ByteSource,
  at: number,
  cpu: number,
  offset: number,
  size: number,
): number {
  const room = Math.max(0, source.size - offset);
  if (size <= room) return size;
  const text = `data of CPU ${cpu} (${size} bytes at ${offset}) runs past the end of the file`;
  draft.problems.push(new TraceDatError(source.name, at, text, 'truncated'));
  return room;
}

function readV7(source: ByteSource, c: Cursor, draft: Draft, codec: Codec): void {
  (draft as { compression: string }).compression = c.string('compression name', 64);
  c.string('compression version', 64);
  const seen = new Set<number>();
  let next = c.size64('options offset', source.size);
  while (next !== 0 && !seen.has(next)) {
    seen.add(next);
    const at = next;
    next = 0;
    guard(draft, () => {
      next = readOptions(section(source, at, 0, draft, codec), draft.options, draft.buffers, 7, source.size);
    });
  }
  const parts: [number, (s: Cursor) => void][] = [
    [16, (s) => headerInfo(s, draft)],
    [17, (s) => ftraceFormats(s, draft)],
    [18, (s) => eventFormats(s, draft)],
    [19, (s) => void (draft.kallsyms = s.bytes(s.u32('kallsyms size'), 'kallsyms'))],
    [20, (s) => void (draft.printk = s.bytes(s.u32('printk size'), 'printk formats'))],
    [21, (s) => void (draft.cmdlines = s.bytes(s.size64('cmdlines size', 2 ** 31), 'cmdlines'))],
  ];
  for (const [id, read] of parts) {
    const at = draft.options.sections.get(id);
    if (at !== undefined) guard(draft, () => read(section(source, at, id, draft, codec)));
  }
  for (const place of draft.buffers) {
    guard(draft, () => {
      const s = new Cursor(source, place.offset);
      s.littleEndian = draft.littleEndian;
      if (s.u16('section id') !== 3) s.fail('no flyrecord section here');
      place.compressed = (s.u16('section flags') & 1) !== 0;
    });
    for (const p of place.cpus) p.size = clip(draft, source, place.offset, p.cpu, p.offset, p.size);
    draft.cpus = Math.max(draft.cpus, place.cpus.length);
  }
}

/** Cursor over a v7 section's contents, decompressed if need be. */
function section(source: ByteSource, at: number, id: number, draft: Draft, codec: Codec): Cursor {
  const s = new Cursor(source, at);
  s.littleEndian = draft.littleEndian;
  const found = s.u16('section id');
  if (found !== id) s.fail(`section ${found} where section ${id} should be`);
  const flags = s.u16('section flags');
  s.u32('section description');
  const size = s.size64('section size', source.size);
  if ((flags & 1) === 0) {
    const plain = new Cursor(source, s.position, s.position + size);
    plain.littleEndian = draft.littleEndian;
    return plain;
  }
  const start = s.position;
  const packed = s.u32('compressed size');
  const full = s.u32('uncompressed size');
  const bytes = inflatePiece(codec, draft.compression, s.bytes(packed, 'section'), full, source.name, start);
  const inner = new Cursor(bytesSource(bytes, source.name), 0, bytes.length, start);
  inner.littleEndian = draft.littleEndian;
  return inner;
}

function headerInfo(c: Cursor, draft: Draft): void {
  if (c.string('header_page', 16) !== 'header_page') c.fail('no header_page');
  const page = latin(c.bytes(c.size64('header_page size', 1 << 20), 'header_page'));
  if (c.string('header_event', 16) !== 'header_event') c.fail('no header_event');
  c.bytes(c.size64('header_event size', 1 << 20), 'header_event');
  const commit = /\bcommit;\s*offset:\d+;\s*size:(\d+);/.exec(page);
  const data = /\bdata;\s*offset:(\d+);\s*size:(\d+);/.exec(page);
  if (commit?.[1] === '4' || commit?.[1] === '8') draft.longSize = Number(commit[1]);
  draft.dataOffset = draft.longSize === 8 ? 16 : 12;
  if (data !== null) {
    const whole = Number(data[1]) + Number(data[2]);
    // Sub-buffers can be larger than a page (buffer_subbuf_size_kb, 6.8).
    if (whole >= 64 && whole <= LARGEST_PAGE && whole % 64 === 0) draft.pageSize = whole;
  }
}

function ftraceFormats(c: Cursor, draft: Draft): void {
  const n = c.u32('number of ftrace events');
  if (n > MOST_EVENTS) c.fail(`${n} ftrace events`);
  for (let i = 0; i < n; i++)
    draft.ftraceFormats.push(c.bytes(c.size64('format size', 1 << 24), 'event format'));
}

function eventFormats(c: Cursor, draft: Draft): void {
  const systems = c.u32('number of systems');
  if (systems > MOST_EVENTS) c.fail(`${systems} event systems`);
  for (let i = 0; i < systems; i++) {
    const system = { name: c.string('system name'), formats: [] as Uint8Array[] };
    draft.systems.push(system);
    const n = c.u32('number of events');
    if (n > MOST_EVENTS) c.fail(`${n} events in system ${system.name}`);
    for (let k = 0; k < n; k++)
      system.formats.push(c.bytes(c.size64('format size', 1 << 24), 'event format'));
  }
}

const latin = (b: Uint8Array): string => new TextDecoder('latin1').decode(b);
