import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

/** More than a local socket of Linux holds (net.core.wmem_default, 208 KiB). */
const BUFFER = 256 << 10;

/** struct sockaddr_un, sun_path with its NUL. libuv cuts a longer one, and binds somewhere else. */
const LONGEST_PATH = 107;

/** Two ends of a local socket: `theirs` for a program to write to, to be destroyed once the program has it. */
export interface SocketPair {
  readonly ours: Socket;
  readonly theirs: Socket;
}

/**
 * A connection whose input is read into one buffer and given to `take`, valid during that call only. Null where the system has
 * no room for its name: a temporary folder that is full, read-only, or of too long a path.
 */
export async function socketPair(take: (chunk: Uint8Array) => void): Promise<SocketPair | null> {
  let folder: TemporaryFolder | null = null;
  const server = createServer({ pauseOnConnect: true });
  try {
    folder = temporaryFolder('pttrace-unpack-');
    const path = join(folder.path, 's');
    return Buffer.byteLength(path) > LONGEST_PATH ? null : await connected(server, path, take);
  } catch {
    return null;
  } finally {
    server.close();
    folder?.release();
  }
}

async function connected(
  server: Server,
  path: string,
  take: (chunk: Uint8Array) => void,
): Promise<SocketPair> {
  server.listen(path);
  await once(server, 'listening');
  const buffer = new Uint8Array(BUFFER);
  const callback = (length: number): boolean => {
    take(buffer.subarray(0, length));
    return true;
  };
  const accepted = once(server, 'connection');
  const ours = connect({ path, onread: { buffer, callback } });
  // Whoever waits for its end is told by 'close'.
  ours.on('error', () => {});
  await once(ours, 'connect');
  const [theirs] = (await accepted) as [Socket];
  return { ours, theirs };
}
