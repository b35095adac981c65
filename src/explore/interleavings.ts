import type { Reached } from './search.js';

/**
 * Number of executions: paths from the first state to a state without next. Exact; null where the graph is cut off by
 * a bound or has a circle. With symmetry too: every step stands in the graph for itself, and the states that one state
 * stands for have as many ways on as it has.
 */
export function interleavings(reached: Reached): bigint | null {
  const { states, starts, targets } = reached;
  if (reached.ended !== 'complete' || starts === null || targets === null) return null;
  const into = new Int32Array(states);
  for (let i = 0; i < starts[states]!; i++) into[targets[i]!]!++;
  const ways = new Array<bigint>(states).fill(0n);
  ways[0] = 1n;
  const order = new Int32Array(states);
  let last = 0;
  order[last++] = 0;
  let total = 0n;
  let next = 0;
  for (; next < last; next++) {
    const state = order[next]!;
    const here = ways[state]!;
    ways[state] = 0n;
    const end = starts[state + 1]!;
    if (starts[state] === end) total += here;
    for (let i = starts[state]!; i < end; i++) {
      const target = targets[i]!;
      ways[target] = ways[target]! + here;
      if (--into[target]! === 0) order[last++] = target;
    }
  }
  return next === states ? total : null;
}
