import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import { WrappedLines } from '../../../src/parsers/input/wrapped-lines.js';
import { replayFile, verdicts } from '../../replay/support/replay.js';

const read = (path: string): string =>
  gunzipSync(readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url))).toString('latin1');
const LINES = [
  '# tracer: nop',
  '#',
  '           <...>-71      [000] d..2.    12.000001: tlb_flush: pages:1 reason:local shootdown (1)',
  '    a "quoted\\ one-72    [001] .....    12.000002: call_rcu: (call_rcu+0x4/0x10) head=0x1 func=f',
  '          täsk,x-73      [000] .....    12.000003: tables: tables={0x1,0x2,"a"} ratio=1',
];
const csv = (field: string): string => `"${field.replaceAll('"', '""')}"`;
const asNeeded = (field: string): string => (/[",]/.test(field) ? csv(field) : field);

const WRAPS: Readonly<Record<string, (lines: readonly string[]) => string[]>> = {
  'json-file of docker': (lines) =>
    lines.map((l, i) =>
      JSON.stringify({ log: `${l}\n`, stream: 'stdout', time: `2026-01-01T00:00:0${i % 10}Z` }),
    ),
  'journalctl -o json': (lines) =>
    lines.map((l, i) => JSON.stringify({ __REALTIME_TIMESTAMP: `17330${i}`, MESSAGE: l, PRIORITY: '6' })),
  'an object with a message': (lines) => lines.map((l) => JSON.stringify({ level: 'info', message: l })),
  'a list of strings': (lines) => lines.map((l) => `  ${JSON.stringify(l)},`),
  'one quoted column': (lines) => lines.map(csv),
  'columns before it, quoted where they must be': (lines) => lines.map((l) => `2026-01-01,h1,${asNeeded(l)}`),
  'a column before it and one behind, all quoted': (lines) => lines.map((l) => `"h1",${csv(l)},"7"`),
};

function unwrapped(text: string, pieces = 1 << 20): { text: string; found: boolean } {
  const out: Buffer[] = [];
  const lines = new WrappedLines((chunk) => out.push(Buffer.from(chunk)));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieces) lines.write(bytes.subarray(at, at + pieces));
  lines.end();
  return { text: Buffer.concat(out).toString(), found: lines.found };
}

describe.each(Object.entries(WRAPS))('%s', (_, wrap) => {
  it.each([1, 7, 64, 4096])('is taken off in pieces of %d bytes', (pieces) => {
    const text = `${wrap(LINES).join('\n')}\n`;
    expect(unwrapped(text, pieces)).toEqual({ text: `${LINES.join('\n')}\n`, found: true });
    expect(unwrapped(text.replaceAll('\n', '\r\n').slice(0, -2), pieces).text.replaceAll('\r', '')).toBe(
      LINES.join('\n'),
    );
  });

  it('changes no verdict, and the line that a finding quotes is found again', async () => {
    const text = read('wrong-orders/hand-over-outside-any-gather.txt.gz').trimEnd();
    const plain = await replayFile(`${text}\n`);
    const wrapped = await replayFile(`${wrap(text.split('\n')).join('\n')}\n`);
    expect(verdicts(wrapped)).toEqual(verdicts(plain));
    const quotes = (r: typeof plain) =>
      r.invariants.flatMap((i) => i.findings.flatMap((f) => f.events.map((e) => [e?.line, e?.text])));
    expect(quotes(wrapped)).toEqual(quotes(plain));
    expect(quotes(plain).length).toBeGreaterThan(0);
    expect(wrapped.inputs[0]!.lines).toEqual(plain.inputs[0]!.lines);
    expect(wrapped.inputs[0]!.notes.map((n) => n.code)).toContain('wrapped');
  });
});

describe.each([
  ['jq -Rs .', (text: string) => `${JSON.stringify(text)}\n`],
  ['every other character escaped', (text: string) => `\n "${escaped(text)}"`],
])('a whole text in one string of JSON (%s)', (_, quoted) => {
  it.each([1, 7, 64, 4096])('is taken out in pieces of %d bytes', (pieces) => {
    const text = `${LINES.join('\n')}\n# a\\n \u{1f600} "\t\u0001\n`;
    expect(unwrapped(quoted(text), pieces)).toEqual({ text, found: true });
  });

  it('changes no verdict', async () => {
    const text = read('wrong-orders/hand-over-outside-any-gather.txt.gz');
    expect(verdicts(await replayFile(quoted(text)))).toEqual(verdicts(await replayFile(text)));
  });
});

const escaped = (text: string): string =>
  [...Array(text.length).keys()]
    .map((i) =>
      i % 2 === 0 && text[i] !== '\n'
        ? `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`
        : JSON.stringify(text[i]).slice(1, -1),
    )
    .join('');

test('several strings one behind the other are one text, and a string without a trace is none', () => {
  const text = `${LINES.join('\n')}\n`;
  expect(unwrapped(`${JSON.stringify(text)}\n${JSON.stringify('# end\n')}\n`).text).toBe(`${text}# end\n`);
  const prose = `${JSON.stringify('a text\nof two lines')}\n`;
  expect(unwrapped(prose)).toEqual({ text: prose, found: false });
  const unknown = `${JSON.stringify(text).slice(0, -1)}\\uzz`;
  expect(unwrapped(unknown).text).toBe(`${text}\\uzz`);
});

describe.each([
  ['a list', (objects: readonly object[]) => JSON.stringify(objects, null, 2)],
  ['objects', (objects: readonly object[]) => objects.map((o) => JSON.stringify(o, null, 4)).join('\n')],
])('%s printed over several lines (jq)', (_, printed) => {
  const objectsOf = (lines: readonly string[]) =>
    lines.map((log, i) => ({
      stream: 'stdout',
      kubernetes: { pod: 'a', labels: ['b'] },
      log: `${log}\n`,
      n: i,
    }));

  it('gives the lines, with the arguments behind quotes', () => {
    const { text, found } = unwrapped(`${printed(objectsOf(LINES))}\n`, 7);
    expect(text.split('\n').filter((line) => line !== '')).toEqual(LINES);
    expect(found).toBe(true);
  });

  it('changes no verdict', async () => {
    const text = read('wrong-orders/hand-over-outside-any-gather.txt.gz');
    const wrapped = printed(objectsOf(text.trimEnd().split('\n')));
    expect(verdicts(await replayFile(`${wrapped}\n`))).toEqual(verdicts(await replayFile(text)));
  });

  it('of reports that quote several lines each are none', () => {
    const reports = Array.from({ length: 5 }, () => ({ title: 'x', body: LINES.join('\n') }));
    expect(unwrapped(`${printed(reports)}\n`).found).toBe(false);
  });
});

test('names of columns, brackets of a list and what is not wrapped are lines as well', () => {
  const rows = LINES.map((l) => `h1,${csv(l)}`);
  expect(unwrapped(`host,message\n${rows.join('\n')}\n`).text).toBe(`message\n${LINES.join('\n')}\n`);
  const list = `[\n${LINES.map((l) => JSON.stringify(l)).join(',\n')}\n]\n`;
  expect(unwrapped(list).text).toBe(`\n${LINES.join('\n')}\n\n`);
  const whole = Array.from({ length: 5 }, () => LINES[2]!);
  const others = ['{"log":"cut', 'plain', '{"other":1}', '{"log":7}'];
  const odd = [...whole.map((log) => JSON.stringify({ log: `${log}\n` })), ...others];
  expect(unwrapped(odd.join('\n')).text).toBe([...whole, ...others].join('\n'));
  const bytes = JSON.stringify({ MESSAGE: [...Buffer.from(LINES[4]!)] });
  expect(unwrapped(`${JSON.stringify({ MESSAGE: LINES[2] })}\n${bytes}\n`).text).toBe(
    `${LINES[2]}\n${LINES[4]}\n`,
  );
  // A number of lines on one stays the number of the line.
  expect(unwrapped(JSON.stringify({ log: `${LINES[2]}\nmore\n` })).text).toBe(`${LINES[2]} more`);
});

test('a line longer than any that is read is passed on as it is, without being kept', () => {
  const wrapped = JSON.stringify({ log: `${LINES[2]}\n` });
  const out: number[] = [];
  let kept = '';
  const lines = new WrappedLines((chunk) => {
    out.push(chunk.length);
    kept += Buffer.from(chunk).toString().slice(0, 200);
  });
  lines.write(Buffer.from(`${wrapped}\n`.repeat(300)));
  const piece = Buffer.alloc(1 << 20, 'x');
  const before = out.length;
  for (let i = 0; i < 32; i++) {
    lines.write(piece);
    if (i === 15) expect(out.length).toBeGreaterThan(before);
  }
  kept = '';
  lines.write(Buffer.from(`x\n${wrapped}\n`));
  lines.end();
  expect(kept).toBe(`x\n${LINES[2]}\n`);
  expect(out.slice(before).reduce((a, b) => a + b)).toBe((32 << 20) + `x\n${LINES[2]}\n`.length);
});

test.each([
  ['of docker', (line: string) => JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: 'x' })],
  ['of a pod', (line: string) => `{"kubernetes": {"pod": "a"}, "log": ${JSON.stringify(line)}}`],
  ['of a journal', (line: string) => JSON.stringify({ __REALTIME_TIMESTAMP: '1', MESSAGE: line })],
])('a log %s may say much before the trace begins', (_, wrap) => {
  const lines = [...Array.from({ length: 2000 }, (_, i) => `booting ${i}`), ...LINES];
  expect(unwrapped(`${lines.map(wrap).join('\n')}\n`, 4096)).toEqual({
    text: `${lines.join('\n')}\n`,
    found: true,
  });
});

