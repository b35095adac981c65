import { describe, expect, test } from 'vitest';
import { all, any, namesIn, written } from '../../src/machine/command.js';
import { compile, reader } from '../../src/machine/compile.js';
import { Model } from '../../src/machine/model.js';
import { DEFAULTS, machineOf } from '../../src/machine/scenario.js';

const step = (guard: string, set: string[]) => ({
  actor: 'a',
  cpu: 0,
  at: -1,
  guard,
  set,
  text: '',
  ops: null,
});

describe('expressions', () => {
  test('names are words, numbers are not', () => {
    expect(namesIn('ent_0 == 1 && (a_1 != 2 || b == 0)')).toEqual(['ent_0', 'a_1', 'b']);
  });
  test.each(['x = y; z', 'a[0]', '`x`', 'f.x'])('%s is not of the language', (text) => {
    expect(() => namesIn(text)).toThrow('not an expression');
  });
  test('assignments name what they write', () => {
    expect(written('a_0 = (b == 1 ? 2 : a_0)')).toBe('a_0');
    expect(() => written('a == 0')).toThrow('not an assignment');
  });
  test('nothing to ask for holds, nothing to choose from does not', () => {
    expect([all(), all(false, '', 'a == 1'), any([]), any(['a', 'b'])]).toEqual([
      '1',
      'a == 1',
      '0',
      '(a || b)',
    ]);
  });
});

describe('building', () => {
  test('drops what never runs, what nobody changes and what nobody reads', () => {
    const model = new Model(1);
    for (const name of ['x', 'fixed', 'unread', 'gone']) model.variable(name);
    model.command(step('x == 0 && fixed == 0', ['x = 1', 'unread = 1']));
    model.command(step('fixed == 3', ['gone = 1']));
    model.command(step('x == 7', ['gone = 1']));
    model.command(step('gone == 1', ['x = 2']));
    const machine = model.build('t', [], []);
    expect(machine.variables.map((v) => v.name)).toEqual(['bad', 'x']);
    expect(machine.commands.map((c) => [c.guard, c.set])).toEqual([['x == 0 && 0 == 0', ['x = 1']]]);
    expect(machine.constants.get('fixed')).toBe(0);
  });
  test('keeps a part of an alternative that alone could not hold', () => {
    const model = new Model(1);
    for (const name of ['x', 'never']) model.variable(name);
    model.command(step('x == 0 && (never == 1 && x == 9 || x == 0)', ['x = 1']));
    expect(model.build('t', [], []).commands).toHaveLength(1);
  });
  test('refuses a variable that was never declared', () => {
    const model = new Model(1);
    model.command(step('nobody == 1', ['bad = 1']));
    expect(() => model.build('t', [], [])).toThrow('no variable nobody');
  });
});

test('a compiled machine runs assignments one after the other', () => {
  const model = new Model(1);
  for (const name of ['a', 'b']) model.variable(name);
  model.command(step('a == 0', ['a = 5', 'b = (a == 5 ? 2 : 1)']));
  model.command(step('b == 9', ['a = 0']));
  model.command(step('b == a', ['b = b + 1']));
  const compiled = compile(model.build('t', [], []));
  compiled.from.set(compiled.initial);
  const seen: number[][] = [];
  compiled.successors(() => {
    const read = reader(compiled, compiled.to);
    seen.push(['bad', 'a', 'b'].map(read));
  });
  expect(seen).toEqual([
    [0, 5, 2],
    [0, 0, 1],
  ]);
});

describe('questions that cannot be asked', () => {
  test.each([
    [{ cpus: 1 }, 'cpus'],
    [{ tables: 99 }, 'tables'],
    [{ program: 'nope' }, 'there is no program nope'],
    [{ readers: ['nope'] }, 'there is no reader nope'],
    [{ variant: 'Z' }, 'unknown kernel variant'],
    [{ vcpus: true }, 'taken away only from a guest'],
    [{ program: 'hugetlb-unshare', cpus: 2 }, 'cpus'],
  ])('%o', (wrong, message) => {
    expect(() => machineOf({ ...DEFAULTS, ...wrong })).toThrow(message);
  });
});
