import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LitmusError, parseLitmus } from '../../src/litmus/parse.js';
import { runOrder } from '../../src/litmus/run.js';
import { STEPS } from '../../src/litmus/steps.js';

const LINES = `litmus mine a table freed too early
setup:
  P0 map A v T
  1 walk A v
bug: violates I03
  P0 unlink A v
  P0 free T
`;

const COLUMNS = `litmus mine a table freed too early
setup:
  P0        | P1
  map A v T |
            | walk A v
bug: violates I03
  P0          | CPU1
  unlink A v  |
  free T      |
`;

const BLOCKS = `litmus mine a table freed too early   # in blocks
setup:
  P1:
    2. walk A v
  P0:
    1. map A v T
bug: violates I03
  P0:
    1 unlink A v
    2: free T
`;

function failure(text: string): string {
  try {
    parseLitmus(text, 'x.litmus');
  } catch (error) {
    expect(error).toBeInstanceOf(LitmusError);
    return (error as Error).message;
  }
  return 'no error';
}
const withSteps = (steps: string): string => `litmus x y\nbug: silent\n${steps}\n`;

describe('parseLitmus', () => {
  it('reads lines, columns and blocks alike', () => {
    const bare = (text: string): unknown =>
      JSON.parse(JSON.stringify(parseLitmus(text), (key, value) => (key === 'line' ? undefined : value)));
    expect(bare(COLUMNS)).toEqual(bare(LINES));
    expect(bare(BLOCKS)).toEqual(bare(LINES));
    const test = parseLitmus(LINES);
    expect(runOrder(test, test.orders[0]!).violated).toEqual(['I03']);
  });

  it('keeps headings, and an order may have its own', () => {
    const test = parseLitmus(`litmus L99 two orders
ref: abc (v1)
levels: P=PMD G=PGD
variant: A2
bug: violates I06, I05
  variant: C D
  broken: lazy-skips-freed-tables
  P0 syncipi
fix: silent
  P0 syncipi
`);
    expect(test.ref).toBe('abc (v1)');
    expect([...test.levels]).toEqual([
      ['P', 2],
      ['G', 5],
    ]);
    expect(test.orders.map((o) => [o.name, o.variants, o.broken, o.violates])).toEqual([
      ['bug', ['C', 'D'], ['lazy-skips-freed-tables'], ['I06', 'I05']],
      ['fix', ['A2'], [], []],
    ]);
  });

  it.each([
    ['litmus', 'x.litmus:1:1: the first line must be `litmus ID TITLE`'],
    ['P0 free T', 'x.litmus:1:1: the first line must be'],
    ['litmus x\n  P0 free T', 'x.litmus:2:3: steps belong below'],
    ['litmus x', 'no order to run'],
    ['litmus x\nbug: violates I99\n P0 free T', 'x.litmus:2:6: there is no invariant I99'],
    ['litmus x\nvariant: Z\nbug: silent\n P0 free T', 'x.litmus:2:10: there is no variant Z'],
    ['litmus x\nbroken: oops\nbug: silent\n P0 free T', 'x.litmus:2:9: there is no rule oops'],
    ['litmus x\nlevels: T=XX\nbug: silent\n P0 free T', 'x.litmus:2:9: `T=XX`: write NAME=LEVEL'],
    ['litmus x\nbug: silent\nfix: silent\n P0 free T', 'x.litmus:2:1: order bug has no steps'],
    ['litmus x\nbug: silent\n P0 free T\nbug: silent', 'x.litmus:4:1: a second order bug'],
    ['litmus x\nbug: silent\n P0 free T\nsetup:', 'x.litmus:4:1: setup comes before the orders'],
    ['litmus x\nwhatever: 5\n', 'x.litmus:2:1: `whatever:` is neither a heading'],
    [withSteps('  Q7 free T'), 'x.litmus:3:3: a step begins with its CPU'],
    [withSteps('  P0 fre T'), 'x.litmus:3:6: there is no step `fre`; `free`?'],
    [withSteps('  P0 map A v'), 'x.litmus:3:6: it is `map mm address page`'],
    [withSteps('  P0 inval A soft'), 'x.litmus:3:14: `soft` is not one of leaf'],
    [withSteps('  P0 rd hope T'), 'x.litmus:3:9: `hope` protects no walk'],
    [withSteps('  P0 | Zz\n free T |'), 'x.litmus:3:8: `Zz` is no CPU'],
    [withSteps('  P0 |\n free T | free T'), 'x.litmus:4:11: this column has no CPU'],
    [withSteps('  P0:\n   free T'), 'x.litmus:4:4: steps below `P0:` begin with their place'],
    [withSteps('  P0:\n   1 free T\n   1 free T'), 'x.litmus:5:4: two steps have the place 1'],
  ])('says where: %j', (text, message) => {
    expect(failure(text)).toContain(message);
  });

  it('never fails with anything but a place and a reason', () => {
    const word = fc.constantFrom(
      ...Object.keys(STEPS),
      'P0',
      'P1',
      'D',
      'A',
      'v',
      'T',
      '|',
      ':',
      'bug:',
      'silent',
      'setup:',
      '1.',
      '#',
      'violates',
      'I05',
    );
    const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 12 }), (lines) => {
        const text = lines.join('\n');
        try {
          parseLitmus(text);
        } catch (error) {
          expect(error).toBeInstanceOf(LitmusError);
          const { line: at, column } = error as LitmusError;
          expect(at).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('steps that cannot be meant', () => {
  it.each([
    ['P0 unlink A v', 'no table is mapped at A v'],
    ['P0 rdend T', 'P0 has no walker on T'],
  ])('%s', (step, message) => {
    const test = parseLitmus(withSteps(step));
    expect(() => runOrder(test, test.orders[0]!)).toThrow(message);
  });
});
