import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { info } from '../../../src/info/info.js';
import { looksLikeMail } from '../../../src/parsers/mail/mail.js';

const ROOT = join(import.meta.dirname, '../../..');
const TRACE = gunzipSync(readFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz')))
  .toString('latin1')
  .split('\n')
  .slice(0, 600);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pttrace-mail-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(lines: readonly string[]): string {
  const path = join(folder, `${files++}.txt`);
  writeFileSync(path, Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
  return path;
}

const FIELDS = [
  'From: A Tester <tester@example.org>',
  'To: linux-mm@kvack.org',
  'Subject: Re: [PATCH] mm: a page table question',
  'Message-ID: <1@example.org>',
];
const PROSE = ['', 'Hi,', '', 'this is what I see on my machine, is that expected?', ''];

/** RFC 2045 6.7: `=`, bytes beyond ASCII and blanks at the end are coded, lines are at most 76 long. */
function quotedPrintable(line: string): string[] {
  const coded = line.replace(
    /[=\x80-\xff]|[ \t]$/g,
    (c) => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  const out: string[] = [];
  let rest = coded;
  while (rest.length > 76) {
    let at = 75;
    while (/=.?$/.test(rest.slice(at - 2, at))) at--;
    out.push(`${rest.slice(0, at)}=`);
    rest = rest.slice(at);
  }
  return [...out, rest];
}

const MAILS: [string, string[]][] = [
  ['as it is', [...FIELDS, ...PROSE, ...TRACE]],
  ['quoted', [...FIELDS, ...PROSE, ...TRACE.map((l) => `> ${l}`)]],
  ['quoted twice', [...FIELDS, ...PROSE, ...TRACE.map((l) => `>> ${l}`)]],
  ['quoted twice with blanks', [...FIELDS, ...PROSE, ...TRACE.map((l) => `> > ${l}`)]],
  ['quoted without any header field', TRACE.map((l) => `> ${l}`)],
  [
    'quoted-printable',
    [
      ...FIELDS,
      'Content-Transfer-Encoding: quoted-printable',
      ...[...PROSE, ...TRACE].flatMap(quotedPrintable),
    ],
  ],
];

describe('a trace in a mail', () => {
  it.each(MAILS)('%s: the events, verdicts and places of the trace', async (_, lines) => {
    const path = write(lines);
    const found = await analyse({ paths: [path], strict: true });
    const plain = await analyse({ paths: [write(TRACE)] });
    expect(looksLikeMail(readFileSync(path))).toBe(true);
    expect(found.inputs[0]).toMatchObject({ format: 'ftrace' });
    expect(found.inputs[0]!.lines).toMatchObject({
      total: lines.length,
      event: plain.inputs[0]!.lines.event,
      skipped: 0,
    });
    expect(found.timeline).toMatchObject({
      events: plain.timeline.events,
      firstNs: plain.timeline.firstNs,
      lastNs: plain.timeline.lastNs,
    });
    expect(found.operations).toEqual(plain.operations);
    expect(found.summary.findings).toBe(0);
    const verdicts = (r: typeof found): string[] => r.invariants.map((i) => `${i.id} ${i.verdict}`);
    expect(verdicts(found)).toEqual(verdicts(plain));
    const bytes = readFileSync(path, 'latin1');
    const quotes = found.variant.evidence.flatMap((e) => e.events);
    const originals = plain.variant.evidence.flatMap((e) => e.events);
    expect(quotes.map((q) => q.text)).toEqual(originals.map((q) => q.text));
    expect(quotes.length).toBeGreaterThan(0);
    for (const q of quotes) {
      // The line of the file, and its beginning.
      const line = bytes.split('\n')[q.line - 1]!;
      expect(bytes.slice(q.offset).startsWith(line)).toBe(true);
      expect(line.replace(/^[> ]*/, '').slice(0, 30)).toBe(q.text.trimStart().slice(0, 30));
    }
  });

  it('base64 is read, each line where its first character is coded', async () => {
    const body = Buffer.from(TRACE.slice(0, 40).join('\n'))
      .toString('base64')
      .match(/.{1,76}/g)!;
    const path = write([...FIELDS, 'Content-Transfer-Encoding: base64', '', ...body]);
    const coded = await analyse({ paths: [path] });
    const plain = await analyse({ paths: [write([...FIELDS, '', ...TRACE.slice(0, 40)])] });
    expect(coded.timeline.events).toBe(plain.timeline.events);
    expect(coded.timeline.firstNs).toBe(plain.timeline.firstNs);
  });
});

describe('histograms in a mail', () => {
  const table = (name: string, counts: readonly number[]): string[] => [
    `@${name}[munmap]:`,
    ...counts.map((n, i) => `[${2 ** i}K, ${2 ** (i + 1)}K) ${String(n).padStart(12)} |@@@@@@@ |`),
    '',
  ];

  it('the shipped reply: both, with their titles and exact counts', async () => {
    const path = join(ROOT, 'fixtures/mail/munmap-2024-11.txt');
    const { files: found } = await info({ paths: [path] });
    expect(found[0]!.histograms.map((h) => [h.title, h.count])).toEqual([
      ['without patch:', 210476],
      ['with patch:', 122496],
    ]);
    expect(found[0]!.input.lines.skipped).toBe(0);
    await expect(analyse({ paths: [path] })).rejects.toThrow(
      /holds printed histograms .*pttrace info.*pttrace hist.*pttrace compare/,
    );
  });

  it('a trace and two tables in one message: all of them, prose is foreign', async () => {
    const lines = [
      ...FIELDS,
      ...PROSE,
      ...TRACE.map((l) => `> ${l}`),
      '> before:',
      ...table('ns', [3, 4]).map((l) => `> ${l}`),
      'and with your patch:',
      ...table('ns', [5, 6, 7]),
    ];
    const { files: found } = await info({ paths: [write(lines)] });
    const { input, histograms, timeline } = found[0]!;
    expect(timeline!.events).toBe(input.lines.event);
    expect(input.lines).toMatchObject({ total: lines.length, skipped: 0 });
    expect(histograms.map((h) => [h.title, h.count])).toEqual([
      ['before:', 7],
      ['and with your patch:', 18],
    ]);
    for (const h of histograms) expect(lines[h.line - 1]).toMatch(/@ns\[munmap\]:$/);
  });
});
