import zlib from 'node:zlib';
import { TraceDatError } from './trace-dat-error.js';

/**
 * Decompresses `bytes` packed with `name` (`zlib`, `zstd`) into at most `full` bytes; null when this codec does not
 * know the name. Anything thrown is reported as damage of the piece.
 */
export type Codec = (name: string, bytes: Uint8Array, full: number) => Uint8Array | null;

/** Largest piece that is inflated: the biggest real ones are kallsyms sections. */
const LARGEST = 256 * 2 ** 20;

type Inflate = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** What Node itself offers: zlib always, zstd from Node 22.15 on. */
export function nodeCodec(name: string, bytes: Uint8Array, full: number): Uint8Array | null {
  if (name === 'zlib') return zlib.inflateSync(bytes, { maxOutputLength: Math.max(full, 1) });
  if (name === 'zstd') {
    const zstd = (zlib as unknown as { zstdDecompressSync?: Inflate }).zstdDecompressSync;
    if (zstd !== undefined) return zstd(bytes, { maxOutputLength: Math.max(full, 1) });
  }
  return null;
}

/** Inflates one piece to exactly `full` bytes or fails naming the compression. */
export function inflatePiece(
  codec: Codec,
  name: string,
  bytes: Uint8Array,
  full: number,
  file: string,
  offset: number,
  largest = LARGEST,
): Uint8Array {
  if (full > largest) throw new TraceDatError(file, offset, `a compressed piece claims ${full} bytes`);
  let out: Uint8Array | null;
  try {
    out = codec(name, bytes, full);
  } catch (e) {
    throw new TraceDatError(
      file,
      offset,
      `damaged ${name} data: ${e instanceof Error ? e.message : String(e)}`,
    );
  }
  if (out === null) {
    throw new TraceDatError(
      file,
      offset,
      `compressed with ${name}, which cannot be decompressed here`,
      'no-decompressor',
    );
  }
  if (out.length !== full) {
    throw new TraceDatError(file, offset, `${name} data gave ${out.length} bytes instead of ${full}`);
  }
  return out;
}
