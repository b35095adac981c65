import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { looksLikeMail, readMail } from '../../../src/parsers/mail/mail.js';
import type { Result } from '../../../src/result/types.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-mail-'));
afterAll(() => rmSync(dir, { recursive: true }));

const fixture = (path: string): Buffer =>
  gunzipSync(readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url)));
const TRACE = fixture('replay/6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz')
  .toString('latin1')
  .split('\n')
  .slice(0, 1500);
const HEADER = [
  'From: A Developer <a@kernel.example>',
  'To: linux-mm@kvack.example',
  'Subject: Re: [PATCH v2 6/7] x86: mm: free page table pages by RCU',
  'Date: Mon, 11 Nov 2024 10:00:00 +0100',
];
const PROSE = ['', 'Hi all,', '', 'this is what I see here at 10:00: is it right?', ''];

/** Quoted-printable as mailers write it: 76 columns, `=` and what is not ASCII coded (RFC 2045 6.7). */
function quotedPrintable(line: string): string {
  const coded = [...Buffer.from(line, 'utf8')].map((c) =>
    c === 61 || c < 32 || c > 126
      ? `=${c.toString(16).toUpperCase().padStart(2, '0')}`
      : String.fromCharCode(c),
  );
  if (coded.at(-1) === ' ') coded[coded.length - 1] = '=20';
  const rows: string[] = [''];
  for (const c of coded) {
    if (rows.at(-1)!.length + c.length > 75) {
      rows[rows.length - 1] += '=';
      rows.push('');
    }
    rows[rows.length - 1] += c;
  }
  return rows.join('\n');
}

async function replayed(name: string, lines: readonly string[], newline = '\n'): Promise<Result> {
  const path = join(dir, name);
  writeFileSync(path, lines.join(newline) + newline, 'latin1');
  return analyse({ paths: [path] });
}

const verdicts = (r: Result) => r.invariants.map((i) => [i.id, i.verdict, i.instances]);

describe('a trace in a mail is judged like the trace', async () => {
  const plain = await replayed('plain', TRACE);
  const { lines } = plain.inputs[0]!;

  test.each([
    ['quoted', (l: string) => `> ${l}`],
    ['quoted twice', (l: string) => `> > ${l}`],
    ['quoted without a blank', (l: string) => (l.startsWith(' ') || l.startsWith('#') ? `>${l}` : `> ${l}`)],
  ])('%s', async (name, quote) => {
    const r = await replayed(name.replaceAll(' ', '-'), [...HEADER, ...PROSE, ...TRACE.map(quote)], '\r\n');
    expect(verdicts(r)).toEqual(verdicts(plain));
    const input = r.inputs[0]!;
    expect(input.notes.map((n) => n.code)).toContain('mail');
    expect(input.lines.event).toBe(lines.event);
    expect(input.lines.skipped).toBe(0);
    expect(input.lines.total).toBe(TRACE.length + HEADER.length + PROSE.length);
  });

  test('quoted-printable, its soft line breaks included', async () => {
    const body = TRACE.map(quotedPrintable);
    const text = [...HEADER, 'Content-Transfer-Encoding: quoted-printable', '', ...PROSE, ...body];
    const r = await replayed('qp', text);
    expect(verdicts(r)).toEqual(verdicts(plain));
    expect(r.inputs[0]!.lines.total).toBe(text.join('\n').split('\n').length);
    expect(r.inputs[0]!.lines.event).toBe(lines.event);
  });
});

test('a finding in a mail names the lines of the mail', async () => {
  const id = (text: string) => /call_rcu.*head=(0x[0-9a-f]+)/.exec(text);
  const at = TRACE.findIndex((l) => id(l));
  const twice = [...TRACE.slice(0, at + 1), TRACE[at]!, ...TRACE.slice(at + 1)];
  const found = (r: Result) => r.invariants.find((i) => i.id === 'I11')!;
  const plain = found(await replayed('twice', twice));
  expect(plain.verdict).toBe('violated');
  const above = [...HEADER, ...PROSE];
  const mail = found(await replayed('twice-mail', [...above, ...twice.map((l) => `> ${l}`)]));
  expect(mail.verdict).toBe('violated');
  expect(mail.findings[0]!.events.map((e) => e.line)).toEqual(
    plain.findings[0]!.events.map((e) => e.line + above.length),
  );
  expect(mail.findings[0]!.events.map((e) => e.text)).toEqual(plain.findings[0]!.events.map((e) => e.text));
  expect(mail.findings[0]!.events.map((e) => e.offset)).not.toEqual(
    plain.findings[0]!.events.map((e) => e.offset),
  );
});

