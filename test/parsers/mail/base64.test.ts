import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { collectSpans } from '../../../src/measure/collect-spans.js';
import { hist } from '../../../src/measure/hist.js';

const at = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/inputs/${name}`, import.meta.url));
const source = { kind: 'syscall', name: 'munmap' } as const;
const TRACE = `             app-901     [002] .....   120.145400: sys_munmap(addr: 7f15f6646000, len: 200000)
             app-901     [002] .....   120.145800: sys_munmap -> 0x0
`;
const HIST = '@usecs:\n[2, 4)                12 |@@@@@@     |\n[4, 8)                90 |@@@@@@@@@@@|\n';
const mail = (type: string, body: Buffer): string =>
  `From: a@b.c\nTo: d@e.f\nSubject: x\nDate: now\nContent-Type: multipart/mixed; boundary="b-b-b-b-b"\n\n--b-b-b-b-b\nContent-Type: text/plain\n\nsee below\n\n--b-b-b-b-b\nContent-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${body
    .toString('base64')
    .replace(/.{76}/g, '$&\n')}\n--b-b-b-b-b--\n`;
const open = (text: string) => ({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });

describe('base64 parts', () => {
  test('F08', async () => {
    const run = await collectSpans({ paths: [at('F08-base64-mail.eml')], source, keepOrder: 4 });
    expect([...run.ordered]).toEqual([400_000]);
    const { total, ...kinds } = run.inputs[0]!.lines;
    expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(total);
    expect(run.inputs[0]!.notes.map((n) => n.code)).toContain('base64');
  });

  test.each([
    ['text/plain', Buffer.from(TRACE)],
    ['application/gzip', gzipSync(TRACE.repeat(3))],
  ])('an attachment, %s', async (type, body) => {
    const run = await collectSpans({ ...open(mail(type, body)), source, keepOrder: 4 });
    expect([...run.ordered][0]).toBe(400_000);
  });

  test('parts are told apart by the boundary that the mail names, however short', async () => {
    const text = mail('text/plain', Buffer.from(TRACE));
    for (const boundary of ['=-x', 'b b', "a'1"]) {
      const run = await collectSpans({
        ...open(text.replaceAll('b-b-b-b-b', boundary)),
        source,
        keepOrder: 4,
      });
      expect([boundary, ...run.ordered]).toEqual([boundary, 400_000]);
    }
  });

  test('an image stays what it is; a histogram is found', async () => {
    const image = mail('image/png', Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7) % 256)));
    const run = await collectSpans({ ...open(image + TRACE), source, keepOrder: 4 });
    expect([...run.ordered]).toEqual([400_000]);
    const r = await hist(open(mail('text/plain', Buffer.from(HIST))));
    expect([r.unit, r.groups[0]!.count]).toEqual(['us', 102]);
  });
});

test('F15: a latency header that a mailer broke', async () => {
  const run = await collectSpans({ paths: [at('F15-wrapped-latency-header.eml')], source });
  expect(run.inputs[0]!.notes.map((n) => n.message)).toContain(
    'preemptirqsoff tracer: worst latency 10620430 us, seen on CPU 260',
  );
  expect(run.inputs[0]!.lines).toMatchObject({ total: 38, event: 3, skipped: 0 });
});
