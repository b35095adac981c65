import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../../src/parsers/input/trace-error.js';
import { bytesSource } from '../../../src/parsers/trace-dat/byte-source.js';
import { scoreTraceDat } from '../../../src/parsers/trace-dat/header.js';
import { openRecording } from '../../../src/parsers/trace-dat/recording.js';
import { buildV7, fixture, KERNELS, latin1, reportOf, splitV6, withZstd, zlibPack } from './support/files.js';

const installed = spawnSync('trace-cmd', ['list', '-c']).error === undefined;
const zstd = spawnSync('zstd', ['--version']).error === undefined;
const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url));
const RECORDINGS = ['recordings/6.12.117-lab-y', 'recordings/debian-6.16.12', 'corpus/trappy'];

describe.each(KERNELS)('report of %s', (kernel) => {
  const bytes = fixture(kernel, 'v6.dat');
  const want = latin1(fixture(kernel, 'v6.report.txt'));

  it('prints what trace-cmd report printed', () => {
    expect(want.split('\n').length).toBeGreaterThan(300);
    expect(reportOf(bytes)).toBe(want);
  });

  it('prints the same of version 7, plain and compressed', () => {
    expect(reportOf(buildV7(bytes, 'none', null))).toBe(want);
    expect(reportOf(buildV7(bytes, 'zlib', zlibPack))).toBe(want);
    const packed = buildV7(bytes, 'other', (b) => Buffer.from(b).reverse());
    const codec = (name: string, b: Uint8Array) => (name === 'other' ? Buffer.from(b).reverse() : null);
    expect(reportOf(packed, codec)).toBe(want);
  });

  it.skipIf(!installed)('agrees with the installed trace-cmd, also on lost events', () => {
    const dir = mkdtempSync(join(tmpdir(), 'trace-dat-'));
    const file = join(dir, 'x.dat');
    const changed = Buffer.from(bytes);
    const { cpus } = splitV6(bytes);
    const page = cpus[0]!.offset + 4096;
    changed.writeUInt32LE((changed.readUInt32LE(page + 8) | 0x80000000) >>> 0, page + 8);
    writeFileSync(file, changed);
    const live = spawnSync('trace-cmd', ['report', file], { maxBuffer: 1 << 26 }).stdout.toString('latin1');
    rmSync(dir, { recursive: true });
    expect(live).toContain('CPU:0 [EVENTS DROPPED]');
    expect(reportOf(changed)).toBe(live);
  });
});

describe('trace.dat heads', () => {
  it('are told by their first bytes', () => {
    expect(scoreTraceDat(fixture(KERNELS[0], 'v6.dat'))).toBe(1);
    expect(scoreTraceDat(new TextEncoder().encode('# tracer: nop'))).toBe(0);
    expect(scoreTraceDat(new Uint8Array(0))).toBe(0);
  });

  it('name a compression that cannot be undone', () => {
    const packed = buildV7(fixture(KERNELS[0], 'v6.dat'), 'lzma', zlibPack);
    expect(() => openRecording(bytesSource(packed, 'a.dat'))).toThrow(/byte \d+: compressed with lzma/);
  });

  it('refuse a piece that would inflate without bound', () => {
    const bomb = buildV7(fixture(KERNELS[0], 'v6.dat'), 'zlib', () => zlibPack(new Uint8Array(1 << 24)));
    expect(() => openRecording(bytesSource(bomb, 'a.dat'))).toThrow(TraceError);
  });
});

describe.skipIf(!existsSync(shared) || !installed || !zstd)(
  'whole recordings (need ../shared, trace-cmd, zstd)',
  () => {
    it.each(RECORDINGS)('%s', (folder) => {
      const file = `${shared}${folder}/trace.dat`;
      const live = spawnSync('trace-cmd', ['report', file], { maxBuffer: 1 << 28 }).stdout.toString('latin1');
      expect(live.length).toBeGreaterThan(10000);
      expect(reportOf(readFileSync(file), withZstd)).toBe(live);
    });
  },
);
