import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/built.js';

/** Lines of a function at most. */
const FUNCTION_LINES = 70;
/** Functions that are longer because they are a table, as `file name`, and what they list. */
const TABLE_FUNCTIONS: Readonly<Record<string, string>> = {};

/** Lines of a file at most: about 300, and a room for what belongs together. */
const FILE_LINES = 400;
/** Files that are longer because they are a table, and what they list. */
const TABLE_FILES: Readonly<Record<string, string>> = {
  'src/explain/bugs.ts': 'what happened in each bug of the litmus suite, in words',
};

const files = ['src', 'cli'].flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(room, name).replaceAll('\\', '/')),
);
const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Functions of more lines than that, each with its file and name (that of the variable or property it is given to). */
function longFunctions(file: string, text: string, most: number): { name: string; lines: number }[] {
  if (text.split('\n').length <= most) return [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineAt = (at: number): number => source.getLineAndCharacterOfPosition(at).line;
  const found: { name: string; lines: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const lines = lineAt(node.end) - lineAt(node.getStart()) + 1;
      if (lines > most) found.push({ name: `${file} ${nameOf(node)}`, lines });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  const named = node.name ?? (node.parent as { readonly name?: ts.Node }).name;
  return named?.getText() ?? 'unnamed';
}

describe('lengths', () => {
  it(`no function is longer than ${FUNCTION_LINES} lines but tables`, () => {
    expect(files.length).toBeGreaterThan(300);
    const long = files.flatMap((file) => longFunctions(file, textOf(file), FUNCTION_LINES));
    expect(long.filter(({ name }) => !(name in TABLE_FUNCTIONS))).toEqual([]);
    // One that was cut is no exception any more.
    expect(Object.keys(TABLE_FUNCTIONS).filter((name) => !long.some((f) => f.name === name))).toEqual([]);
  });

  it('functions of every kind are measured', () => {
    const text = [
      'function one() {\n\n}',
      'const two = () => {\n\n};',
      'class A {\n  constructor() {\n\n  }\n  three(): void {\n\n  }\n  get four() {\n\n  }\n}',
      'export const five = rule({ monitor: () => {\n\n} });',
      'run(function () {\n\n});',
      'const six = () =>\n  [\n  ];',
      'function short() {\n}',
    ].join('\n');
    expect(longFunctions('a.ts', text, 2).map((f) => f.name)).toEqual(
      ['one', 'two', 'constructor', 'three', 'four', 'monitor', 'unnamed', 'six'].map((n) => `a.ts ${n}`),
    );
  });

  it(`no file is longer than ${FILE_LINES} lines but tables`, () => {
    const long = files.filter((file) => textOf(file).split('\n').length - 1 > FILE_LINES);
    expect(long.filter((file) => !(file in TABLE_FILES))).toEqual([]);
    expect(Object.keys(TABLE_FILES).filter((file) => !long.includes(file))).toEqual([]);
  });
});
