import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { detect } from '../../../src/parsers/input/detect.js';

const TRACE = '# tracer: nop\n#\n'.concat(
  '          <idle>-0       [002] d.h2.    51.114697: tlb_flush: pages:-1 reason:TLB_FLUSH_ON_TASK_SWITCH (0)\n'.repeat(
    9,
  ),
);
const swapped = (bytes: Buffer, size: 2 | 4): Buffer => (size === 2 ? bytes.swap16() : bytes.swap32());
const utf16 = Buffer.from(TRACE, 'utf16le');
const utf32 = (): Buffer => {
  const wide = Buffer.alloc(4 * TRACE.length);
  for (let i = 0; i < TRACE.length; i++) wide.writeUInt32LE(TRACE.charCodeAt(i), 4 * i);
  return wide;
};
const bom = (...bytes: number[]): Buffer => Buffer.from(bytes);

describe('text that is not read as it is says what to do', () => {
  test.each([
    ['UTF-16 with its mark', Buffer.concat([bom(0xff, 0xfe), utf16]), 'iconv -f UTF-16 '],
    ['UTF-16 without', utf16, 'iconv -f UTF-16LE '],
    ['the other way round', swapped(Buffer.from(utf16), 2), 'iconv -f UTF-16BE '],
    ['UTF-32', Buffer.concat([bom(0xff, 0xfe, 0, 0), utf32()]), 'iconv -f UTF-32 '],
    ['UTF-32, big-endian', Buffer.concat([bom(0, 0, 0xfe, 0xff), swapped(utf32(), 4)]), 'iconv -f UTF-32 '],
    ['packed twice', gzipSync(TRACE), 'packed once more'],
    ['lines of an old Mac', Buffer.from(TRACE.replaceAll('\n', '\r')), 'CR alone'],
  ])('%s', (_, bytes, advice) => {
    expect(() => detect(bytes, 'trace.txt')).toThrow(advice);
  });

  test('plain text is read, with either end of its lines', () => {
    expect(detect(Buffer.from(TRACE), 'trace.txt').dialect.id).toBe('ftrace');
    expect(detect(Buffer.from(TRACE.replaceAll('\n', '\r\n')), 'trace.txt').dialect.id).toBe('ftrace');
  });
});
