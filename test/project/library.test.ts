import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, ROOT } from '../support/built.js';

const page = readFileSync(join(ROOT, 'docs/library.md'), 'utf8');
const examples = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map((m) => m[1]!);
const dir = mkdtempSync(join(tmpdir(), 'pttrace-library-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

beforeAll(() => {
  builtCommand();
  mkdirSync(join(dir, 'node_modules/@types'), { recursive: true });
  symlinkSync(ROOT, join(dir, 'node_modules/pttrace'));
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(dir, 'node_modules/@types/node'));
  writeFileSync(join(dir, 'package.json'), '{"type": "module"}');
  copyFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz'), join(dir, 'trace.txt.gz'));
  copyFileSync(join(ROOT, 'fixtures/replay/6.12.117-lab-n/gup-munmap.txt.gz'), join(dir, 'before.txt.gz'));
  writeFileSync(join(dir, 'policy.yaml'), 'version: 1\nextends: [default]\n');
});

/** Runs its arguments one after the other, as a process would each; what one prints ends with a NUL. */
const DRIVER = `for (const file of process.argv.slice(2)) {
  await import(file).catch(console.error);
  process.stdout.write('\\0');
}
`;

/** As tsc does, but for the declarations of Node and JavaScript themselves: to check those takes longer than all of ours. */
function typeCheck(files: readonly string[], compilerOptions: object) {
  const { options, errors } = ts.convertCompilerOptionsFromJson(compilerOptions, dir);
  const program = ts.createProgram(
    files.map((file) => join(dir, file)),
    options,
  );
  const ours = program.getSourceFiles().filter(({ fileName }) => !/\/node_modules\//.test(fileName));
  const found = [
    ...errors,
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...ours.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ]),
  ];
  return {
    complaints: found.map(
      (d) => `${d.file?.fileName}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`,
    ),
    checked: ours.map(({ fileName }) => fileName),
  };
}

describe('docs/library.md', () => {
  let printed: string[] = [];
  let said = '';
  beforeAll(() => {
    const files = examples.map((text, i) => {
      const file = join(dir, `example-${i + 1}.mjs`);
      writeFileSync(file, text);
      return file;
    });
    writeFileSync(join(dir, 'driver.mjs'), DRIVER);
    const run = spawnSync(process.execPath, [join(dir, 'driver.mjs'), ...files], {
      cwd: dir,
      encoding: 'utf8',
    });
    said = run.stderr;
    printed = run.stdout.split('\0');
  });

  it.each(examples.map((text, i) => [i + 1, text] as const))('example %i prints what it says', (i, text) => {
    const expected = [...text.matchAll(/^\/\/ → (.*)$/gm)].map((m) => m[1]);
    expect(expected.length).toBeGreaterThan(0);
    expect(printed[i - 1]?.trimEnd().split('\n'), said).toEqual(expected);
  });

  it('no example says anything on standard error, or ends the process', () => {
    expect(said).toBe('');
    expect(printed).toHaveLength(examples.length + 1);
  });

  it('type-checks under NodeNext, strictly, without this project’s settings', () => {
    const imports = examples.map((text, i) => {
      writeFileSync(
        join(dir, `typed-${i}.mts`),
        text.replaceAll('groups[0].', 'groups[0]!.').replaceAll('files[0].', 'files[0]!.'),
      );
      return `typed-${i}.mts`;
    });
    writeFileSync(
      join(dir, 'consumer.mts'),
      `import type { AnalyseOptions, GateReport, Policy, Result } from 'pttrace';
import { analyse } from 'pttrace';
import manifest from 'pttrace/package.json' with { type: 'json' };
const options: AnalyseOptions = { paths: [manifest.name] };
export const result: Promise<Result> = analyse(options);
export const policy: Policy = { version: 1 };
export const failed = (report: GateReport): number => report.summary.failed;
// @ts-expect-error: paths is required
analyse({});
`,
    );
    const options = {
      module: 'NodeNext',
      moduleResolution: 'NodeNext',
      target: 'ES2022',
      lib: ['ES2023'],
      types: ['node'],
      strict: true,
      noEmit: true,
      resolveJsonModule: true,
    };
    const { complaints, checked } = typeCheck(['consumer.mts', ...imports], options);
    expect(complaints).toEqual([]);
    expect(checked.filter((file) => file.endsWith('.mts'))).toHaveLength(imports.length + 1);
    expect(checked).toContain(join(ROOT, 'dist/src/index.d.ts'));
  });
});

describe('the shipped types', () => {
  // What TypeScript 5.4 cannot read: typed arrays with a parameter (5.7), iterators with names of their own (5.6).
  it('use nothing newer than TypeScript 5.4', () => {
    const dist = join(ROOT, 'dist');
    const types = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.d.ts'));
    expect(types.length).toBeGreaterThan(100);
    const newer = types.filter((file) =>
      /\b(?:\w+Array|DataView)<ArrayBuffer|\b(?:Map|Set|Array)Iterator</.test(
        readFileSync(join(dist, file), 'utf8'),
      ),
    );
    expect(newer).toEqual([]);
  });
});

describe('the package', () => {
  let files: string[];
  beforeAll(() => {
    const run = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    files = JSON.parse(run.stdout)[0].files.map((f: { path: string }) => f.path);
  });

  it('holds what package.json points at', () => {
    const { bin, exports: map } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const named = [bin.pttrace, map['.'].types, map['.'].default].map((p: string) => p.replace('./', ''));
    for (const file of [...named, 'oclif.manifest.json', 'README.md', 'LICENSE'])
      expect(files).toContain(file);
  });

  it('holds every schema', () => {
    const schemas = files.filter((f) => /^dist\/src\/schema\/\w+\.schema\.json$/.test(f));
    expect(schemas).toContain('dist/src/schema/result.schema.json');
    expect(schemas).toContain('dist/src/schema/policy.schema.json');
    for (const [, name] of page.matchAll(/pttrace\/schema\/(\w+\.schema\.json)/g))
      expect(schemas).toContain(`dist/src/schema/${name}`);
  });

  it('holds the files that the README and the pages run, and the litmus tests', () => {
    const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
    for (const [file] of text.matchAll(/\bfixtures\/[\w./-]+\.(?:gz|txt)/g)) expect(files).toContain(file);
    for (const [, file] of text.matchAll(/\]\((docs\/[\w./-]+)\)/g)) expect(files).toContain(file);
    expect(files.filter((f) => f.startsWith('fixtures/litmus/') && f.endsWith('.litmus'))).toHaveLength(
      readdirSync(join(ROOT, 'fixtures/litmus')).filter((f) => f.endsWith('.litmus')).length,
    );
    expect(files).toContain('docs/ci/github-actions.yml');
    expect(existsSync(join(ROOT, 'docs/validate.md'))).toBe(true);
  });

  it('holds no tests, sources or scratch', () => {
    expect(files.filter((f) => /^(?:test|src|cli|bench|scripts|node_modules)\//.test(f))).toEqual([]);
    expect(files.filter((f) => /\.(?:map|tsbuildinfo|log)$/.test(f))).toEqual([]);
  });
});
