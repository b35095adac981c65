import { createHook, executionAsyncId } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Compression, openDecompressor } from '../../../src/parsers/input/decompress.js';

type Packed = Exclude<Compression, 'none' | 'base64'>;
const PLAIN = Buffer.from(
  Array.from({ length: 20_000 }, (_, i) => `line ${i} ${(i * 2654435761) % 4294967296}\n`).join(''),
);
const PACK: Readonly<Record<Packed, (plain: Buffer) => Buffer | null>> = {
  gzip: (plain) => gzipSync(plain),
  zlib: (plain) => deflateSync(plain),
  zstd: (plain) => program('zstd', plain),
  xz: (plain) => program('xz', plain),
};
const FORMATS = Object.keys(PACK) as Packed[];

function program(name: string, plain: Buffer): Buffer | null {
  const done = spawnSync(name, ['-c'], { input: plain, maxBuffer: 1 << 26 });
  return done.status === 0 ? done.stdout : null;
}

interface Unpacked {
  readonly bytes: Buffer;
  readonly calls: number;
  readonly error: unknown;
}

/** Fed in pieces of `size`, whose bytes are gone when they were taken. */
async function unpack(
  how: Packed,
  packed: Buffer,
  size: number,
  sink: (calls: number) => void = () => {},
): Promise<Unpacked> {
  const pieces: Buffer[] = [];
  const flow = openDecompressor(how, 'f', (chunk) => {
    pieces.push(Buffer.from(chunk));
    sink(pieces.length);
  });
  let error: unknown = null;
  try {
    for (let at = 0; at < packed.length; at += size) {
      const piece = Buffer.from(packed.subarray(at, at + size));
      if (!(await flow.write(piece))) break;
      piece.fill(0);
    }
    await flow.end();
  } catch (thrown) {
    error = thrown;
  }
  flow.stop();
  const { length: calls } = pieces;
  // Nothing comes later.
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(pieces.length).toBe(calls);
  return { bytes: Buffer.concat(pieces), calls, error };
}

describe.each(FORMATS)('%s', (how) => {
  const packed = PACK[how](PLAIN);

  test.skipIf(packed === null).each([7, 64, 4096, 1 << 20])('in pieces of %i bytes', async (size) => {
    // A piece of a few bytes costs a turn of the pool.
    const plain = size < 100 ? PLAIN.subarray(0, 9_000) : PLAIN;
    const { bytes, error } = await unpack(how, PACK[how](plain)!, size);
    expect([bytes.equals(plain), error]).toEqual([true, null]);
  });

  test.skipIf(packed === null)('what came before a cut counts, and the cut is told', async () => {
    for (const part of [0.3, 0.9]) {
      const { bytes, error } = await unpack(
        how,
        packed!.subarray(0, Math.floor(packed!.length * part)),
        4096,
      );
      expect(error).toMatchObject({ code: 'truncated' });
      expect(bytes.length).toBeGreaterThan(
        how === 'gzip' || how === 'zlib' ? PLAIN.length * (part - 0.25) : -1,
      );
      expect(bytes.equals(PLAIN.subarray(0, bytes.length))).toBe(true);
    }
  });

  test.skipIf(packed === null)('what came before damage counts, and the damage is told', async () => {
    const damaged = Buffer.from(packed!);
    damaged.fill(0xff, Math.floor(damaged.length * 0.7), Math.floor(damaged.length * 0.7) + 64);
    const { error } = await unpack(how, damaged, 4096);
    expect(error).toMatchObject({ code: 'corrupt' });
  });

  test.skipIf(packed === null)(
    'a reader that fails is asked no more, and its failure is passed on',
    async () => {
      const failure = new Error('no more');
      const { calls, error } = await unpack(how, packed!, 4096, (nth) => {
        if (nth === 2) throw failure;
      });
      expect([calls, error]).toEqual([2, failure]);
    },
  );
});

