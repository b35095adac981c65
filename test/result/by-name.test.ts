import { expect, test } from 'vitest';
import { SYMBOLS } from '../../src/kernel/symbols.js';
import { TRACEPOINTS } from '../../src/kernel/tracepoints.js';
import { isRawBody } from '../../src/parsers/tracefs/field-bodies.js';
import { byName } from '../../src/result/by-name.js';

const INHERITED = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'];

test.each(INHERITED)('%s finds nothing in a table of names', (name) => {
  expect(byName({ a: 1 })[name]).toBeUndefined();
  expect(SYMBOLS[name]).toBeUndefined();
  expect(TRACEPOINTS[name]).toBeUndefined();
  expect(isRawBody(name, 'x=1')).toBe(false);
});
