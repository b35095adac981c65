import type { TimeBase } from '../../timeline/time-base.js';
import type { ByteSource } from './byte-source.js';
import { type Codec, nodeCodec } from './codec.js';
import { CpuStream, Merge, type StampScale } from './cpu-stream.js';
import { type EventFormat, parseEventFormat } from './event-format.js';
import { readHead, type TraceDatHead } from './header.js';
import type { BufferPlace } from './options.js';
import { chunkFeed, rawFeed } from './page-feed.js';
import type { Knowledge } from './record.js';
import { readPrintk, SymbolTable, TaskNames } from './tables.js';
import { TraceDatError } from './trace-dat-error.js';

/** Offsets and sizes of the fields that every event begins with. */
export interface CommonFields {
  readonly typeAt: number;
  readonly typeSize: number;
  readonly pidAt: number;
  /** -1: not recorded. */
  readonly flagsAt: number;
  readonly preemptAt: number;
  readonly tgidAt: number;
}

/** A trace.dat whose head has been read; its records are read as they are asked for. */
export interface Recording {
  readonly source: ByteSource;
  readonly head: TraceDatHead;
  readonly formats: ReadonlyMap<number, EventFormat>;
  readonly symbols: SymbolTable;
  readonly printk: ReadonlyMap<bigint, string>;
  readonly common: CommonFields;
  /** Stamps are counts of a non-ns clock. */
  readonly ticks: boolean;
  readonly codec: Codec;
}

/**
 * Opens a trace.dat of version 6 or 7. `codec` decompresses v7 files (default: what Node offers). Throws
 * `TraceDatError` when the head is unusable; lesser damage is in `head.problems`.
 */
export function openRecording(source: ByteSource, codec: Codec = nodeCodec): Recording {
  const head = readHead(source, codec);
  const formats = new Map<number, EventFormat>();
  const add = (system: string, bytes: Uint8Array): void => {
    const f = parseEventFormat(system, bytes, head.longSize);
    if (f !== null && !formats.has(f.id)) formats.set(f.id, f);
  };
  for (const b of head.ftraceFormats) add('ftrace', b);
  for (const s of head.systems) for (const b of s.formats) add(s.name, b);
  const any = formats.values().next().value;
  if (any === undefined) throw new TraceDatError(source.name, 0, 'no event format can be read');
  const at = (name: string): number => any.byName.get(name)?.offset ?? -1;
  const clock = head.buffers.find((b) => b.clock !== '')?.clock || head.options.clock;
  const raw = clock === 'counter' || clock === 'uptime' || clock === 'x86-tsc' || clock.endsWith('-tsc');
  return {
    source,
    head,
    formats,
    symbols: new SymbolTable(head.kallsyms),
    printk: readPrintk(head.printk),
    common: {
      typeAt: Math.max(0, at('common_type')),
      typeSize: any.byName.get('common_type')?.size ?? 2,
      pidAt: at('common_pid'),
      flagsAt: at('common_flags'),
      preemptAt: at('common_preempt_count'),
      tgidAt: at('common_tgid'),
    },
    ticks: raw && head.options.tsc === null,
    codec,
  };
}

/** What texts are made from; task names are learnt on the way, so each pass takes its own. */
export function knowledgeOf(rec: Recording): Knowledge {
  return {
    symbols: rec.symbols,
    printk: rec.printk,
    tasks: new TaskNames(rec.head.cmdlines),
    formats: rec.formats,
    longSize: rec.head.longSize,
  };
}

/** Streams of all CPUs of all instances, and of which instance each is. */
export function openStreams(
  rec: Recording,
  time: TimeBase,
): { readonly streams: CpuStream[]; readonly merge: Merge; readonly places: BufferPlace[] } {
  const scale = stampScale(rec, time);
  const streams: CpuStream[] = [];
  const places: BufferPlace[] = [];
  for (const place of rec.head.buffers) {
    const pageSize = place.pageSize || rec.head.pageSize;
    for (const c of place.cpus) {
      if (c.size === 0) continue;
      const feed = place.compressed
        ? chunkFeed(
            rec.source,
            c.offset,
            c.size,
            pageSize,
            rec.head.littleEndian,
            rec.head.compression,
            rec.codec,
          )
        : rawFeed(rec.source, c.offset, c.size, pageSize);
      streams.push(new CpuStream(c.cpu, streams.length, feed, rec.head, scale, rec.source.name));
      places.push(place);
    }
  }
  if (rec.ticks) time.unit = 'ticks';
  else time.resolutionNs = 1;
  return { streams, merge: new Merge(streams), places };
}

function stampScale(rec: Recording, time: TimeBase): StampScale {
  const { tsc, offsetNs } = rec.head.options;
  return {
    exactOnly: tsc !== null,
    relative(stamp) {
      if (tsc !== null) stamp = ((stamp * tsc.mult) >> tsc.shift) + tsc.offset;
      const ns = BigInt.asUintN(64, stamp + offsetNs);
      return time.relative(Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n));
    },
  };
}
