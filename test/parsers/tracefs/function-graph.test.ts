import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FUNCTION_GRAPH } from '../../../src/parsers/tracefs/function-graph.js';
import { UNNAMED } from '../../../src/parsers/tracefs/function-graph-text.js';
import { cleanSymbol } from '../../../src/timeline/events.js';
import { oneOfEachName } from '../../support/part.js';
import {
  bytes,
  cutEverywhere,
  fixture,
  golden,
  hasShared,
  type Row,
  recording,
  runDialect,
  text,
} from '../support/run-dialect.js';

const FIXTURES = [
  '6.12.117-lab-y/abstime',
  '6.12.117-lab-y/default',
  '6.12.117-lab-y/latency',
  '6.12.117-lab-y/retval',
  'debian-6.16.12/args',
];

/** Independent reader: what a plain regular expression over the line says. Bare `}` give no name. */
interface Said {
  name: string | null;
  shape: 'entry' | 'leaf' | 'return';
  ns: number;
  us: string | null;
  cpu: number;
}
const LINE_FORM =
  /^(?: *(?<abs>\d+\.\d{6}) \| +)? *(?<cpu>\d+)\) (?:.{14} \|)?(?: \S{5} \|)? ?(?<mark>[$@*#!+ ]) (?: *(?<dur>[\d.]+) us +| {12})\| {2}(?<text>.*)$/;
function independent(line: string): Said | null {
  const m = LINE_FORM.exec(line)?.groups;
  if (!m) return null;
  const body = m.text!.trim();
  const ns = m.dur ? Math.round(Number(m.dur) * 1000) : Number.NaN;
  const rest = { ns, us: m.abs ?? null, cpu: Number(m.cpu) };
  if (body.startsWith('}')) return { name: /\/\* (\S+)/.exec(body)?.[1] ?? null, shape: 'return', ...rest };
  const name = /^([^(]+)\(/.exec(body)?.[1] ?? '';
  return { name, shape: /\) \{(?: \/\*.*)?$/.test(body) ? 'entry' : 'leaf', ...rest };
}

function compare(rows: Row[], input: string): void {
  const byLine = new Map(rows.map((r) => [r.line, r]));
  input.split('\n').forEach((line, i) => {
    const said = independent(line);
    const row = byLine.get(i + 1);
    if ((row === undefined) !== (said === null))
      expect.fail(`line ${i + 1}: ${line}: ${row === undefined ? 'not read' : 'read'}`);
    if (said === null || row === undefined) return;
    const { name, symbol, kind, stamp, aux, cpu, ts } = row;
    // One expectation a line: each of them takes longer than the line itself.
    expect({ line, name, symbol, kind, stamp, aux, cpu, ts }).toEqual({
      line,
      name: said.name ?? name,
      symbol: name === UNNAMED ? symbol : cleanSymbol(name),
      kind: said.shape === 'entry' ? 'function' : 'span',
      stamp: said.shape === 'entry' ? '' : said.shape === 'leaf' ? 'start' : 'end',
      aux: kind === 'span' ? said.ns : aux,
      cpu: said.cpu,
      ts: said.us === null ? ts : `${said.us.replace('.', '')}000`.replace(/^0+(?=\d)/, ''),
    });
  });
}

describe('fixtures', () => {
  test.each(FIXTURES)('%s', async (name) => {
    const input = fixture(`function_graph/${name}.txt`);
    const run = runDialect(FUNCTION_GRAPH, input);
    expect(run.counts.skipped + run.counts.foreign + run.counts.continuation).toBe(0);
    compare(run.rows, text(input));
    await expect(golden(run)).toMatchFileSnapshot(`../golden/function_graph-${name.replace('/', '-')}.txt`);
  });

  test.each(FIXTURES)('%s is recognised by content', (name) => {
    expect(FUNCTION_GRAPH.score(fixture(`function_graph/${name}.txt`))).toBeGreaterThan(0.9);
    const noHeader = text(fixture(`function_graph/${name}.txt`)).replace(/^#.*\n/gm, '');
    expect(FUNCTION_GRAPH.score(bytes(noHeader))).toBeGreaterThan(0.9);
    expect(FUNCTION_GRAPH.score(fixture('latency-format/6.12.117-lab-y/latency-format.txt'))).toBe(0);
  });

  test('cut at every byte', () => {
    const head = text(fixture('function_graph/6.12.117-lab-y/abstime.txt')).split('\n').slice(0, 24);
    cutEverywhere(FUNCTION_GRAPH, bytes(head.join('\n')));
    cutEverywhere(FUNCTION_GRAPH, fixture('function_graph/6.12.117-lab-y/retval.txt').subarray(0, 1500));
  });

  test('names of bare braces are those that funcgraph-tail prints', () => {
    const input = text(fixture('function_graph/6.12.117-lab-y/abstime.txt'));
    const tail = runDialect(FUNCTION_GRAPH, bytes(input)).rows;
    const bare = runDialect(FUNCTION_GRAPH, bytes(input.replace(/\} \/\* \S+ \*\/$/gm, '}'))).rows;
    let named = 0;
    bare.forEach((r, i) => {
      if (r.name === UNNAMED) return;
      expect(r.name).toBe(tail[i]!.name);
      if (r.stamp === 'end') named++;
    });
    expect(named).toBeGreaterThan(50);
  });
});

const one = (line: string, tracer = 'function_graph'): ReturnType<typeof runDialect> =>
  runDialect(FUNCTION_GRAPH, bytes(`# tracer: ${tracer}\n${line}\n`));

describe('option variants', () => {
  test.each([
    [' 0)   0.217 us    |  f();', 'span', 'start', 217, ''],
    [' 0) + 18.024 us   |  }', 'span', 'end', 18024, ''],
    [' 0) $ 1234567.8 us |  } /* f */', 'span', 'end', 1234567800, ''],
    [' 0) @ 123456.7 us |  } /* f */', 'span', 'end', 123456700, ''],
    [' 0) * 12345.67 us |  } /* f */', 'span', 'end', 12345670, ''],
    [' 0) # 1234.567 us |  f();', 'span', 'start', 1234567, ''],
    [' 0) ! 112.671 us  |  f(); /* = 0x0 */', 'span', 'start', 112671, '= 0x0'],
    [' 0)   1.000 us    |  f(); /* ret=0x0 */', 'span', 'start', 1000, 'ret=0x0'],
    [' 0)   1.000 us    |  } /* f ret=-12 */', 'span', 'end', 1000, 'ret=-12'],
    [' 0)   1.000 us    |  f(); /* <-g+0x10/0x40 ret=0x1 */', 'span', 'start', 1000, '<-g+0x10/0x40 ret=0x1'],
    [' 0)               |  f() { /* <-g+0x10/0x40 */', 'function', '', 0, '<-g+0x10/0x40'],
    [' 0)               |  f(a=0x1, b=(STRUCT)[0x2]) {', 'function', '', 0, 'a=0x1, b=(STRUCT)[0x2]'],
    [' 0)   1.000 us    |  f(a=1); /* ret=0x0 */', 'span', 'start', 1000, 'a=1); /* ret=0x0'],
    [' 0)   1.000 us    |  f [mod]();', 'span', 'start', 1000, ''],
    [' 0)   1.000 us    |  } /* f [mod] ret=0x0 */', 'span', 'end', 1000, 'ret=0x0'],
    ['   1.000 us    |  f();', 'span', 'start', 1000, ''],
    ['# 1234.567 us |  f();', 'span', 'start', 1234567, ''],
    ['  119.399278 |   1.000 us    |  f();', 'span', 'start', 1000, ''],
    ['        4 us |   0)   <idle>-0    |  d..1. |   1.000 us    |  f();', 'span', 'start', 1000, ''],
    [' 12)   a|b-1234   |   1.000 us    |  f();', 'span', 'start', 1000, ''],
    [' 0)  func-1    |  f();', 'span', 'start', Number.NaN, ''],
    [' 0)  f();', 'span', 'start', Number.NaN, ''],
  ])('%s', (line, kind, stamp, aux, body) => {
    const run = one(line);
    expect(run.rows).toHaveLength(1);
    const r = run.rows[0]!;
    expect([r.kind, r.stamp, r.aux, r.body]).toEqual([kind, stamp, aux, body]);
    if (line.includes('f(') || line.includes('* f')) expect(r.symbol).toBe('f');
  });

  test('columns of a latency tracer with display-graph', () => {
    const r = one('      321 us |   2)   <idle>-0    |  d.h1. |   0.500 us    |  irq_exit();').rows[0]!;
    expect([r.ts, r.cpu, r.comm, r.pid, r.flags]).toEqual(['321000', 2, '<idle>', 0, 1 | 2 | 32 | 256]);
  });

  test('interrupt arrows, overruns, rules and stacks are lines but no events', () => {
    const run = one(
      [
        ' 0)   ==========> |',
        ' 0)   <========== |',
        ' (Overruns: 0)',
        ' (Overruns: 3)',
        ' => do_one',
        'CPU:1 [LOST 7 EVENTS]',
      ].join('\n'),
    );
    expect(run.counts).toMatchObject({ event: 0, header: 3, continuation: 2, stack: 1, lost: 1, skipped: 0 });
    expect(run.notes.map((n) => n.code)).toContain('graph-overrun');
    expect(run.facts).toEqual([{ event: 1, cpu: 1, aux: 7, line: 7 }]);
  });

  test('an event in a comment is the row of the plain format', () => {
    const run = one(' 0)               |    /* tlb_flush: pages:-1 reason:remote shootdown (1) */');
    expect(run.rows[0]).toMatchObject({ kind: 'tracepoint', name: 'tlb_flush', cpu: 0 });
    expect(run.rows[0]!.body).toBe('pages:-1 reason:remote shootdown (1)');
    expect(one(' 0)               |    /* sys_munmap -> 0x0 */').rows[0]).toMatchObject({
      kind: 'syscall-exit',
      name: 'munmap',
      body: '0x0',
    });
    expect(one(' 0)               |    /* hello, world: 1 */').rows[0]).toMatchObject({
      kind: 'print',
      body: 'hello, world: 1',
    });
  });

  test('a comment over several lines ends where its mark does', () => {
    const run = one(' 1)   |    /* <stack trace>\n => a\n => b */\n 1)   0.100 us    |  f();');
    expect(run.counts).toMatchObject({ event: 1, stack: 3, skipped: 0 });
    const print = one(' 1)   |    /* first\nsecond */\n 1)   0.100 us    |  f();');
    expect(print.counts).toMatchObject({ event: 2, continuation: 1, skipped: 0 });
    expect(print.rows.map((r) => [r.kind, r.body])).toEqual([
      ['print', 'first'],
      ['span', ''],
    ]);
  });

  test('a switch block says which task follows', () => {
    const rule = ' ------------------------------------------';
    const run = one(
      ` 1)   1.000 us    |  f();\n${rule}\n 1)  my => x-12  =>   sshd-1755  \n${rule}\n\n 1)   1.000 us    |  f();\n 0)   1.000 us    |  f();`,
    );
    expect(run.rows.map((r) => `${r.comm}-${r.pid}`)).toEqual(['--1', 'sshd-1755', '--1']);
    expect(run.counts).toMatchObject({ header: 4, blank: 1, event: 3 });
  });

  test('a brace without its entry stays unnamed, on each CPU by itself', () => {
    const run = one(
      ' 0)               |  f() {\n 1)   1.000 us    |  }\n 0)   1.000 us    |  }\n 0)   1.000 us    |  }',
    );
    expect(run.rows.map((r) => r.name)).toEqual(['f', UNNAMED, 'f', UNNAMED]);
    expect(run.rows[1]!.symbol).toBe('');
  });

  test('times: printed, relative, or none at all', () => {
    expect(one('  119.399278 |   3)   1.000 us    |  f();').rows[0]!.ts).toBe('119399278000');
    expect(one('        4 us |   0)   1.000 us    |  f();').notes.map((n) => n.code)).toEqual([
      'relative-times',
    ]);
    const none = one(' 0)   1.000 us    |  f();\n 1)   1.000 us    |  g();');
    expect([none.unit, none.rows[0]!.ts, none.rows[1]!.ts]).toEqual(['ticks', '0', '1']);
    expect(none.notes.map((n) => n.code)).toEqual(['no-times']);
  });

  test('a cut call is skipped with a reason, prose around a trace is foreign', () => {
    expect(one(' 0)   1.000 us    |  some_func').counts.skipped).toBe(1);
    expect(one('The trace above (see there); shows it', 'nop').counts.foreign).toBe(1);
  });
});

test('generated calls come back exactly, whatever columns are on', () => {
  const options = fc.record({
    abs: fc.boolean(),
    cpu: fc.boolean(),
    proc: fc.boolean(),
    lat: fc.boolean(),
    tail: fc.boolean(),
  });
  const call = fc.record({
    name: fc.stringMatching(/^[a-z_][a-z0-9_]{0,12}(\.isra\.0)?$/),
    ns: fc.nat({ max: 9_999_999 }),
    depth: fc.nat({ max: 20 }),
    cpu: fc.nat({ max: 255 }),
    pid: fc.integer({ min: 1, max: 4194304 }),
    us: fc.nat({ max: 1e9 }),
    leaf: fc.boolean(),
  });
  fc.assert(
    fc.property(options, fc.array(call, { maxLength: 20 }), (o, calls) => {
      const lines: string[] = [];
      for (const c of calls) {
        const front =
          (o.abs ? `${(c.us / 1e6).toFixed(6).padStart(12)} |  ` : '') +
          (o.cpu ? ` ${String(c.cpu).padStart(3)}) ` : '') +
          (o.proc ? ` comm-${c.pid}  | ` : '') +
          (o.lat ? ' d..1. | ' : '');
        const dur = `${Math.floor(c.ns / 1000)}.${String(c.ns % 1000).padStart(3, '0')}`;
        const time = `  ${dur} us `.padEnd(14);
        const indent = '  '.repeat(c.depth);
        if (c.leaf) lines.push(`${front}${time}|  ${indent}${c.name}();`);
        else {
          lines.push(`${front}              |  ${indent}${c.name}() {`);
          lines.push(`${front}${time}|  ${indent}}${o.tail ? ` /* ${c.name} */` : ''}`);
        }
      }
      const run = runDialect(FUNCTION_GRAPH, bytes(lines.join('\n')));
      const want = calls.flatMap((c) =>
        c.leaf
          ? [[c.name, c.ns]]
          : [
              [c.name, 0],
              [c.name, c.ns],
            ],
      );
      expect(run.rows.map((r) => [r.name, r.aux])).toEqual(want);
      const each = calls.flatMap((c) => (c.leaf ? [c] : [c, c]));
      run.rows.forEach((r, i) => {
        expect(r.cpu).toBe(o.cpu ? each[i]!.cpu : -1);
        expect(r.pid).toBe(o.proc ? each[i]!.pid : -1);
        if (o.abs) expect(r.ts).toBe(String(each[i]!.us * 1000));
        expect((r.flags & 1) === 1).toBe(o.lat);
      });
    }),
    { numRuns: 200 },
  );
});

test('any bytes are accounted for', () => {
  const soup = fc.array(fc.constantFrom(...' |)(}{;/*=>us-0123.#fg\n\t\u00e9'.split('')), { maxLength: 80 });
  fc.assert(
    fc.property(soup, (s) => {
      const input = bytes(s.join(''));
      const run = runDialect(FUNCTION_GRAPH, input);
      expect(run.kinds.length).toBe(s.length === 0 ? 0 : s.join('').replace(/\n$/, '').split('\n').length);
    }),
    { numRuns: 500 },
  );
});

describe.skipIf(!hasShared)('recordings of each kind (skipped: no ../shared/recordings)', () => {
  const files = oneOfEachName(
    ['6.12.117-lab-n', '6.12.117-lab-y', 'debian-6.16.12'].flatMap((k) =>
      ['function_graph.txt.gz', 'function_graph-default.txt.gz', 'function_graph-latency.txt'].map(
        (f) => `${k}/${f}`,
      ),
    ),
  );
  test.each([
    ...files,
    '6.12.117-lab-n/function_graph-retval.txt',
    '6.12.117-lab-y/function_graph-retval.txt',
    'debian-6.16.12/function_graph-args.txt',
  ])('%s', (name) => {
    const input = recording(name);
    const run = runDialect(FUNCTION_GRAPH, input);
    const lines = text(input).replace(/\n$/, '').split('\n');
    const events = lines.filter((l) => /\| {2}/.test(l) && /(?:;|\{|\}|\*\/)$/.test(l)).length;
    expect(run.rows.length).toBe(events);
    expect(run.counts.skipped + run.counts.foreign + run.counts.continuation).toBe(0);
    expect(run.kinds.length).toBe(lines.length);
    compare(run.rows, text(input));
  });
});
