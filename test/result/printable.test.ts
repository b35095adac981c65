import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable, printableName, printableReport } from '../../src/result/printable.js';

describe('names are data', () => {
  test.each([
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['a\r::error::x', 'a\\r\\x3a:error::x'],
    ['::warning file=a,line=1::x', '\\x3a:warning file=a,line=1::x'],
    ['##[error]x', '#\\x23[error]x'],
    ['##vso[task.complete result=Succeeded;]', '#\\x23vso[task.complete result=Succeeded;]'],
    ['abc\u202edef\u2066', 'abc\\u202edef\\u2066'],
    ['\u009b31m', '\\x9b31m'],
    ['irq/24-nvme::q1', 'irq/24-nvme::q1'],
    ['call_rcu→callback µs', 'call_rcu→callback µs'],
  ])('%j', (raw, shown) => {
    expect(printable(raw)).toBe(shown);
  });

  test('line feeds stay in a text and are shown in a name', () => {
    expect(printable('a\nb\tc')).toBe('a\nb\tc');
    expect(printableName('a\nb\tc')).toBe('a\\nb\\tc');
  });

  test('whatever comes in, nothing that acts on a terminal or a runner comes out', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = printable(text);
        expect(shown).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
        expect(shown).not.toMatch(/^\s*::[A-Za-z-]+::|##\[/m);
      }),
    );
  });

  test('a report is copied: keys, maps and lists too, numbers untouched', () => {
    const report = {
      name: 'a\nb',
      list: [{ '\x1b': '##[x]' }],
      map: new Map([['\x07', 'x\x07']]),
      column: new Float64Array([1, 2]),
      none: null,
      count: 3,
    };
    const shown = printableReport(report);
    expect(shown).toEqual({
      name: 'a\\nb',
      list: [{ '\\x1b': '#\\x23[x]' }],
      map: new Map([['\\x07', 'x\\x07']]),
      column: report.column,
      none: null,
      count: 3,
    });
    expect(report.name).toBe('a\nb');
  });

  test('keys that objects inherit are keys like others', () => {
    const report = JSON.parse('{"__proto__": {"toString": "x"}, "constructor": "\\u0007"}') as object;
    expect(JSON.stringify(printableReport(report))).toBe(
      '{"__proto__":{"toString":"x"},"constructor":"\\\\x07"}',
    );
  });
});
