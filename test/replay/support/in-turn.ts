import { partOf } from '../../support/part.js';

/**
 * Every `step`-th of them; all in the whole run. Where kinds of damage are tried on recordings, each kind begins with another
 * (`kind`: its number): every kind and every recording has its turn in `npm test`, their pairs in the whole run.
 */
export function inTurn<T>(all: readonly T[], step: number, kind: number): readonly T[] {
  const every = partOf(1, step);
  return all.filter((_, i) => (i + kind) % every === 0);
}