test('a document of JSON that quotes lines of a trace is no trace', () => {
  const result = { schema: 'x', findings: [{ id: 'I01', lines: LINES.slice(2), text: LINES[2] }], rules: {} };
  for (const text of [
    JSON.stringify(result, null, 2),
    JSON.stringify([result], null, 1),
    JSON.stringify({ ...result, a: 1, b: [2, 3], c: { d: 4, e: 5 } }, null, '\t'),
    JSON.stringify(result),
  ])
    expect(unwrapped(`${text}\n`)).toEqual({ text: `${text}\n`, found: false });
});

test('bytes that are no UTF-8 stay what they are', () => {
  const line = Buffer.concat([Buffer.from([0xff, 0xe4, 0x80]), Buffer.from(LINES[2]!)]);
  const row = Buffer.concat([Buffer.from('h1,"'), line, Buffer.from('"\n')]);
  const out: Buffer[] = [];
  const lines = new WrappedLines((chunk) => out.push(Buffer.from(chunk)));
  lines.write(Buffer.concat([row, row]));
  lines.end();
  expect(lines.found).toBe(true);
  expect(Buffer.concat(out)).toEqual(Buffer.concat([line, Buffer.from('\n'), line, Buffer.from('\n')]));
});

test('any other input is passed on as it comes', () => {
  const others = [
    '',
    '\n\n',
    LINES.join('\n'),
    '{"type": "printf", "data": "123 0 71 tlb_flush\\n"}\n'.repeat(500),
    '{"ts":1,"cpu":0,"event":"tlb_flush"}\n'.repeat(800),
    'ts,cpu,event\n1,0,tlb_flush\n',
    'message\nnothing that is a trace\n"nor, this"\n',
    '"open\n',
    '\x17\x08Dtracing\x00',
  ];
  const table = 'a table of words';
  for (const text of [...others, table])
    for (const pieces of [1, 4096]) expect(unwrapped(text, pieces)).toEqual({ text, found: false });
});

test('lines of a text come through at once, not when there are enough of them', () => {
  const out: string[] = [];
  const lines = new WrappedLines((chunk) => out.push(Buffer.from(chunk).toString()));
  lines.write(Buffer.from('# tracer'));
  lines.write(Buffer.from(': nop\n'));
  expect(out).toEqual(['# tracer', ': nop\n']);
});
