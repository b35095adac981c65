import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/built.js';
import { runCommand } from '../support/run-command.js';

const TRACE = gunzipSync(readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz')));

/** Some of a trace, then what a disk that fails, or a stream of a program that uses the library, may end with. */
function failing(after: number, error: Error): Readable {
  return Readable.from(
    (function* give() {
      if (after > 0) yield TRACE.subarray(0, after);
      throw error;
    })(),
    { objectMode: false },
  );
}

const EIO = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });

describe('standard input that fails in the middle', () => {
  test.each([
    ['replay', '-'],
    ['info', '-'],
    ['hist', '-'],
    ['breakdown', '-'],
    ['readers', '-'],
    ['validate', '-'],
    ['convert', '-', '--to', 'csv'],
    ['compare', '-', join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz')],
  ] as string[][])('%s is unreadable, never internal', async (...args: string[]) => {
    for (const after of [0, 3, 60_000]) {
      for (const error of [EIO, new Error('a stream of somebody else')]) {
        const { status, stdout, stderr } = await runCommand(args, { input: failing(after, error) });
        expect(status, `${after} ${stderr}`).toBe(3);
        expect(stdout + stderr).toMatch(
          after === 0 ? /reading failed \((?:EIO|a stream of somebody else)\)|is empty/ : /./,
        );
      }
    }
  });
});
