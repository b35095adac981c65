import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { viaProgram } from '../../../src/parsers/input/unpack-program.js';

const PLAIN = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join(''));

afterEach(() => void vi.unstubAllEnvs());

/** What the program gives, and in how many buffers. */
async function unpack(how: 'zstd' | 'xz', packed: Buffer): Promise<{ bytes: Buffer; buffers: number }> {
  const pieces: Buffer[] = [];
  const buffers = new Set<ArrayBufferLike>();
  const flow = viaProgram(how, 'f', (chunk) => {
    pieces.push(Buffer.from(chunk));
    buffers.add(chunk.buffer);
  });
  await flow.write(packed);
  await flow.end();
  return { bytes: Buffer.concat(pieces), buffers: buffers.size };
}

describe.each(['zstd', 'xz'] as const)('%s', (how) => {
  const { stdout: packed, status } = spawnSync(how, ['-c'], { input: PLAIN, maxBuffer: 1 << 26 });

  test.skipIf(status !== 0)('its output is read into one buffer', async () => {
    const { bytes, buffers } = await unpack(how, packed);
    expect([bytes.equals(PLAIN), buffers]).toEqual([true, 1]);
  });

  test.skipIf(status !== 0)('it is read through a pipe where no socket can be named', async () => {
    vi.stubEnv('TMPDIR', '/dev/null');
    const { bytes, buffers } = await unpack(how, packed);
    expect(bytes.equals(PLAIN)).toBe(true);
    expect(buffers).toBeGreaterThan(1);
  });

  test('a program that is not there is named', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    const flow = viaProgram(how, 'f', () => {});
    await expect(flow.end()).rejects.toMatchObject({ code: 'no-decompressor' });
  });

  test.skipIf(status !== 0)('stopped before it has begun it gives nothing', async () => {
    let pieces = 0;
    const flow = viaProgram(how, 'f', () => pieces++);
    flow.stop();
    expect(await flow.write(packed)).toBe(false);
    await flow.end();
    expect(pieces).toBe(0);
  });
});