describe('damage in a stored gzip file', () => {
  const packed = gzipSync(PLAIN);
  const damaged = (at: number): Buffer => {
    const bytes = Buffer.from(packed);
    bytes.fill(0xff, at, Math.min(at + 64, bytes.length));
    return bytes;
  };
  let dir = '';
  beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'pttrace-gz-'))));
  afterAll(() => rmSync(dir, { recursive: true }));

  /** All that can be had, in calls of 64 bytes. */
  async function most(bytes: Buffer): Promise<number> {
    const stream = createGunzip({ chunkSize: 64 });
    let length = 0;
    stream.on('data', (chunk: Buffer) => void (length += chunk.length));
    const over = new Promise<void>((resolve) => stream.once('error', () => resolve()));
    stream.end(bytes);
    await over;
    return length;
  }

  async function stored(bytes: Buffer, sink: (length: number) => void = () => {}): Promise<Unpacked> {
    const path = join(dir, 'damaged.gz');
    writeFileSync(path, bytes);
    const pieces: Buffer[] = [];
    let error: unknown = null;
    const flow = openDecompressor(
      'gzip',
      path,
      (chunk) => {
        pieces.push(Buffer.from(chunk));
        sink(pieces.length);
      },
      true,
    );
    try {
      if (await flow.write(bytes)) await flow.end();
    } catch (thrown) {
      error = thrown;
    }
    flow.stop();
    return { bytes: Buffer.concat(pieces), calls: pieces.length, error };
  }

  test.each([0.1, 0.5, 0.7, 0.99])(
    'at %f of it: what came before is there, but for the last few lines',
    async (part) => {
      const bytes = damaged(Math.floor(packed.length * part));
      const all = await most(bytes);
      const got = await stored(bytes);
      expect(got.error).toMatchObject({ code: 'corrupt' });
      expect(got.bytes.length).toBeGreaterThan(all - 4096);
      // What inflates behind the first damaged byte is not what was packed.
      const same = Math.min(got.bytes.length, Math.floor(PLAIN.length * part * 0.95));
      expect(got.bytes.subarray(0, same).equals(PLAIN.subarray(0, same))).toBe(true);
    },
  );

  test('a reader that fails in what is unpacked again is asked no more, and its failure is passed on', async () => {
    const failure = new Error('no more');
    const bytes = damaged(Math.floor(packed.length * 0.5));
    const { calls } = await stored(bytes);
    const refused = await stored(bytes, (nth) => {
      if (nth === calls) throw failure;
    });
    expect([refused.calls, refused.error]).toEqual([calls, failure]);
  });

  test('a file without damage is unpacked once', async () => {
    const { bytes, error } = await stored(packed);
    expect([bytes.equals(PLAIN), error]).toEqual([true, null]);
  });
});

describe('reading and unpacking at one time', () => {
  const types = new Map<number, string>();
  const hook = createHook({ init: (id, type) => void types.set(id, type) });
  beforeAll(() => void hook.enable());
  afterAll(() => void hook.disable());

  test('lines are read outside the call in which zlib hands a piece over: the next one is under way by then', async () => {
    const callers = new Set<string | undefined>();
    const { bytes } = await unpack('gzip', gzipSync(PLAIN), 1 << 20, () =>
      callers.add(types.get(executionAsyncId())),
    );
    expect(bytes.equals(PLAIN)).toBe(true);
    expect(callers.has('ZLIB')).toBe(false);
    expect(callers.has('Immediate')).toBe(true);
  });

  test('however fast it unpacks, few pieces wait to be read', async () => {
    // A thousandfold: one packed piece becomes a hundred plain ones.
    const zeros = gzipSync(Buffer.alloc(8 << 20));
    let turn = 0;
    let most = 0;
    let inTurn = 0;
    const flow = openDecompressor('gzip', 'f', () => {
      const now = executionAsyncId();
      inTurn = now === turn ? inTurn + 1 : 1;
      turn = now;
      most = Math.max(most, inTurn);
    });
    await flow.write(zeros);
    await flow.end();
    // All that waits is read in one turn.
    expect(most).toBeLessThanOrEqual(3);
  });
});
