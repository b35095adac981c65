import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBaseline } from '../../src/gate/baseline.js';
import { storeBaseline } from '../../src/gate/store-baseline.js';
import type { Result } from '../../src/result/types.js';

const result = { invariants: [{ id: 'I01', verdict: 'pass' }] } as unknown as Result;
const runOf = (path: string) => ({ path, result, samples: new Map() });

describe('storing a baseline', () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
    file = join(dir, 'baseline.json');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('adds to what another process stored since this one began', () => {
    storeBaseline(file, [runOf('/x/a.txt')]);
    expect(storeBaseline(file, [runOf('/x/b.txt')])).toEqual({ traces: 2 });
    expect(Object.keys(readBaseline(file)!.traces)).toEqual(['a.txt', 'b.txt']);
    expect(readdirSync(dir)).toEqual(['baseline.json']);
  });

  test('waits for the lock of another', async () => {
    writeFileSync(`${file}.lock`, '');
    const other = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       parentPort.postMessage('ready');
       setTimeout(() => require('node:fs').rmSync(workerData), 120);`,
      { eval: true, workerData: `${file}.lock` },
    );
    await new Promise((resolve) => other.once('message', resolve));
    storeBaseline(file, [runOf('a')]);
    await other.terminate();
    expect(readBaseline(file)).not.toBeNull();
  });

  test('a lock left behind by a killed process is taken over', () => {
    writeFileSync(`${file}.lock`, '');
    utimesSync(`${file}.lock`, new Date(0), new Date(0));
    storeBaseline(file, [runOf('a')]);
    expect(readdirSync(dir)).toEqual(['baseline.json']);
  });

  test.each(['toString', '__proto__', 'constructor', 'hasOwnProperty'])('a recording called %s', (name) => {
    storeBaseline(file, [runOf(name)]);
    expect(Object.keys(readBaseline(file)!.traces)).toEqual([name]);
    expect(readFileSync(file, 'utf8')).toContain(`"${name}"`);
  });

  test('a folder that cannot be written is told as such', () => {
    expect(() => storeBaseline(join(dir, 'none', 'b.json'), [runOf('a')])).toThrow(
      /cannot be written \(ENOENT\)/,
    );
  });
});
