import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { recordingsOf } from '../../src/read/recordings.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-folders-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a folder is every file below it in byte order, without what stands beside recordings', () => {
  const at = (name: string) => join(dir, 'fleet', name);
  mkdirSync(at('b/deep'), { recursive: true });
  mkdirSync(at('.git'));
  for (const name of ['b/2.txt', 'b/10.txt', 'b/deep/x', 'a.txt', 'ä.txt', 'B.txt'])
    writeFileSync(at(name), '');
  for (const name of ['README', 'notes.md', '.hidden', '.git/x', 'kprobe_events.txt', 'b/kernel-info.gz'])
    writeFileSync(at(name), '');
  symlinkSync('../b', at('b/around'));
  symlinkSync('2.txt', at('b/link'));
  symlinkSync('nowhere', at('b/broken'));
  const below = ['B.txt', 'a.txt', 'b/10.txt', 'b/2.txt', 'b/deep/x', 'b/link', 'ä.txt'].map(at);
  expect(recordingsOf([join(dir, 'fleet')])).toEqual(below);
  // What is named is taken, whatever its name.
  expect(recordingsOf([at('README'), '-', 'gone.txt', join(dir, 'fleet')])).toEqual([
    at('README'),
    '-',
    'gone.txt',
    ...below,
  ]);
});

it('a folder of nothing, and one of tracefs, are no recordings', () => {
  mkdirSync(join(dir, 'none/inner'), { recursive: true });
  expect(() => recordingsOf([join(dir, 'none')])).toThrow('is a folder that holds no recording');
  mkdirSync(join(dir, 'tracing'));
  for (const name of ['trace', 'trace_pipe']) writeFileSync(join(dir, 'tracing', name), '');
  expect(() => recordingsOf([join(dir, 'tracing')])).toThrow('is a folder of tracefs');
});
