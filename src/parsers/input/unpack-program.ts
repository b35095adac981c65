import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type SocketPair, socketPair } from './socket-pair.js';
import { TraceError } from './trace-error.js';
import { type Decompressor, Flow } from './unpack-flow.js';

/** zstd and xz are not in Node 20: the system's programs do it. */
export function viaProgram(
  how: 'zstd' | 'xz',
  path: string,
  sink: (chunk: Uint8Array) => void,
): Decompressor {
  let stopped = false;
  const opened = open(how, path, sink).then((flow) => {
    if (stopped) flow.stop();
    return flow;
  });
  // Whoever writes or ends is told; nobody may.
  opened.catch(() => {});
  return {
    write: async (chunk) => (await opened).write(chunk),
    end: async () => (await opened).end(),
    stop: () => {
      stopped = true;
      opened.then(
        (flow) => flow.stop(),
        () => {},
      );
    },
  };
}

/** Through a pipe each 64 KiB of output come in memory of their own: a tenth of the time of a replay. */
async function open(how: 'zstd' | 'xz', path: string, sink: (chunk: Uint8Array) => void): Promise<Flow> {
  const pair = await socketPair((chunk) => flow.take(chunk));
  const child = spawn(how, ['-dc'], { stdio: ['pipe', pair?.theirs ?? 'pipe', 'pipe'] });
  const [stdin, stderr] = [child.stdin as Writable, child.stderr as Readable];
  const output = pair?.ours ?? child.stdout!;
  const flow = new Flow(stdin, sink, () => {
    stdin.destroy();
    output.destroy();
    child.kill();
  });
  pair?.theirs.destroy();
  if (!pair) flow.takeAll(child.stdout!);
  let said = '';
  stderr.on('data', (chunk: Buffer) => {
    if (said.length < 400) said += chunk.toString();
  });
  child.on('error', (error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT';
    const message = missing
      ? `is ${how}-compressed and the program "${how}" is not installed`
      : `${how}: ${error.message}`;
    flow.fail(new TraceError(missing ? 'no-decompressor' : 'unreadable', message, { path, cause: error }));
  });
  // It closes its input when it gives up; its exit code says why.
  stdin.on('error', () => {});
  bothOver(child, pair, (code) => {
    if (code === 0) flow.finished();
    else flow.fail(failureOf(how, said.trim(), path));
  });
  return flow;
}

/** Calls `over` with the exit code once the program has ended and the last of its output was read. */
function bothOver(child: ChildProcess, pair: SocketPair | null, over: (code: number | null) => void): void {
  let exit: number | null | undefined;
  let read = pair === null;
  const done = (): void => {
    if (exit !== undefined && read) over(exit);
  };
  pair?.ours.on('close', () => {
    read = true;
    done();
  });
  child.on('close', (code) => {
    exit = code;
    done();
  });
}

function failureOf(how: string, said: string, path: string): TraceError {
  const cut = /premature end|unexpected end|truncated/i.test(said);
  return cut
    ? new TraceError('truncated', `the ${how} data ends early: the file is cut`, { path })
    : new TraceError('corrupt', `the ${how} data is damaged: ${said}`, { path });
}
