import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockDialect } from '../../../src/parsers/input/blocks.js';
import { BLOCK_DIALECTS, DIALECTS } from '../../../src/parsers/input/detect.js';
import { type DialectInfo, LINE, LINE_NAMES } from '../../../src/parsers/input/dialect.js';
import { LineScanner } from '../../../src/parsers/input/line-scanner.js';
import { EventTable, RESERVED } from '../../../src/timeline/events.js';
import { Interner } from '../../../src/timeline/interner.js';
import { TimeBase } from '../../../src/timeline/time-base.js';
import { CHUNKS } from '../support/scan-chunks.js';

const dialect = (id: string): DialectInfo => DIALECTS.find((d) => d.id === id)!;

/** Two events of each dialect. */
const PIECES: Record<string, string[]> = {
  ftrace: [
    '            bash-27073   [001] d..1. 24340.221868: tlb_flush: pages:-1 reason:flush on task switch (0)',
    '          ptwork-1195    [001] ..... 24340.692642: sys_munmap -> 0x0',
  ],
  'trace-cmd-report': [
    'cpus=2',
    '          <idle>-0     [001] d..2    24.340221: sched_switch:         swapper/1:0 [120] R ==> bash:123 [120]',
    '            bash-123   [001] ....    24.340229: sys_exit_munmap:      0x0',
  ],
  'function-graph': [' 0)   0.123 us    |  tlb_finish_mmu();', ' 0)   1.123 us    |  tlb_flush_mmu();'],
  'latency-format': [
    '  bash-27073     1d..1. 24340221868us : tlb_flush: pages:-1 reason:flush on task switch (0)',
    '  bash-27073     1d..1. 24340221870us : tlb_flush: pages:-1 reason:flush on task switch (0)',
  ],
  'perf-script': [
    'ptwork  1195 [001]    38.692642:  tlb:tlb_flush: pages:-1 reason:flush on task switch (0)',
    'ptwork  1195 [001]    38.692642123: syscalls:sys_enter_munmap: addr: 0x1, len: 0x2',
  ],
};
const PROSE = [
  'On Tue, 12 Nov 2024 12:00:00 +0100, somebody wrote:',
  'I see the same here, in 38.7 ms.',
  '',
  'diff --git a/mm/mmu_gather.c b/mm/mmu_gather.c',
  '@@ -312,6 +312,7 @@ static void tlb_remove_table_one(void *table)',
  'The table [see below] was freed (again).',
];
const HISTOGRAM = [
  '@ns[munmap]:',
  '[4K, 8K)               1 |@                        |',
  '[8K, 16K)             25 |@@@@@@@@@@@@@@@@@@@@@@@@@|',
];

function scan(text: string, first: DialectInfo, size: number) {
  const context = { names: new Interner(), events: new EventTable(), time: new TimeBase() };
  const facts: string[] = [];
  const rows: string[] = [];
  const blocks = new BlockDialect({
    first,
    open: () => first.open(),
    why: 'test',
    others: BLOCK_DIALECTS,
  });
  const scanner = new LineScanner(blocks, {
    input: 0,
    context,
    sink: (b) => {
      for (let i = 0; i < b.length; i++) {
        const id = b.event[i]!;
        if (id === RESERVED.segment) facts.push(`segment ${b.line[i]}`);
        else if (id === RESERVED.lost) facts.push(`lost ${b.line[i]}`);
        else rows.push(`${b.line[i]} ${context.events.head(id).name} ${b.pid[i]}`);
      }
    },
  });
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) scanner.push(bytes.subarray(i, i + size));
  scanner.finish();
  const counts = Object.fromEntries(LINE_NAMES.map((name, kind) => [name, scanner.counts[kind]!])) as Record<
    (typeof LINE_NAMES)[number],
    number
  >;
  return {
    counts,
    facts,
    rows,
    blocks: blocks.blocks.map((b) => `${b.dialect.id} ${b.firstLine}`),
    skips: scanner.skips,
  };
}

