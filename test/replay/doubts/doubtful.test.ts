import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Doubtful, joinedWindows, type Window } from '../../../src/replay/doubts/doubtful.js';

const at = (event: number) => ({ event, seq: event, ref: event });
const window = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 }))
  .map(([from, length]): Window => ({ from: at(from), to: at(from + length) }));
/** Something that is absent since step `since`, told at event `told`. */
const instance = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 30 }))
  .map(([since, length]) => ({ since, told: since + length }));

it('what is unseen in many windows is what is unseen in any of them', () => {
  fc.assert(
    fc.property(
      fc.array(window, { maxLength: 8 }),
      fc.array(instance, { maxLength: 12 }),
      (windows, instances) => {
        const doubtful = new Doubtful();
        for (const { since, told } of instances)
          doubtful.add({ events: [{ ref: told }], rests: { since } }, told);
        const within = instances.filter(({ since, told }) =>
          windows.some(({ from, to }) => told > from.event && since < to.seq),
        );
        expect(doubtful.unseen(null, joinedWindows(windows)).count).toBe(within.length);
      },
    ),
    { numRuns: 500 },
  );
});

it('joined windows are in order and apart', () => {
  fc.assert(
    fc.property(fc.array(window, { maxLength: 20 }), (windows) => {
      const joined = joinedWindows(windows);
      for (let i = 1; i < joined.length; i++)
        expect(joined[i]!.from.seq).toBeGreaterThanOrEqual(joined[i - 1]!.to.seq);
    }),
  );
});
