import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { MUTATED } from './config.mjs';

const SHIM = new URL('./vitest-shim.mjs', import.meta.url).href;
const FOLDERS = ['src', 'test/replay', 'test/litmus', 'test/support', 'test/gate/support'];

export const compile = (text) =>
  ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    },
  }).outputText;

/**
 * The sources and tests of `root` as JavaScript, in two trees under `scratch`: `warm` holds all, and is loaded once;
 * `fresh` only what imports a mutated file, at whatever distance, and each mutant gets a copy of its own. Imports of
 * warm files from fresh ones are made absolute.
 */
export function prepare(root, scratch) {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'))
      .map((f) => join(folder, f)),
  );
  const sources = new Map(files.map((f) => [f, readFileSync(join(root, f), 'utf8')]));
  const imports = new Map(files.map((f) => [f, importsOf(f, sources.get(f))]));
  const fresh = new Set(files.filter((f) => f.startsWith(MUTATED) || f.endsWith('.test.ts')));
  for (let grown = true; grown; ) {
    grown = false;
    for (const f of files) {
      if (!fresh.has(f) && imports.get(f).some((i) => fresh.has(i))) grown = fresh.add(f).size > 0;
    }
  }
  const warm = join(scratch, 'warm');
  const cold = join(scratch, 'fresh');
  for (const [folder, wanted] of [
    [warm, files.filter((f) => !fresh.has(f))],
    [cold, [...fresh]],
  ]) {
    for (const f of wanted) {
      const to = join(folder, f.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, absolute(compile(sources.get(f)), f, fresh, warm));
    }
    for (const json of ['src/schema']) {
      cpSync(join(root, json), join(folder, json), { recursive: true, filter: (f) => !f.endsWith('.ts') });
    }
    for (const golden of ['test/replay/golden']) {
      cpSync(join(root, golden), join(folder, golden), {
        recursive: true,
        filter: (f) => !f.endsWith('.ts'),
      });
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module","version":"0.0.0"}');
    for (const link of ['fixtures', 'docs', 'scripts', 'node_modules']) {
      if (existsSync(join(root, link))) symlinkSync(join(root, link), join(folder, link));
    }
  }
  return {
    sources,
    fresh: cold,
    /** JavaScript of a mutated file, as it stands in a fresh tree. */
    compiled: (file, text) => absolute(compile(text), file, fresh, warm),
  };
}

const IMPORT = /(from\s+|import\s*\(?\s*)(['"])([^'"]+)\2/g;

function importsOf(file, text) {
  return [...text.matchAll(IMPORT)]
    .filter((m) => m[3].startsWith('.'))
    .map((m) => relative('/', resolve('/', dirname(file), m[3])).replace(/\.js$/, '.ts'));
}

function absolute(text, file, fresh, warm) {
  return text.replace(IMPORT, (all, before, _quote, target) => {
    if (target === 'vitest') return `${before}'${SHIM}'`;
    if (!target.startsWith('.') || !target.endsWith('.js')) return all;
    const found = relative('/', resolve('/', dirname(file), target)).replace(/\.js$/, '.ts');
    if (fresh.has(found)) return all;
    return `${before}'${pathToFileURL(join(warm, found.replace(/\.ts$/, '.js'))).href}'`;
  });
}