describe('an input that changes its dialect', () => {
  const ids = Object.keys(PIECES);
  for (const from of ids) {
    for (const to of ids.filter((id) => id !== from)) {
      test(`${from}, then ${to}`, () => {
        const text = [...PIECES[from]!, '', 'And with the patch:', '', ...PIECES[to]!, ''].join('\n');
        const found = scan(text, dialect(from), 4096);
        expect(found.counts.event).toBe(4);
        expect(found.counts.skipped).toBe(0);
        expect(found.skips).toEqual([]);
        expect(found.blocks.map((b) => b.split(' ')[0])).toEqual([from, to]);
        // Two recorders share no order.
        expect(found.facts.filter((f) => f.startsWith('segment')).length).toBeGreaterThanOrEqual(1);
      });
    }
  }

  test('the header of a trace begins its block', () => {
    const header = ['# tracer: nop', '#', '# entries-in-buffer/entries-written: 2/2   #P:8', '#'];
    for (const from of ids.filter((id) => !['ftrace', 'latency-format', 'function-graph'].includes(id))) {
      const text = [...PIECES[from]!, '', ...header, ...PIECES.ftrace!, ''].join('\n');
      const found = scan(text, dialect(from), 4096);
      const first = text.split('\n').indexOf(header[0]!) + 1;
      expect(found.blocks).toEqual([`${from} 1`, `ftrace ${first}`]);
      expect([found.counts.event, found.counts.skipped, found.counts.continuation]).toEqual([4, 0, 0]);
    }
    const graph = [
      ...PIECES['perf-script']!,
      '# tracer: function_graph',
      '#',
      ...PIECES['function-graph']!,
      '',
    ];
    expect(scan(graph.join('\n'), dialect('perf-script'), 4096).blocks).toEqual([
      'perf-script 1',
      'function-graph 3',
    ]);
  });

  test('prose and patch text stay foreign, whatever the first dialect', () => {
    for (const from of ids) {
      const found = scan([...PIECES[from]!, ...PROSE, ''].join('\n'), dialect(from), 4096);
      expect([from, found.counts.event, found.counts.skipped]).toEqual([from, 2, 0]);
      expect(found.blocks).toEqual([`${from} 1`]);
    }
  });

  test('rows of a printed histogram are headers, a wrapped bar goes on', () => {
    const wrapped = ['[16K, 32K)            25', '|@@@@@@@@@@@@@@@@@@@@@@@@@|'];
    const found = scan(
      [...PIECES.ftrace!, '', ...HISTOGRAM, ...wrapped, ''].join('\n'),
      dialect('ftrace'),
      4096,
    );
    expect(found.counts).toMatchObject({ event: 2, header: 4, continuation: 1, foreign: 0, skipped: 0 });
  });

  test('prose between events means that events may be missing', () => {
    const [a, b] = PIECES.ftrace!;
    const facts = (...lines: string[]) => scan([...lines, ''].join('\n'), dialect('ftrace'), 4096).facts;
    expect(facts(a!, 'What is this?', b!)).toEqual(['lost 3']);
    expect(facts('What is this?', a!, '# a remark', '', b!, 'So it is.')).toEqual([]);
  });

  test('any mixture: every line counted once, the same for every size of chunk', () => {
    const line = fc.constantFrom(...Object.values(PIECES).flat(), ...PROSE, ...HISTOGRAM);
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 30 }),
        fc.constantFrom(...ids),
        (lines, first) => {
          const text = `${lines.join('\n')}\n`;
          const whole = scan(text, dialect(first), 1 << 20);
          expect(Object.values(whole.counts).reduce((sum, n) => sum + n, 0)).toBe(lines.length);
          expect(whole.skips.reduce((sum, s) => sum + s.count, 0)).toBe(
            whole.counts[LINE_NAMES[LINE.skipped]],
          );
          for (const size of CHUNKS) expect(scan(text, dialect(first), size)).toEqual(whole);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('a shipped recording of one dialect stays one block', () => {
  const text = readFileSync(
    new URL('../../../fixtures/ftrace/6.12.117-lab-y/clock-boot.txt', import.meta.url),
    'utf8',
  );
  expect(scan(text, dialect('ftrace'), 4096).blocks).toEqual(['ftrace 1']);
});
