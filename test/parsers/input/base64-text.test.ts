import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { base64From, base64In } from '../../../src/parsers/input/base64-text.js';
import { readSource } from '../../../src/parsers/input/source.js';
import { TraceError } from '../../../src/parsers/input/trace-error.js';

const folder = mkdtempSync(join(tmpdir(), 'pttrace-base64-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TRACE = Array.from(
  { length: 400 },
  (_, i) => `ptwork-71 [000] d..2. 12.${String(i).padStart(6, '0')}: tlb_flush: pages:${i} reason:1\n`,
).join('');
const wrapped = (bytes: Uint8Array | string, width = 76, end = '\n'): string =>
  Buffer.from(bytes)
    .toString('base64')
    .replace(new RegExp(`.{1,${width}}`, 'g'), (row) => row + end);

async function read(text: string | Uint8Array, name = 'in'): Promise<{ text: string; how: string }> {
  const path = join(folder, name);
  writeFileSync(path, text);
  const parts: Buffer[] = [];
  const end = await readSource({ path }, (chunk) => parts.push(Buffer.from(chunk)));
  if (end.error) throw end.error;
  return { text: Buffer.concat(parts).toString(), how: end.compression };
}

test.each([
  ['rows of 76', wrapped(TRACE)],
  ['rows of 64 with CRLF', wrapped(TRACE, 64, '\r\n')],
  ['one row', wrapped(TRACE, 1e6, '')],
  ['packed inside', wrapped(gzipSync(TRACE))],
  ['quoted', wrapped(TRACE).replace(/^/gm, '> ').slice(0, -2)],
  ['uuencode', `begin-base64 644 trace.txt\n${wrapped(TRACE)}====\n`],
  ['a part of a mail', `Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n${wrapped(TRACE)}`],
  ['blank line at the end', `${wrapped(TRACE)}\n\n`],
])('%s: what it holds is read', async (_, text) => {
  expect(await read(text)).toEqual({ text: TRACE, how: 'base64' });
});

test('every length, so that the last group is of one, two and three bytes, and a large one that comes in chunks', async () => {
  for (const cut of [0, 1, 2, 3]) expect((await read(wrapped(TRACE.slice(cut)))).text).toBe(TRACE.slice(cut));
  const large = TRACE.repeat(20);
  expect((await read(wrapped(large))).text).toBe(large);
});

test('what only looks like it stays as it is', async () => {
  for (const text of [
    TRACE,
    'word\nword\nword\n',
    `${'A'.repeat(76)}\n${'B'.repeat(76)}\n`,
    `${wrapped(Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7919) % 256)))}`,
    `some prose\n${wrapped(TRACE)}`,
    `From: a@example.org\nSubject: trace\nContent-Transfer-Encoding: base64\n\n${wrapped(TRACE)}`,
    '',
  ]) {
    expect(base64In(Buffer.from(text))).toBeNull();
    expect(await read(text)).toEqual({ text, how: 'none' });
  }
});

test('base64 behind prose is found by its line', () => {
  expect(base64From(`Hi,\n\nthe trace:\n${wrapped(TRACE)}`)).toBe(4);
  expect(base64From(TRACE)).toBeNull();
});

test('files that are read in any order are named with the command that decodes them; a broken row is an error', async () => {
  const binary = (magic: string): string =>
    wrapped(Buffer.concat([Buffer.from(magic, 'latin1'), Buffer.alloc(200)]));
  await expect(read(binary('\x17\x08\x44tracing6\0'), 'a.b64')).rejects.toThrow(
    /base64 of a trace\.dat: .*base64 -d '.*a\.b64' > trace\.dat/,
  );
  await expect(read(binary('PERFILE2'), 'b.b64')).rejects.toThrow(/base64 of a perf\.data/);
  const broken = wrapped(TRACE.repeat(4)).replace(/^((?:.*\n){90}).*\n/, '$1what is this?\n');
  const error = await read(broken, 'c.b64').catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TraceError);
  expect(error).toMatchObject({ code: 'corrupt', line: 91 });
});
