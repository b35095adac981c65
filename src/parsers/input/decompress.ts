import { createReadStream } from 'node:fs';
import { createGunzip, createInflate } from 'node:zlib';
import { TraceError } from './trace-error.js';
import { type Decompressor, Flow } from './unpack-flow.js';
import { viaProgram } from './unpack-program.js';

/** `base64`: as text (`base64-text.ts`), whether or not what it holds is packed again. */
export type Compression = 'none' | 'gzip' | 'zlib' | 'zstd' | 'xz' | 'base64';

/** What inflate decoded before it met damage is lost with its call: so much at most. */
const GZIP_CALL = 64 << 10;
/** The same where the file can be unpacked again up to its damage: each call costs a turn of the event loop. */
const STORED_CALL = 256 << 10;
/** Of the second time. */
const DAMAGED_CALL = 4 << 10;

/** `stored`: `path` reads the same twice, and holds nothing but what is given to `write`. */
export function openDecompressor(
  how: Exclude<Compression, 'none' | 'base64'>,
  path: string,
  sink: (chunk: Uint8Array) => void,
  stored = false,
): Decompressor {
  if (how === 'zstd' || how === 'xz') return viaProgram(how, path, sink);
  return how === 'gzip' && stored ? storedGzip(path, sink) : gunzip(how, path, sink, GZIP_CALL);
}

function gunzip(
  how: 'gzip' | 'zlib',
  path: string,
  sink: (chunk: Uint8Array) => void,
  chunkSize: number,
): Decompressor {
  const stream = how === 'gzip' ? createGunzip({ chunkSize }) : createInflate({ chunkSize });
  const flow = new Flow(stream, sink, () => stream.destroy());
  flow.takeAll(stream);
  stream.on('end', () => flow.finished());
  stream.on('error', (error: NodeJS.ErrnoException) =>
    flow.fail(
      error.code === 'Z_BUF_ERROR'
        ? new TraceError('truncated', `the ${how} data ends early: the file is cut`, { path, cause: error })
        : new TraceError('corrupt', `the ${how} data is damaged (${error.message})`, { path, cause: error }),
    ),
  );
  return flow;
}

/** A packed file in calls that are large; what is lost with the last one, before damage, is unpacked again in small ones. */
function storedGzip(path: string, sink: (chunk: Uint8Array) => void): Decompressor {
  let delivered = 0;
  let stopped = false;
  let refused = false;
  const counted = (chunk: Uint8Array): void => {
    delivered += chunk.length;
    refused = true;
    sink(chunk);
    refused = false;
  };
  const flow = gunzip('gzip', path, counted, STORED_CALL);
  const again = async (error: unknown): Promise<never> => {
    if (!stopped && !refused && error instanceof TraceError && error.code === 'corrupt') {
      await lastCall(path, delivered, sink, () => stopped);
    }
    throw error;
  };
  return {
    write: (chunk) => flow.write(chunk).catch(again),
    end: () => flow.end().catch(again),
    stop: () => {
      stopped = true;
      flow.stop();
    },
  };
}

/** What lies behind the first `from` unpacked bytes of a damaged file. Rejects with what the sink throws. */
async function lastCall(
  path: string,
  from: number,
  sink: (chunk: Uint8Array) => void,
  stopped: () => boolean,
): Promise<void> {
  const packed = createReadStream(path);
  const plain = createGunzip({ chunkSize: DAMAGED_CALL });
  packed.on('error', (error) => plain.destroy(error));
  packed.pipe(plain);
  let at = 0;
  let refused = false;
  try {
    for await (const chunk of plain as AsyncIterable<Uint8Array>) {
      if (stopped()) return;
      const begin = Math.max(0, from - at);
      at += chunk.length;
      if (begin >= chunk.length) continue;
      refused = true;
      sink(chunk.subarray(begin));
      refused = false;
    }
  } catch (error) {
    // The damage, again: it is told already.
    if (refused) throw error;
  } finally {
    packed.destroy();
  }
}
