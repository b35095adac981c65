import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BaseLearner } from '../../src/kernel/base-learner.js';
import { Decoder } from '../../src/kernel/decoder.js';
import { VariantDetector } from '../../src/kernel/detect-variant.js';
import { FuncTable } from '../../src/kernel/func-table.js';
import { FUNC, OP, Op } from '../../src/kernel/ops.js';
import { ALL_VARIANTS, maskOf, namesOf, VARIANTS } from '../../src/kernel/variants.js';
import { inTurn } from '../replay/support/in-turn.js';
import { haveRecordings, load, RECORDINGS, readText } from './support/lines.js';

const FIXTURES = join(import.meta.dirname, '../../fixtures/replay');

function detect(text: string, detector = new VariantDetector()) {
  const { batches, events } = load(text);
  const funcs = new FuncTable();
  const learner = new BaseLearner({ events, funcs });
  for (const b of batches) learner.observe(b);
  const decoder = new Decoder({ events, funcs, bases: learner.finish() });
  const op = new Op();
  for (const b of batches) {
    for (let row = 0; row < b.length; row++) if (decoder.decode(b, row, op)) detector.observe(op);
  }
  return detector;
}

const RCU = 'A2 B Bn C Cn D Dn E En F Fn';
/** Written by hand from the kernels' configuration and kernel-semantics §1.3. */
const EXPECTED: [string, string][] = [
  ['6.12.117-lab-n/ftrace-kprobes-nohash.txt.gz', 'A1 Bn Cn'],
  ['6.12.117-lab-n/gup-munmap.txt.gz', 'A1 Bn Cn'],
  ['6.12.117-lab-n/exit-mmap.txt.gz', 'A1 Bn Cn'],
  ['6.12.117-lab-n/slowpath-failpagealloc.txt.gz', 'A1 Bn Cn'],
  ['6.12.117-lab-semi/ftrace-kprobes-nohash.txt.gz', RCU],
  ['6.12.117-lab-semi/mt-munmap.txt.gz', RCU],
  ['6.12.117-lab-semi/slowpath-failpagealloc.txt.gz', 'A2 Bn Cn Dn'],
  ['6.12.117-lab-y/ftrace-kprobes-nohash.txt.gz', 'B C'],
  ['6.12.117-lab-y/gup-munmap.txt.gz', 'B C'],
  ['6.12.117-lab-y/mt-munmap.txt.gz', 'B C'],
  ['6.12.117-lab-y/slowpath-failpagealloc.txt.gz', 'C'],
  ['debian-6.16.12/ftrace-kprobes-nohash.txt.gz', RCU],
  ['debian-6.16.12/mt-munmap.txt.gz', 'C Cn D Dn E En F Fn'],
  ['debian-6.16.12/pt-reclaim-gup.txt.gz', 'B C D E F'],
];
/** Function tracer: no arguments, so only what follows what. */
const FUNCTIONS: [string, string][] = [
  ['6.12.117-lab-n/ftrace-function-events.txt.gz', 'A1 B Bn C Cn'],
  ['6.12.117-lab-n/slowpath-function.txt.gz', 'A1 B Bn C Cn'],
  ['6.12.117-lab-semi/ftrace-function-events.txt.gz', RCU],
  ['6.12.117-lab-y/ftrace-function-events.txt.gz', 'B C'],
  ['6.12.117-lab-y/slowpath-function.txt.gz', 'B C'],
  ['debian-6.16.12/ftrace-function-events.txt.gz', 'C Cn D Dn E En F Fn'],
];

describe('recordings fix the variant', () => {
  test.each(EXPECTED)('%s → %s', (file, want) => {
    const d = detect(readText(join(FIXTURES, file)));
    expect(d.candidates.join(' ')).toBe(want);
    expect(d.conflict()).toBeNull();
    for (const e of d.evidence) expect(e.refs.length).toBeGreaterThan(0);
  });

  test.skipIf(!haveRecordings).each(inTurn([...EXPECTED, ...FUNCTIONS], 2, 0))(
    'whole recording %s → %s',
    (file, want) => {
      const d = detect(readText(join(RECORDINGS, file)));
      expect(d.candidates.join(' ')).toBe(want);
      expect(d.conflict()).toBeNull();
    },
  );

  test('two kernels in one timeline contradict each other, with lines of both', () => {
    const d = detect(readText(join(FIXTURES, EXPECTED[0]![0])));
    d.segment();
    detect(readText(join(FIXTURES, EXPECTED[13]![0])), d);
    expect(d.mask).toBe(0);
    expect(d.contradiction).toBe(true);
    expect(new Set(d.conflict()!.events.map((e) => e.role)).size).toBe(2);
  });
});

