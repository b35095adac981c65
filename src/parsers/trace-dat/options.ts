import { MAX_CPUS } from '../../timeline/batch.js';
import type { Cursor } from './byte-source.js';

/** Where one trace instance's data lies. */
export interface BufferPlace {
  /** Empty: the top instance. */
  readonly name: string;
  /** Clock as recorded with the buffer (v7). */
  readonly clock: string;
  readonly offset: number;
  /** Sub-buffer size, 0 unknown. */
  readonly pageSize: number;
  compressed: boolean;
  readonly cpus: { readonly cpu: number; readonly offset: number; size: number }[];
}

export interface OptionFacts {
  /** Clock of the recording, empty when not said. */
  clock: string;
  /** Added to every stamp. */
  offsetNs: bigint;
  /** Conversion of x86-tsc stamps: `(ts * mult >> shift) + offset`. */
  tsc: { readonly mult: bigint; readonly shift: bigint; readonly offset: bigint } | null;
  /** `per_cpu/cpuN/stats` texts. */
  readonly stats: string[];
  uname: string;
  /** v7: section id → file offset. */
  readonly sections: Map<number, number>;
  /** Options that were skipped. */
  others: number;
}

const OPTION = {
  cpuStat: 2,
  buffer: 3,
  clock: 4,
  uname: 5,
  offset: 7,
  tsc: 14,
  firstSection: 16,
  lastSection: 21,
};

/** Reads options up to the DONE option; returns the offset of the next options section (v7), 0 none. */
export function readOptions(
  c: Cursor,
  facts: OptionFacts,
  buffers: BufferPlace[],
  version: number,
  fileSize: number,
): number {
  for (;;) {
    const id = c.u16('option id');
    if (id === 0 && version === 6) return 0;
    const size = c.u32('option size');
    const start = c.position;
    if (size > c.left) c.fail(`option ${id} of ${size} bytes is cut`);
    if (id === 0) return size >= 8 ? c.size64('next options section', fileSize) : 0;
    const text = (): string =>
      new TextDecoder('latin1').decode(c.bytes(size, 'option')).replace(/\0.*$/s, '');
    if (id === OPTION.cpuStat) facts.stats.push(text());
    else if (id === OPTION.clock) facts.clock = /\[(\w[\w-]*)\]/.exec(text())?.[1] ?? '';
    else if (id === OPTION.uname) facts.uname = text();
    else if (id === OPTION.offset)
      facts.offsetNs += /^-?\d{1,19}$/.test(text0(c, start, size)) ? BigInt(text0(c, start, size)) : 0n;
    else if (id === OPTION.tsc && size >= 16) {
      const mult = BigInt(c.u32('tsc multiplier'));
      const shift = BigInt(c.u32('tsc shift') & 63);
      facts.tsc = { mult, shift, offset: c.u64('tsc offset') };
    } else if (id === OPTION.buffer) buffers.push(bufferOption(c, version, start + size, fileSize));
    else if (version === 7 && id >= OPTION.firstSection && id <= OPTION.lastSection) {
      facts.sections.set(id, c.size64('section offset', fileSize));
    } else facts.others++;
    c.position = start + size;
  }
}

function text0(c: Cursor, start: number, size: number): string {
  c.position = start;
  return new TextDecoder('latin1')
    .decode(c.bytes(Math.min(size, 64), 'option'))
    .replace(/\0.*$/s, '')
    .trim();
}

function bufferOption(c: Cursor, version: number, end: number, fileSize: number): BufferPlace {
  const offset = c.size64('buffer offset', fileSize);
  const name = c.string('instance name');
  const place: BufferPlace = { name, clock: '', offset, pageSize: 0, compressed: false, cpus: [] };
  if (version === 6) return place;
  const clock = c.string('instance clock');
  const pageSize = c.u32('instance page size');
  const cpus = c.u32('instance CPUs');
  if (cpus > (end - c.position) / 20) c.fail(`${cpus} CPUs do not fit the option`);
  for (let i = 0; i < cpus; i++) {
    const cpu = c.u32('CPU');
    if (cpu >= MAX_CPUS) c.fail(`CPU ${cpu}: no machine has so many`);
    const at = c.size64('CPU data offset', Number.MAX_SAFE_INTEGER);
    const size = c.size64('CPU data size', Number.MAX_SAFE_INTEGER);
    place.cpus.push({ cpu, offset: at, size });
  }
  return { ...place, clock, pageSize: pageSize >= 64 && pageSize <= 4 * 2 ** 20 ? pageSize : 0 };
}
