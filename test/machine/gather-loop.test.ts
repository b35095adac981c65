import { describe, expect, test } from 'vitest';
import { languageOf } from '../../src/conform/language.js';
import { type FreePath, freePath } from '../../src/kernel/free-paths.js';
import { FUNC, OP } from '../../src/kernel/ops.js';
import { VARIANTS } from '../../src/kernel/variants.js';
import type { Cue } from '../../src/machine/cue.js';
import { Emitter } from '../../src/machine/emitter.js';
import { FREER, gatherRun, gracePeriod } from '../../src/machine/gather-loop.js';
import type { Run } from '../../src/machine/run.js';

const machine = (path: FreePath, others = 1, idle = 0): Run =>
  gatherRun({ path, idle, others, broken: new Set(), sometimes: new Set() });

/** What is shown when the choices are these, in turn; choices that nothing is left to choose are passed over. */
function shown(run: Run, choices: readonly Cue[]): string[] {
  const e = new Emitter();
  const out: string[] = [];
  const left = [...choices];
  const end = run.steps.machine.ends.get('pc_0');
  while (run.read('pc_0') !== end) {
    e.ops.length = 0;
    const ways = run.enabled(FREER);
    if (ways.length === 0) {
      const answers = Array.from({ length: run.steps.machine.cpus }, (_, cpu) =>
        run.enabled(`irq ${cpu}`),
      ).flat();
      if (answers.length > 0) run.take(answers[0]!);
      else gracePeriod(run);
      continue;
    }
    const at = ways.length === 1 ? ways[0]! : ways.find((i) => run.command(i).cue === left[0]);
    if (at === undefined)
      throw new Error(`no ${left[0]} among ${ways.map((i) => run.command(i).text).join(', ')}`);
    if (run.command(at).cue === left[0]) left.shift();
    run.take(at, e);
    for (const op of e.ops) {
      if (op.kind === OP.FR) out.push(op.slots[4] === 1 ? 'flush' : 'leaf-flush');
      else if (op.kind === OP.SYNC1 && op.slots[0] === 1) out.push('sync-ipi');
      else if (op.kind === OP.SYNCR && op.slots[0] === 1) out.push('sync-rcu');
      else if (op.kind === OP.CR)
        out.push(op.slots[1] === FUNC.tlb_remove_table_rcu ? 'call-rcu' : 'call-rcu-alone');
      else if (op.kind === OP.FREE && op.slots[0] === e.names.page('T0')) out.push('free');
    }
  }
  return out;
}

describe.each(VARIANTS.map((v) => v.id))('on %s', (id) => {
  const variant = VARIANTS.find((v) => v.id === id)!;
  const machines = [false, true].flatMap((pv) => {
    try {
      return [freePath(id, pv)];
    } catch {
      return [];
    }
  });

  test('one table goes the ways that the search finds for munmap, and no other', () => {
    const words = new Set<string>();
    for (const path of machines) {
      for (const memory of ['batch-page', 'no-batch-page'] as const) {
        if (path.leaf === 'pages' && memory === 'no-batch-page') continue;
        const put: Cue[] = memory === 'batch-page' ? ['batch-page', 'room'] : ['no-batch-page'];
        words.add(shown(machine(path), ['no-page', 'table', ...put, 'below', 'no-table']).join(' '));
      }
    }
    expect([...words].sort()).toEqual([...languageOf(variant, 'munmap')].sort());
  });
});

test('a batch that is full is flushed and handed over; what comes after it asks for a page again', () => {
  const run = machine(freePath('C'));
  const full: Cue[] = ['table', 'batch-page', 'full', 'below'];
  const alone: Cue[] = ['table', 'no-batch-page', 'below'];
  expect(shown(run, ['no-page', ...full, ...alone, 'no-table'])).toEqual([
    'flush',
    'call-rcu',
    'flush',
    'call-rcu-alone',
  ]);
});

test('a page batch that is full flushes: without tables while pages are unmapped, with them later', () => {
  const run = machine(freePath('A1'));
  const pages: Cue[] = ['page', 'room', 'page', 'full', 'no-page'];
  expect(shown(run, [...pages, 'table', 'batch-page', 'full', 'below', 'no-table'])).toEqual([
    'leaf-flush',
    'flush',
    'free',
  ]);
});

test('a top-level entry leaves something pending, nothing unmapped leaves nothing', () => {
  const table: Cue[] = ['table', 'no-batch-page', 'top', 'no-table'];
  expect(shown(machine(freePath('Dn')), ['no-page', ...table])).toEqual([
    'flush',
    'sync-ipi',
    'free',
    'flush',
  ]);
  expect(shown(machine(freePath('Dn')), ['no-page', 'no-table'])).toEqual([]);
});

test('a flush asks those that have the mm, a sync all', () => {
  const run = machine(freePath('Dn'), 2, 3);
  const e = new Emitter();
  const asked: [number, number][] = [];
  const end = run.steps.machine.ends.get('pc_0');
  const choices: Cue[] = ['no-page', 'table', 'no-batch-page', 'below', 'no-table'];
  while (run.read('pc_0') !== end) {
    e.ops.length = 0;
    const ways = run.enabled(FREER);
    const way = ways.length > 1 ? ways.find((i) => run.command(i).cue === choices[0]) : ways[0];
    if (way === undefined) {
      for (let cpu = 0; cpu < 6; cpu++) for (const i of run.enabled(`irq ${cpu}`)) run.take(i);
      continue;
    }
    if (run.command(way).cue === choices[0]) choices.shift();
    run.take(way, e);
    for (const op of e.ops) if (op.kind === OP.IS) asked.push([op.slots[1]!, op.slots[0]!]);
  }
  const of = (func: number): number[] => asked.filter(([f]) => f === func).map(([, cpu]) => cpu);
  expect(of(FUNC.flush_tlb_func)).toEqual([4, 5]);
  expect(of(FUNC.tlb_remove_table_smp_sync)).toEqual([1, 2, 3, 4, 5]);
});
