import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { socketPair } from '../../../src/parsers/input/socket-pair.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pttrace-pair-'));
  vi.stubEnv('TMPDIR', dir);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

test('what is written to one end is taken in order, from one buffer, and its name is gone at once', async () => {
  const taken: Buffer[] = [];
  const buffers = new Set<ArrayBufferLike>();
  const pair = (await socketPair((chunk) => {
    taken.push(Buffer.from(chunk));
    buffers.add(chunk.buffer);
  }))!;
  expect(readdirSync(dir)).toEqual([]);
  const written = Buffer.from(Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join(''));
  pair.theirs.end(written);
  await once(pair.ours, 'close');
  expect(Buffer.concat(taken).equals(written)).toBe(true);
  expect(taken.length).toBeGreaterThan(1);
  expect(buffers.size).toBe(1);
  pair.theirs.destroy();
});

test('no folder for its name: no pair', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  vi.stubEnv('TMPDIR', file);
  expect(await socketPair(() => {})).toBe(null);
});

test('a folder of too long a path: no pair, and nothing left behind', async () => {
  const folder = join(dir, 'x'.repeat(120));
  mkdirSync(folder);
  vi.stubEnv('TMPDIR', folder);
  expect(await socketPair(() => {})).toBe(null);
  expect(readdirSync(dir, { recursive: true })).toEqual(['x'.repeat(120)]);
});
