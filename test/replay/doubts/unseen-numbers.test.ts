import { describe, expect, test } from 'vitest';
import { GP_EVENT, OP, Op } from '../../../src/kernel/ops.js';
import { GpNumbers } from '../../../src/replay/doubts/gp-numbers.js';
import { UnseenGenerations } from '../../../src/replay/doubts/unseen-generations.js';
import { isOfFlush } from '../../../src/replay/doubts/unseen-numbers.js';
import type { Evidence } from '../../../src/replay/evidence.js';
import { newState } from '../../../src/replay/state/machine-state.js';
import { CONTEXT } from '../../../src/timeline/flags.js';

const op = (kind: number, args: Partial<Op> = {}): Op => Object.assign(new Op(), { kind, ...args });

/** A machine of which only the step matters. */
function evidenceAt(): { evidence: Evidence; step: (n: number) => void } {
  const state = newState();
  return {
    evidence: { state } as unknown as Evidence,
    step: (n) => {
      state.seq = n;
      state.event = n;
    },
  };
}

describe('numbers of grace periods', () => {
  /** The steps between which one began unseen, for events at steps 10, 20, … */
  const gaps = (...events: readonly (readonly [keyof typeof GP_EVENT, number])[]): string[] => {
    const { evidence, step } = evidenceAt();
    const numbers = new GpNumbers(evidence);
    return events.flatMap(([event, number], i) => {
      step(10 * (i + 1));
      const unseen = numbers.next(op(OP.GP, { a0: number, a1: GP_EVENT[event] }));
      return unseen ? [`${unseen.from.seq}-${unseen.to.seq}${unseen.byStart ? ' by start' : ''}`] : [];
    });
  };

  test('each begins four above the one before', () => {
    expect(gaps(['start', 100], ['cpustart', 100], ['end', 100], ['start', 104], ['cpuend', 104])).toEqual(
      [],
    );
  });

  test('one that begins further above, or that a CPU knows of first, leaves one out', () => {
    expect(gaps(['start', 100], ['start', 108])).toEqual(['10-20 by start']);
    expect(gaps(['start', 100], ['end', 100], ['cpustart', 104])).toEqual(['20-30']);
  });

  test('a late CPU tells of nothing new', () => {
    expect(gaps(['start', 104], ['cpuend', 100], ['cpuqs', 104])).toEqual([]);
  });
});

describe('generations of an mm', () => {
  const MM = 0x1000;
  /** `'f'`: a request is shown; a number: the generation that a flush shows. Whether flushes before it were not. */
  const unseen = (...steps: readonly ('f' | number)[]): boolean[] => {
    const { evidence, step } = evidenceAt();
    const generations = new UnseenGenerations(evidence);
    return steps.flatMap((what, i) => {
      step(i + 1);
      if (what !== 'f') return [generations.shown(MM, what, op(OP.INV)) !== null];
      generations.requested(op(OP.FR, { a0: MM }));
      return [];
    });
  };

  test('each flush counts it up by one', () => {
    expect(unseen('f', 5, 'f', 6, 'f', 'f', 8)).toEqual([false, false, false]);
  });

  test('two or more that were not shown are noticed once', () => {
    expect(unseen('f', 5, 'f', 8, 'f', 9)).toEqual([false, true, false]);
    expect(unseen('f', 5, 'f', 7)).toEqual([false, false]);
  });
});

test('the flush of an mm is done by its task', () => {
  const { task, hardirq, unknown } = CONTEXT;
  const is = (kind: number, context: number, mm: number): boolean =>
    isOfFlush(op(kind, { context, a1: mm } as Partial<Op>));
  expect([is(OP.INV, task, 1), is(OP.FMULTI, task, 1), is(OP.FMULTI, unknown, 1)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([is(OP.INV, hardirq, 1), is(OP.INV, unknown, 1), is(OP.FMULTI, hardirq, 1)]).toEqual([
    false,
    false,
    false,
  ]);
  expect([is(OP.INV, task, 0), is(OP.INV, task, Number.NaN)]).toEqual([false, false]);
});
