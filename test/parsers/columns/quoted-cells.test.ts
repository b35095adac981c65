import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCells } from '../../../src/parsers/columns/csv.js';
import { splitQuoted } from '../../../src/parsers/columns/quoted-cells.js';

test('records are cut into cells as csv-parse cuts them', () => {
  const cell = fc.oneof(
    fc.stringMatching(/^[a-z =]{0,6}$/),
    fc.stringMatching(/^[a-z ",;]{0,6}$/).map((s) => `"${s.replaceAll('"', '""')}"`),
    fc.stringMatching(/^[a-z"]{0,4}$/),
  );
  let settled = 0;
  fc.assert(
    fc.property(
      fc.array(cell, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(',', ';'),
      (cells, delimiter) => {
        const text = cells.join(delimiter);
        const mine = splitQuoted(text, delimiter);
        if (mine === null || text === '') return;
        settled++;
        expect(mine).toEqual(parseCells(text, delimiter));
      },
    ),
    { numRuns: 2000 },
  );
  expect(settled).toBeGreaterThan(500);
});
