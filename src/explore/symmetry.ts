import type { Compiled } from '../machine/compile.js';

/**
 * Sorts the blocks of CPUs that are alike, in place: one state stands for all that differ only in which CPU is which.
 * A permutation of such CPUs maps steps to steps, so what holds for the one holds for all of them.
 */
export function sorter(compiled: Compiled): ((state: Int32Array) => void) | null {
  const { machine, blocks, initial } = compiled;
  const groups: { readonly starts: Int32Array; readonly words: number }[] = [];
  for (const { cpus } of machine.alike) {
    const own = cpus.map((cpu) => blocks[cpu]!);
    const { words } = own[0]!;
    // Blocks that do not hold the same variables, or do not start alike, are not exchangeable.
    const starts = own.map((b) => initial.subarray(b.from, b.from + b.words).join(' '));
    if (words === 0 || new Set(own.map((b) => b.shape)).size !== 1 || new Set(starts).size !== 1) continue;
    groups.push({ starts: Int32Array.from(own.map((b) => b.from)), words });
  }
  if (groups.length === 0) return null;
  return (state) => {
    for (const { starts, words } of groups) sortBlocks(state, starts, words);
  };
}

/** Insertion sort of equal blocks: there are few, and most are in order already. */
function sortBlocks(state: Int32Array, starts: Int32Array, words: number): void {
  for (let i = 1; i < starts.length; i++) {
    for (let j = i; j > 0; j--) {
      const a = starts[j - 1]!;
      const b = starts[j]!;
      let k = 0;
      while (k < words && state[a + k] === state[b + k]) k++;
      if (k === words || state[a + k]! < state[b + k]!) break;
      for (k = 0; k < words; k++) {
        const word = state[a + k]!;
        state[a + k] = state[b + k]!;
        state[b + k] = word;
      }
    }
  }
}
