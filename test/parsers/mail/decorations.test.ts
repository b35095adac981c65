import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { info } from '../../../src/info/info.js';
import { collectSpans } from '../../../src/measure/collect-spans.js';
import { layersOf } from '../../../src/parsers/mail/decorations.js';

const at = (name: string): string => fileURLToPath(new URL(`../../../fixtures/${name}`, import.meta.url));
const munmap = { kind: 'syscall', name: 'munmap' } as const;
const of = (text: string) =>
  collectSpans({
    paths: ['-'],
    stdin: Readable.from([Buffer.from(text)]),
    source: munmap,
    by: ['comm'],
    keepOrder: 9,
  });
const TRACE = [
  '             app-901     [002] .....   120.145400: sys_munmap(addr: 7f15f6646000, len: 200000)',
  '    kworker/u8:3-33      [002] d..1.   120.145700: tlb_flush: pages:512 reason:local mm shootdown (3)',
  '             app-901     [002] .....   120.145800: sys_munmap -> 0x0',
  '',
].join('\n');

describe('decorations come off', () => {
  test.each([
    ['F07a-lore-page.html', 'HTML tags and entities'],
    ['F07b-grep-color.txt', 'colours of a terminal'],
    ['F07d-grep-H.txt', "grep's prefix"],
  ])('%s', async (file, what) => {
    const run = await collectSpans({
      paths: [at(`inputs/${file}`)],
      source: munmap,
      by: ['comm'],
      keepOrder: 9,
    });
    expect([[...run.ordered], run.groups.map((g) => g.keys)]).toEqual([[400_000], [['app']]]);
    expect(run.inputs[0]!.notes.map((n) => n.message).join()).toContain(what);
  });

  test('F07c: bars before the lines', async () => {
    const source = { kind: 'events', from: 'tlb_flush', to: 'tlb_flush', match: 'none' } as const;
    const run = await collectSpans({
      paths: [at('inputs/F07c-changelog-bar-prefix.txt')],
      source,
      by: ['comm'],
      keepOrder: 9,
    });
    expect(run.inputs[0]!.lines).toMatchObject({ total: 7, event: 3 });
    expect([[...run.ordered], run.groups.map((g) => g.keys)]).toEqual([[78_000], [['<idle>']]]);
  });

  test.each([
    ['colours', TRACE.replace(/sys_munmap/g, '\x1b[01;31m\x1b[Ksys_munmap\x1b[m\x1b[K')],
    [
      '256 colours and the prefix in them',
      TRACE.replace(/^(?=.)/gm, '\x1b[38;5;135mtrace.txt\x1b[0m\x1b[36m:\x1b[0m'),
    ],
    ['grep -Hn', TRACE.replace(/^(?=.)/gm, 'logs/trace-1.txt:7:')],
    ['grep -n', TRACE.replace(/^(?=.)/gm, '1234:')],
    ['grep -n -C', `${TRACE.replace(/^(?=.)/gm, '1234-')}--\n`],
    [
      'HTML',
      `<html><body><pre>${TRACE.replaceAll('->', '-&gt;').replaceAll('app', '<b class="x">app</b>')}</pre>`,
    ],
    [
      'HTML, numeric',
      TRACE.replaceAll('->', '-&#62;')
        .replaceAll('(', '&lt;')
        .replaceAll('&lt;', '&#40;')
        .replaceAll('sys', '<span style="c">sys</span>'),
    ],
    ['//', TRACE.replace(/^(?=.)/gm, '// ')],
    ['a comment of C', `/*\n${TRACE.replace(/^/gm, ' * ')}/\n`],
    ['#', TRACE.replace(/^(?=.)/gm, '# ')],
    ['a patch', `+++ b/Documentation/x.rst\n@@ -1 +1,3 @@\n${TRACE.replace(/^(?=.)/gm, '+ ')}`],
    [
      'cat -n',
      TRACE.split('\n')
        .map((l, i) => `${String(i + 1).padStart(6)}\t${l}`)
        .join('\n'),
    ],
    [
      'bat',
      TRACE.split('\n')
        .map((l, i) => `${String(i + 1).padStart(4)}   \u2502 ${l}`)
        .join('\n'),
    ],
    ['a file name with a blank', TRACE.replace(/^(?=.)/gm, 'my log.txt:13:')],
    ['stamps of a CI log', TRACE.replace(/^(?=.)/gm, '2026-11-29T10:00:00.123456Z ')],
    [
      'syslog',
      TRACE.split('\n')
        .map((l, i) => (l === '' ? l : `Nov 29 10:00:${9 + i} host run[${i * 9}]: ${l}`))
        .join('\n'),
    ],
    ['a prompt of a chat', TRACE.replace(/^(?=.)/gm, 'user> ')],
    ['an indented quote', TRACE.replace(/^(?=.)/gm, '    > ')],
    ['no-break spaces', TRACE.replaceAll(' ', '\u00a0')],
    [
      'HTML with no-break spaces',
      `<pre>${TRACE.replaceAll('->', '-&gt;').replaceAll('<', '&lt;').replaceAll(' ', '&nbsp;')}</pre>`,
    ],
    [
      'bars in a mail',
      `From: a@b.c\nTo: d@e.f\nSubject: x\nDate: now\n\nHi,\n\n${TRACE.replace(/^(?=.)/gm, '| ')}`,
    ],
  ])('%s', async (_name, text) => {
    const run = await of(text);
    expect([[...run.ordered], run.groups.map((g) => g.keys)]).toEqual([[400_000], [['app']]]);
    const { total, ...kinds } = run.inputs[0]!.lines;
    expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(total);
    expect(run.inputs[0]!.notes.map((n) => n.code)).toContain('decorations');
  });

  test('lines picked out of a file with a blank in its name prove no absence', async () => {
    const run = await of(TRACE.replace(/^(?=.)/gm, 'my log.txt:13:'));
    expect(run.inputs[0]!.notes.map((n) => n.code)).toContain('grep');
  });

  test('a stamp before the lines picks out nothing', async () => {
    const run = await of(TRACE.replace(/^(?=.)/gm, '2026-11-29T10:00:00.123456Z '));
    expect(run.inputs[0]!.notes.map((n) => n.code)).not.toContain('grep');
  });

  test('two files of grep share no order', async () => {
    const two = TRACE.replace(/^(?=.)/gm, 'a.txt:') + TRACE.replace(/^(?=.)/gm, 'b.txt:');
    const run = await of(two);
    expect([...run.ordered]).toEqual([400_000, 400_000]);
  });

  test('nothing comes off what has nothing on it', () => {
    for (const file of [
      'ftrace/6.12.117-lab-y/oddcomm.txt',
      'ftrace/6.12.117-lab-y/trace-marker.txt',
      'function_graph/6.12.117-lab-y/default.txt',
      'trace-cmd-report/6.12.117-lab-y/report.txt',
      'perf-script/6.12.117-lab-y/default.txt',
      'latency-format/6.12.117-lab-y/latency-format.txt',
      'csv/6.12.117-lab-y/mt-munmap.csv',
      'json-lines/6.12.117-lab-y/mt-munmap.jsonl',
    ]) {
      expect([file, layersOf(readFileSync(at(file)), '')]).toEqual([file, null]);
    }
  });

  test('chunks of any size give the same', async () => {
    const text = Buffer.from(TRACE.replace(/^(?=.)/gm, 'trace.txt:12:').replaceAll('->', '-&gt;'));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 7, 64, 4096), async (size) => {
        const chunks: Buffer[] = [];
        for (let i = 0; i < text.length; i += size) chunks.push(text.subarray(i, i + size));
        const run = await collectSpans({
          paths: ['-'],
          stdin: Readable.from(chunks),
          source: munmap,
          keepOrder: 9,
        });
        expect([...run.ordered]).toEqual([400_000]);
      }),
      { numRuns: 8 },
    );
  });
});

