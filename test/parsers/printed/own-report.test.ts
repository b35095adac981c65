import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hist } from '../../../src/measure/hist.js';
import { ownReport } from '../../../src/parsers/printed/own-report.js';
import { runCommand } from '../../support/run-command.js';

const TRACE = fileURLToPath(
  new URL('../../../fixtures/replay/6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz', import.meta.url),
);
const of = (text: string) => hist({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });

describe('reports of pttrace', () => {
  test.each([
    ['replay', [TRACE], '`pttrace replay --json`'],
    ['compare', [TRACE, TRACE], '`pttrace compare --json`'],
    ['breakdown', [TRACE], 'give the recording itself'],
    ['info', [TRACE], 'give the recording itself'],
    ['validate', [TRACE], 'give the recording itself'],
  ])('%s is named, quoted or not', async (command, args, help) => {
    const { stdout } = await runCommand([command, ...args, '--plain']);
    for (const text of [stdout, stdout.replace(/^/gm, '> ')]) {
      expect(ownReport(text)).toContain(`is a report that \`pttrace ${command}\` printed`);
      await expect(of(text)).rejects.toThrow(help);
    }
  });

  test('a recording and prose are none', () => {
    expect(
      ownReport('     app-901     [002] .....   120.145400: sys_munmap(addr: 7f15, len: 2000)\n'),
    ).toBeNull();
    expect(ownReport('rules of thumb: before after change\n')).toBeNull();
  });

  test('histograms in the long report of a replay keep their unit', async () => {
    const { stdout } = await runCommand(['replay', TRACE, '--plain', '--all']);
    const read = await of(stdout);
    expect([read.unit, read.mapName, read.groups[0]!.count]).toEqual(['ns', '@munmap_ns', 6]);
    expect(read.notes.filter((n) => n.includes('bar'))).toEqual([]);
  });
});
