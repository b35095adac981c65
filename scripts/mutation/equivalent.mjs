/**
 * Mutants of the sample that change nothing a user could see, each with the reason: `file` below src/replay, the text
 * replaced and its replacement. They are counted in the sample and as survivors; the score without them is told beside.
 */
export const EQUIVALENT = [
  {
    file: 'evidence.ts',
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
    file: 'rules/nr-ptes.ts',
    old: 'left++',
    text: 'left--',
    why: 'compared with 0 only',
  },
  {
    file: 'step-flush.ts',
    old: 'gather.early = [];',
    text: ';',
    why: 'runs when the gather ends: nothing reads the list afterwards, it is only let go earlier',
  },
];
