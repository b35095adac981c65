import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { deflateSync, gunzipSync } from 'node:zlib';
import { bytesSource } from '../../../../src/parsers/trace-dat/byte-source.js';
import { type Codec, nodeCodec } from '../../../../src/parsers/trace-dat/codec.js';
import { openRecording } from '../../../../src/parsers/trace-dat/recording.js';
import { reportText } from '../../../../src/parsers/trace-dat/report.js';

export const KERNELS = ['6.12.117-lab-y', 'debian-6.16.12'] as const;

export function fixture(kernel: string, name: string): Uint8Array {
  const url = new URL(`../../../../fixtures/trace-dat/${kernel}/${name}.gz`, import.meta.url);
  return new Uint8Array(gunzipSync(readFileSync(url)));
}

export const latin1 = (b: Uint8Array): string => Buffer.from(b).toString('latin1');

export function reportOf(bytes: Uint8Array, codec: Codec = nodeCodec): string {
  let out = '';
  for (const piece of reportText(openRecording(bytesSource(bytes, 'x.dat'), codec))) out += latin1(piece);
  return out;
}

/** Codec with the zstd program behind it. */
export const withZstd: Codec = (name, bytes, full) =>
  name === 'zstd'
    ? spawnSync('zstd', ['-dc'], { input: bytes, maxBuffer: full + 4096 }).stdout
    : nodeCodec(name, bytes, full);

/** Pieces of a v6 file by place. */
export interface V6 {
  readonly start: Buffer;
  readonly headerInfo: Buffer;
  readonly ftrace: Buffer;
  readonly systems: Buffer;
  readonly kallsyms: Buffer;
  readonly printk: Buffer;
  readonly cmdlines: Buffer;
  readonly tableAt: number;
  readonly cpus: { readonly offset: number; readonly size: number }[];
}

export function splitV6(bytes: Uint8Array): V6 {
  const b = Buffer.from(bytes);
  let p = 18;
  const take = (n: number): Buffer => b.subarray(p, (p += n));
  const blob64 = (): void => void (p += 8 + Number(b.readBigUInt64LE(p)));
  const from = (at: number): Buffer => b.subarray(at, p);
  const start = b.subarray(0, 18);
  let at = p;
  p += 12;
  blob64();
  p += 13;
  blob64();
  const headerInfo = from(at);
  at = p;
  let n = take(4).readUInt32LE();
  while (n-- > 0) blob64();
  const ftrace = from(at);
  at = p;
  let systems = take(4).readUInt32LE();
  while (systems-- > 0) {
    p = b.indexOf(0, p) + 1;
    n = take(4).readUInt32LE();
    while (n-- > 0) blob64();
  }
  const systemBytes = from(at);
  const sized = (word: number): Buffer => {
    at = p;
    p += word + (word === 4 ? b.readUInt32LE(p) : Number(b.readBigUInt64LE(p)));
    return from(at);
  };
  const kallsyms = sized(4);
  const printk = sized(4);
  const cmdlines = sized(8);
  const count = take(4).readUInt32LE();
  const tableAt = b.indexOf('flyrecord\0', p, 'latin1') + 10;
  const cpus = Array.from({ length: count }, (_, i) => ({
    offset: Number(b.readBigUInt64LE(tableAt + 16 * i)),
    size: Number(b.readBigUInt64LE(tableAt + 16 * i + 8)),
  }));
  return { start, headerInfo, ftrace, systems: systemBytes, kallsyms, printk, cmdlines, tableAt, cpus };
}

const u16 = (n: number): Buffer => Buffer.from([n & 255, n >> 8]);
const u32 = (n: number): Buffer => Buffer.from(new Uint32Array([n]).buffer);
const u64 = (n: number): Buffer => Buffer.from(new BigUint64Array([BigInt(n)]).buffer);

/** The same recording as a v7 file; `pack` compresses under `compression`. */
export function buildV7(
  bytes: Uint8Array,
  compression: string,
  pack: ((b: Uint8Array) => Uint8Array) | null,
): Buffer {
  const v6 = splitV6(bytes);
  const head = Buffer.concat([
    v6.start.subarray(0, 10),
    Buffer.from('7\0', 'latin1'),
    v6.start.subarray(12, 18),
    Buffer.from(`${compression}\0${'1.0'}\0`, 'latin1'),
  ]);
  const parts: Buffer[] = [];
  let at = head.length + 8;
  const put = (b: Buffer): number => {
    const here = at;
    parts.push(b);
    at += b.length;
    return here;
  };
  const section = (id: number, data: Buffer): number => {
    if (pack === null) return put(Buffer.concat([u16(id), u16(0), u32(0), u64(data.length), data]));
    const packed = pack(data);
    return put(
      Buffer.concat([
        u16(id),
        u16(1),
        u32(0),
        u64(packed.length + 8),
        u32(packed.length),
        u32(data.length),
        packed,
      ]),
    );
  };
  const places: [number, number][] = [
    [16, section(16, v6.headerInfo)],
    [17, section(17, v6.ftrace)],
    [18, section(18, v6.systems)],
    [19, section(19, v6.kallsyms)],
    [20, section(20, v6.printk)],
    [21, section(21, v6.cmdlines)],
  ];
  const buffer = put(Buffer.concat([u16(3), u16(pack === null ? 0 : 1), u32(0), u64(0)]));
  const table: Buffer[] = [];
  v6.cpus.forEach((c, cpu) => {
    const data = Buffer.from(bytes.subarray(c.offset, c.offset + c.size));
    let stored = data;
    if (pack !== null) {
      // One chunk per sub-buffer, so that chunk borders are crossed.
      const chunks: Buffer[] = [u32(data.length / 4096)];
      for (let i = 0; i < data.length; i += 4096) {
        const packed = pack(data.subarray(i, i + 4096));
        chunks.push(u32(packed.length), u32(4096), Buffer.from(packed));
      }
      stored = Buffer.concat(chunks);
    }
    table.push(u32(cpu), u64(put(stored)), u64(stored.length - (pack === null ? 0 : 4)));
  });
  const option = (id: number, data: Buffer): Buffer => Buffer.concat([u16(id), u32(data.length), data]);
  const bufferData = Buffer.concat([
    u64(buffer),
    Buffer.from('\0local\0', 'latin1'),
    u32(4096),
    u32(v6.cpus.length),
    ...table,
  ]);
  const options = Buffer.concat([
    ...places.map(([id, place]) => option(id, u64(place))),
    option(3, bufferData),
    option(0, u64(0)),
  ]);
  const optionsAt = put(Buffer.concat([u16(0), u16(0), u32(0), u64(options.length), options]));
  return Buffer.concat([head, u64(optionsAt), ...parts]);
}

export const zlibPack = (b: Uint8Array): Uint8Array => deflateSync(b);
