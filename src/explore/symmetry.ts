import type { Compiled } from '../machine/compile.js';

/**
 * Sorts the blocks of CPUs that are alike, in place: one state stands for all that differ only in which CPU is which.
 * A permutation of such CPUs maps steps to steps, so what holds for the one holds for all of them.
 */
export function sorter(compiled: Compiled): ((state: Uint8Array) => void) | null {
  const { machine } = compiled;
  const groups: Int32Array[] = [];
  for (const { cpus } of machine.alike) {
    const blocks = cpus.map((cpu) => machine.variables.flatMap((v, i) => (v.cpu === cpu ? [i] : [])));
    const kinds = blocks.map((block, i) =>
      block.map((at) => machine.variables[at]!.name.replace(new RegExp(`_${cpus[i]}$`), '')).join(' '),
    );
    // Blocks that do not hold the same variables, or do not start alike, are not exchangeable.
    const starts = blocks.map((block) => block.map((at) => compiled.initial[at]).join(' '));
    if (new Set(kinds).size !== 1 || new Set(starts).size !== 1 || blocks[0]!.length === 0) continue;
    groups.push(Int32Array.from(blocks.map((block) => block[0]!)), Int32Array.of(blocks[0]!.length));
  }
  if (groups.length === 0) return null;
  return (state) => {
    for (let g = 0; g < groups.length; g += 2) sortBlocks(state, groups[g]!, groups[g + 1]![0]!);
  };
}

/** Insertion sort of equal blocks: there are few, and most are in order already. */
function sortBlocks(state: Uint8Array, starts: Int32Array, size: number): void {
  for (let i = 1; i < starts.length; i++) {
    for (let j = i; j > 0; j--) {
      const a = starts[j - 1]!;
      const b = starts[j]!;
      let k = 0;
      while (k < size && state[a + k] === state[b + k]) k++;
      if (k === size || state[a + k]! < state[b + k]!) break;
      for (k = 0; k < size; k++) {
        const byte = state[a + k]!;
        state[a + k] = state[b + k]!;
        state[b + k] = byte;
      }
    }
  }
}
