import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { readSource } from '../../../src/parsers/input/source.js';

describe('a stream of standard input', () => {
  it('is not gathered: chunks that were read can be collected', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const CHUNKS = 200;
    const chunks: WeakRef<Buffer>[] = [];
    const stdin = Readable.from(
      (async function* () {
        for (let i = 0; i < CHUNKS; i++) {
          const chunk = Buffer.alloc(64 << 10, 'a line of no format\n');
          chunks.push(new WeakRef(chunk));
          yield chunk;
          // References are weak only from the next turn on.
          await new Promise((resolve) => setImmediate(resolve));
        }
      })(),
      { objectMode: false },
    );
    let [read, alive] = [0, CHUNKS];
    await readSource({ path: '-', stdin, signal: new AbortController().signal }, () => {
      if (++read < CHUNKS) return;
      collect();
      alive = chunks.filter((chunk) => chunk.deref()).length;
    });
    expect(read).toBe(CHUNKS);
    expect(alive).toBeLessThan(CHUNKS / 10);
  });
});