describe('shapes', () => {
  const run = (steps: [keyof typeof OP, Partial<Op>?][], detector = new VariantDetector()) => {
    const op = new Op();
    steps.forEach(([kind, fields], i) => {
      for (const slot of ['a0', 'a1', 'a2', 'a3', 'a4', 'a5'] as const) op[slot] = Number.NaN;
      Object.assign(op, { kind: OP[kind], pid: 7, cpu: 0, context: 0, ref: i }, fields);
      detector.observe(op);
    });
    return detector.candidates.join(' ');
  };
  const T = { a2: 100 };
  const sync = { a1: FUNC.tlb_remove_table_smp_sync };
  const single = { a1: FUNC.__tlb_remove_table_one_rcu };
  const flushIpi = { a1: FUNC.flush_tlb_func };

  test('one append excludes only the kernels without RCU table free', () => {
    expect(run([['GB'], ['TR', T], ['APP', T]])).toBe(RCU);
  });

  test('slow path with IPI and call_rcu is B alone', () => {
    const table: [keyof typeof OP, Partial<Op>?][] = [
      ['TR', T],
      ['APP', T],
      ['FR'],
      ['FD'],
      ['IS', sync],
      ['CR', single],
    ];
    expect(run([['GB'], ...table, ...table])).toBe('B');
  });

  test('no IPI before the single call_rcu: twice, and only where IPIs are recorded', () => {
    const quiet: [keyof typeof OP, Partial<Op>?][] = [['TR', T], ['APP', T], ['FR'], ['FD'], ['CR', single]];
    const shown: typeof quiet = [['TR', T], ['APP', T], ['FR'], ['IS', flushIpi], ['FD'], ['CR', single]];
    expect(run([['GB'], ...quiet, ...quiet])).toBe('B C D E F');
    expect(run([['GB'], ...shown])).toBe('B C D E F');
    expect(run([['GB'], ...shown, ...shown])).toBe('C D E F');
  });

  test('khugepaged’s IPI is no evidence for a slow path', () => {
    expect(run([['FR'], ['FD'], ['SYNC1', { a0: 1 }], ['IS', sync]])).toBe(namesOf(ALL_VARIANTS).join(' '));
  });

  test('native without append says nothing until the append probe has fired', () => {
    const alone: [keyof typeof OP, Partial<Op>?][] = [
      ['TR', T],
      ['PVOP', T],
    ];
    const many = [...alone, ...alone, ...alone, ...alone, ...alone];
    expect(run([['GB'], ...many])).toBe('A1 B Bn C Cn');
  });

  test('native without append is another kernel’s, but not in a gather that shows appends without native', () => {
    const native: [keyof typeof OP, Partial<Op>?][] = [
      ['TR', T],
      ['PVOP', T],
    ];
    const append: [keyof typeof OP, Partial<Op>?][] = [
      ['TR', T],
      ['APP', T],
    ];
    const natives = [...native, ...native, ...native, ...native, ...native];
    const two = new VariantDetector();
    run([['GB'], ...append, ['GEret'], ['GB'], ...natives], two);
    expect(two.conflict()!.message).toContain('native_tlb_remove_table without the tlb_remove_table');
    const halved = new VariantDetector();
    run([['GB'], ...append, ...natives, ...append], halved);
    expect(halved.conflict()).toBeNull();
  });

  test('a softirq free inside the gather is not an inline free', () => {
    const gather: [keyof typeof OP, Partial<Op>?][] = [['GB'], ['TR', T], ['GE'], ['FR'], ['FD']];
    const softirq = { a0: 100, context: 1 } as const;
    expect(run([...gather, ['FREE', softirq], ['GEret'], ...gather, ['FREE', softirq]])).toBe(
      namesOf(ALL_VARIANTS).join(' '),
    );
    const task = { a0: 100 };
    expect(run([...gather, ['FREE', task], ['GEret'], ...gather, ['FREE', task]])).toBe('A0 A1 Bn Cn');
  });

  test('given variants are the starting point', () => {
    const d = new VariantDetector(maskOf('A2', 'D'));
    run([['SYNCR', { a0: 1 }]], d);
    expect(d.mask).toBe(0);
    expect(d.conflict()!.message).toContain('A2, D');
  });
});

test('variant table: ids are unique and masks round-trip', () => {
  expect(new Set(VARIANTS.map((v) => v.id)).size).toBe(13);
  for (const v of VARIANTS) expect(namesOf(maskOf(v.id))).toEqual([v.id]);
  expect(namesOf(maskOf(...namesOf(ALL_VARIANTS))).length).toBe(13);
  expect(() => maskOf('Z')).toThrow(/unknown kernel variant 'Z'/);
});
