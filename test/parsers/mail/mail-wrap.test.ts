import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../../src/analyse/analyse.js';
import { readMail } from '../../../src/parsers/mail/mail.js';
import { unwrapMail } from '../../../src/parsers/mail/mail-wrap.js';
import type { Result } from '../../../src/result/types.js';

const dir = mkdtempSync(join(tmpdir(), 'pttrace-wrap-'));
afterAll(() => rmSync(dir, { recursive: true }));

const lines = (path: string, count: number): string[] =>
  gunzipSync(readFileSync(join(import.meta.dirname, '../../../fixtures', path)))
    .toString('latin1')
    .split('\n')
    .slice(0, count);
const HEADER = ['From: A <a@kernel.example>', 'To: l@kvack.example', 'Subject: Re: order', ''];

/** Breaks at blanks as mailers do; a word that is longer than a line stays whole. */
function wrap(line: string, width: number): string[] {
  const out: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const indent = /^ */.exec(rest)![0].length;
    let at = rest.lastIndexOf(' ', width);
    if (at <= indent) at = rest.indexOf(' ', Math.max(width, indent));
    if (at < 0) break;
    out.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...out, rest];
}

async function replayed(name: string, text: readonly string[]): Promise<Result> {
  const path = join(dir, name);
  writeFileSync(path, `${text.join('\n')}\n`, 'latin1');
  return analyse({ paths: [path] });
}
const verdicts = (r: Result) => r.invariants.map((i) => [i.id, i.verdict, i.instances]);

describe('a trace that a mailer wrapped is judged like the trace', async () => {
  const trace = lines('replay/6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz', 900);
  const plain = await replayed('plain', trace);
  test.each([
    ['at 72', 72, '', ''],
    ['at 78', 78, '', ''],
    ['quoted, then wrapped', 76, '> ', ''],
    ['wrapped, then quoted', 72, '> > ', '> > '],
  ] as const)('%s', async (name, width, first, next) => {
    const body = trace.flatMap((l) => wrap(first + l, width).map((p, i) => (i === 0 ? p : next + p)));
    expect(body.length).toBeGreaterThan(trace.length + 500);
    const r = await replayed(name.replaceAll(' ', '-'), [...HEADER, ...body]);
    expect(r.inputs[0]!.lines).toMatchObject({
      total: HEADER.length + body.length,
      event: plain.inputs[0]!.lines.event,
      skipped: 0,
    });
    expect(r.inputs[0]!.notes.map((n) => n.code)).toContain('unwrapped');
    if (first === next) {
      expect(verdicts(r)).toEqual(verdicts(plain));
      return;
    }
    // A few words below the quoted event may be its rest or an answer: what may be missing there is not vouched for.
    for (const [i, now] of r.invariants.entries()) {
      const before = plain.invariants[i]!;
      if (now.verdict !== 'unknown') expect(now.verdict, now.id).toBe(before.verdict);
      expect(now.instances.pass, now.id).toBeLessThanOrEqual(before.instances.pass);
      expect(now.instances.violated, now.id).toBe(0);
    }
    for (const id of ['I01', 'I03', 'I04', 'I09', 'I38'])
      expect(
        r.invariants.find((i) => i.id === id),
        id,
      ).toMatchObject({ verdict: 'pass' });
  });
});

describe('what is put together', () => {
  const joined = (text: string): string =>
    Buffer.from(unwrapMail(readMail(Buffer.from(text))).bytes).toString();
  const EVENT = '>      irq/68-dwc3-523     [000] D..3.   133.990254: reset_config';

  test.each([
    ['a caller', `${EVENT}\n> <-__composite_disconnect\n`, `${EVENT.slice(2)} <-__composite_disconnect\n`],
    [
      'a caller in the reply',
      `${EVENT}\n<-__composite_disconnect\n`,
      `${EVENT.slice(2)} <-__composite_disconnect\n`,
    ],
    [
      'a duration',
      '> >       irq/68-dwc3-725   [000]   514.575337: funcgraph_entry:      #\n> > 2079.480 us |  gether_disconnect();\n',
      '      irq/68-dwc3-725   [000]   514.575337: funcgraph_entry:      # 2079.480 us |  gether_disconnect();\n',
    ],
    ['prose', `${EVENT}\n> Here it is taken down.\n`, `${EVENT.slice(2)}\nHere it is taken down.\n`],
    [
      'a remark',
      `${EVENT}\nNote: here it is taken down.\n`,
      `${EVENT.slice(2)}\nNote: here it is taken down.\n`,
    ],
    ['what had room', '> a-1 [000] 1.000000: f: x=1\n> y=2\n', 'a-1 [000] 1.000000: f: x=1\ny=2\n'],
    ['a line behind prose', `> some prose\n> mm=1\n`, 'some prose\nmm=1\n'],
  ])('%s', (_, text, wanted) => {
    expect(joined(text)).toBe(wanted);
  });

  test('each line keeps its place in the file', () => {
    const text = `From: a\n\n${EVENT}\n> <-__composite_disconnect\n> next\n`;
    const mail = unwrapMail(readMail(Buffer.from(text)));
    expect([...mail.lines]).toEqual([1, 2, 3, 5]);
    expect([...mail.offsets].map((o) => text.slice(o).split('\n')[0])).toEqual([
      'From: a',
      '',
      EVENT,
      '> next',
    ]);
    expect(mail.joined).toBe(1);
  });
});