test.each([
  [650, 700, [], ['I36']],
  [1000, 1040, ['I38'], ['I38']],
  [1200, 1210, ['I01'], ['I01']],
])(
  'prose instead of lines %i to %i of a quoted trace: no finding rests on what is absent around it',
  async (from, to, silently, undecided) => {
    const broken = (r: Result) => r.invariants.filter((i) => i.verdict === 'violated').map((i) => i.id);
    const above = [...HEADER, ''];
    const cut = [...TRACE.slice(0, from), ...TRACE.slice(to)].map((l) => `> ${l}`);
    // So few lines cut out without a mark contradict nothing, or one thing only.
    expect(broken(await replayed('cut', [...above, ...cut]))).toEqual(silently);
    const snip = '[...] and so on, then';
    const told = await replayed('snipped', [...above, ...cut.slice(0, from), snip, ...cut.slice(from)]);
    expect(broken(told)).toEqual([]);
    const of = told.invariants.filter((i) => undecided.includes(i.id)).map((i) => i.verdict);
    expect(of).toEqual(undecided.map(() => 'unknown'));
  },
);

describe('what is a mail', () => {
  test.each([
    [true, HEADER.join('\n')],
    [true, '> quoted line one\n> quoted line two\nanswer\n'],
    [false, TRACE.slice(0, 100).join('\n')],
    [false, 'subject: x\n\ntext\n'],
    [false, ''],
    [false, 'static int f(void)\n{\n\treturn a > b;\n}\n'],
  ])('%s: %j', (is, text) => {
    expect(looksLikeMail(Buffer.from(text))).toBe(is);
  });
});

describe('decoding', () => {
  const QP = 'Content-Transfer-Encoding: quoted-printable\n\n';

  test.each([
    ['a=3Db\n', 'a=b\n'],
    ['a=\nb\n', 'ab\n'],
    ['a= \nb', 'ab\n'],
    ['=zz =4\n', '=zz =4\n'],
    ['a=0Ab=0D\n', 'a b \n'],
    ['=C2=A0x\n', ' x\n'],
    ['> > a\n>b\n', 'a\nb\n'],
  ])('%j', (text, wanted) => {
    const mail = readMail(Buffer.from(QP + text));
    expect(Buffer.from(mail.bytes).toString().split('\n').slice(2).join('\n')).toBe(wanted);
  });

  test('only parts that declare it are decoded', () => {
    expect(Buffer.from(readMail(Buffer.from('Subject: x\n\na=3Db=\nc\n')).bytes).toString()).toBe(
      'Subject: x\n\na=3Db=\nc\n',
    );
  });

  test('a base64 part is told of', () => {
    const mail = readMail(Buffer.from('Content-Transfer-Encoding: base64\n\nYWJj\n'));
    expect(mail.notes.map((n) => n.code)).toEqual(['base64']);
  });

  test('coding and decoding gives every line back, at its number and offset', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 200, unit: 'grapheme' }), { maxLength: 20 }), (texts) => {
        const lines = texts.map((t) => t.replace(/[\r\n\u00a0]/g, ' ').replace(/^[> ]+/, ''));
        const coded = lines.map(quotedPrintable);
        const bytes = Buffer.from(`${QP}${coded.map((l) => `${l}\n`).join('')}`, 'latin1');
        const mail = readMail(bytes);
        expect(Buffer.from(mail.bytes).toString('utf8').split('\n').slice(2, -1)).toEqual(lines);
        expect(mail.lines.length + mail.joined).toBe(bytes.toString('latin1').split('\n').length - 1);
        mail.offsets.forEach((offset, i) => {
          const number = bytes.subarray(0, offset).toString('latin1').split('\n').length;
          expect(number).toBe(mail.lines[i]);
        });
      }),
      { numRuns: 200 },
    );
  });

  test('ends for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const mail = readMail(bytes);
        expect(mail.lines.length).toBe(mail.offsets.length);
        expect(mail.bytes.filter((c) => c === 10).length).toBe(mail.lines.length);
      }),
    );
  });
});
