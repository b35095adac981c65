// What a fuzz target says when something does not hold.

export class Broken extends Error {}

/** Throws what did not hold. */
export function must(condition, what) {
  if (!condition) throw new Broken(what);
}

export const pick = (list, next) => list[Math.floor(next() * list.length)];

/** A whole number from 0 to `below` - 1. */
export const upTo = (below, next) => Math.floor(next() * below);