test('the cells of a table may look like any prefix: nothing comes off', () => {
  const row = '189843103000,0,4160,init,a: (pmd_install+0x4   189.843103: b: (pmd_install+0x4/0xb0)';
  const layers = (text: string) => layersOf(Buffer.from(text), '');
  expect(layers(`${row}\n`)?.grep).toBe(true);
  expect(layers(`ts_ns,cpu,pid,comm,event\n${row}\n`)).toBeNull();
});

test('the values of JSON lines may look like a line with something before it: nothing comes off', () => {
  const value = 'pages:-1 reaso init-3127    [001] d..1.   176.821308: tlb_flush: pages:-1';
  const layers = (text: string) => layersOf(Buffer.from(text), '');
  expect(layers(`${value}\n`)?.prefix).not.toBeNull();
  expect(layers(`{"mark":"clock","unit":"ns"}\n{"tsNs":"1","event":"a","args":"${value}"}\n`)).toBeNull();
});

test.each([
  ['6.12.117-lab-y/default.txt', '# '],
  ['6.12.117-lab-y/abstime.txt', '#  '],
  ['6.12.117-lab-y/latency.txt', ' * '],
  ['debian-6.16.12/args.txt', '// '],
])('marks before the lines of the function_graph tracer: %s behind "%s"', async (name, mark) => {
  const lines = async (text: string) => {
    const found = await info({ paths: ['-'], stdin: Readable.from([Buffer.from(text)]) });
    return found.files[0]!.input.lines;
  };
  const text = readFileSync(at(`function_graph/${name}`), 'utf8')
    .split('\n')
    .slice(0, 60)
    .join('\n');
  const bare = await lines(text);
  expect(bare.event).toBeGreaterThan(20);
  expect((await lines(text.replace(/^(?=.)/gm, mark))).event).toBe(bare.event);
});
