/**
 * Mutants of the sample that change nothing a user could see, each with the reason: `file` below src/replay, the text
 * replaced and its replacement. They are counted in the sample and as survivors; the score without them is told beside.
 */
export const EQUIVALENT = [
  {
    file: 'invariants/court.ts',
    old: 'exit ? 1 : 0',
    text: 'exit ? 0 : 1',
    why: 'numbers two kinds; every use goes through this function, so that only their names are swapped',
  },
  {
    file: 'doubtful.ts',
    old: '-1',
    text: '1',
    why: 'the place of nothing: looked at only where the count is not 0',
  },
  {
    file: 'invariants/table-count.ts',
    old: 'left++',
    text: 'left--',
    why: 'compared with 0 only',
  },
  {
    file: 'invariants/callbacks.ts',
    old: '0',
    text: '1',
    why: 'stamp of a grace period before any was seen to start; read only where its number is known',
  },
  {
    file: 'invariants/flush.ts',
    old: 'gather.early = [];',
    text: ';',
    why: 'runs when the gather ends: nothing reads the list afterwards, it is only let go earlier',
  },
];
