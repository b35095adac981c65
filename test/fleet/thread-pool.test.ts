import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ThreadPool } from '../../src/fleet/thread-pool.js';
import { TraceError } from '../../src/parsers/input/trace-error.js';
import { builtCommand, ROOT } from '../support/built.js';

const GOOD = join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz');
const dir = mkdtempSync(join(tmpdir(), 'pttrace-threads-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeAll(() => void builtCommand());

const ask = (path: string) =>
  ({ kind: 'ask', question: { command: 'replay', reading: {} }, path, place: null }) as const;

/** A recording that takes seconds: the same one over and over, each time a capture of its own. */
function long(times: number): string {
  const text = gunzipSync(readFileSync(GOOD));
  const path = join(dir, `long-${times}.txt`);
  writeFileSync(path, Buffer.concat(Array.from({ length: times }, () => text)));
  return path;
}

/** A recording whose names alone fill a small heap. */
function hungry(): string {
  const path = join(dir, 'hungry.txt');
  const line = (i: number) =>
    `  task${i}-${i + 1}  [000] ..... 1.${String(i).padStart(6, '0')}: event${i}: x=1\n`;
  writeFileSync(path, `# tracer: nop\n#\n${Array.from({ length: 100_000 }, (_, i) => line(i)).join('')}`);
  return path;
}

it('a thread that runs out of memory costs its own task; the next is done by another', async () => {
  const pool = new ThreadPool({ size: 1, memoryMb: 16 });
  try {
    await expect(pool.perform(ask(hungry()))).rejects.toThrow(/^its thread ended: .*memory/);
    expect(await pool.perform(ask(join(dir, 'nowhere')))).toMatchObject({ kind: 'answer' });
  } finally {
    await pool.close();
  }
});

it('with memory for nothing at all each task has an answer', async () => {
  const pool = new ThreadPool({ size: 1, memoryMb: 4 });
  try {
    for (let i = 0; i < 2; i++)
      await expect(pool.perform(ask(join(dir, 'nowhere')))).rejects.toThrow('its thread ended');
  } finally {
    await pool.close();
  }
});

it('a task that takes too long is given up, the others are done', async () => {
  const pool = new ThreadPool({ size: 1, timeoutMs: 100 });
  try {
    const slow = pool.perform(ask(long(60)));
    await expect(slow).rejects.toThrow('took longer than 0.1 s');
  } finally {
    await pool.close();
  }
});

it('errors keep their class, and a closed pool takes nothing', async () => {
  const pool = new ThreadPool({ size: 2 });
  const run = (argument: string) => pool.perform({ kind: 'run', argument, options: {} });
  const error = await run(join(dir, 'nowhere')).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TraceError);
  expect(error).toMatchObject({ code: 'not-found', path: join(dir, 'nowhere') });
  const answers = await Promise.all([run(GOOD), run(GOOD), run(GOOD)]);
  expect(answers[2]).toEqual(answers[0]);
  await pool.close();
  await expect(run(GOOD)).rejects.toThrow('no threads are left');
});
