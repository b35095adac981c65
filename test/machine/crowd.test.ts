import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Crowd } from '../../src/machine/crowd.js';
import { Kernel } from '../../src/machine/kernel.js';
import { Model } from '../../src/machine/model.js';
import { Callbacks, CB, rcu, readerState } from '../../src/machine/rcu.js';
import { Run, Steps } from '../../src/machine/run.js';
import { Thread } from '../../src/machine/thread.js';

const CPUS = 3;
const HEADS = 4;

/** RCU of the machine with each callback written out, on a CPU of its own queue. */
function writtenOut(broken: readonly string[]): Run {
  const kernel = new Kernel(new Model(CPUS), {
    flush: 'ipi',
    broken: new Set(broken),
    preempt: false,
    expedited: false,
  });
  for (const cpu of kernel.cpuIds) readerState(kernel, cpu);
  const callbacks = new Callbacks();
  for (let i = 0; i < HEADS; i++) {
    callbacks.add(kernel, { cpu: 10 + i, name: `h${i}`, runs: [], text: '', ops: null, waiter: false });
    const set = [`cb_${i} = ${CB.queued}`];
    const base = { actor: `queue ${i}`, cpu: 0, at: -1, text: '', ops: null };
    kernel.model.command({ ...base, guard: `cb_${i} == 0`, set });
  }
  const t = new Thread(kernel, 1, 'reader');
  t.step({ text: 'in', set: ['irq_1 = 1'] });
  t.step({ text: 'out', set: ['irq_1 = 0'] });
  t.end();
  rcu(kernel, callbacks);
  return new Run(new Steps(kernel.model.build('', [], [])));
}

const took = (run: Run, actor: string): boolean => {
  const [command] = run.enabled(actor);
  if (command !== undefined) run.take(command);
  return command !== undefined;
};

const action = fc.oneof(
  fc.record({ kind: fc.constantFrom('queue', 'invoke'), of: fc.nat(HEADS - 1) }),
  fc.record({ kind: fc.constantFrom('advance', 'read'), of: fc.constant(0) }),
  fc.record({ kind: fc.constant('report'), of: fc.nat(CPUS - 1) }),
);

describe.each([[], ['callbacks-before-gp'], ['gp-ignores-irqs-off']])('without %s', (...broken) => {
  test('callbacks counted by where they stand are callbacks each written out', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const run = writtenOut(broken);
        const crowd = new Crowd<number>(['none', 'irqs-off', 'none'], new Set(broken));
        let moves = 0;
        for (const { kind, of } of actions) {
          if (kind === 'queue') {
            if (took(run, `queue ${of}`)) crowd.queue(of);
          } else if (kind === 'invoke') {
            if (took(run, `softirq ${10 + of}`)) crowd.invoke(of);
            else expect(() => crowd.invoke(of)).toThrow();
          } else if (kind === 'report') {
            took(run, `cpu ${of}`);
            crowd.reports(of);
          } else if (kind === 'read') {
            if (moves++ < 2) {
              took(run, 'thread 1');
              crowd.moves(1);
            }
          } else {
            const ends = run.read('gp') === 1;
            const waited = [0, 1, 2, 3].filter((i) => run.read(`cb_${i}`) === CB.waiting);
            const moved = took(run, 'rcu');
            const waiting = [0, 1, 2, 3].filter((i) => run.read(`cb_${i}`) === CB.waiting);
            const told = crowd.advance();
            expect(told === null).toBe(!moved);
            if (told) expect([...told].sort()).toEqual(ends ? waited : waiting);
          }
          for (let cpu = 0; cpu < CPUS; cpu++) expect(crowd.owes(cpu)).toBe(run.read(`owe_${cpu}`) === 1);
          expect(crowd.inside(1)).toBe(moves === 1);
        }
      }),
      { numRuns: 200 },
    );
  });
});

test('a callback runs once, after a grace period that began later', () => {
  const crowd = new Crowd<string>(['none', 'none'], new Set());
  crowd.queue('a');
  expect(() => crowd.invoke('a')).toThrow('does not allow');
  const again = new Crowd<string>(['none', 'none'], new Set());
  again.queue('a');
  expect(again.advance()).toEqual(['a']);
  again.queue('b');
  expect(again.advance()).toBeNull();
  again.reports(0);
  again.reports(1);
  expect(again.advance()).toEqual(['a']);
  again.invoke('a');
  expect(() => again.invoke('a')).toThrow('nobody has queued');
  expect(again.advance()).toEqual(['b']);
});
