import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtCommand, ROOT } from '../support/built.js';

// The page is followed word for word: its examples are put into a copy of the built modules, compiled with the project's own settings, and
// asked for by those who should know them from that alone.

const FIXTURE = join(ROOT, 'fixtures/replay/6.12.117-lab-y/mt-munmap.txt.gz');
const DRIVER = `
import { writeFileSync } from 'node:fs';
export async function ask(root, fixture, pipes, log) {
const { analyse, CATALOGUE, completeWorkload, simulate, VARIANTS } = await import(root + '/src/index.js');
const { explain } = await import(root + '/src/explain/explain.js');
const said = (r) => r.invariants.map((i) => [i.id, i.verdict, i.instances]);
const known = (topic) => { try { return explain(topic).sections.length > 0; } catch { return false; } };
const result = await analyse({ paths: [fixture] });
const out = { rules: CATALOGUE.map((r) => r.id), variants: VARIANTS.map((v) => v.id), said: said(result) };
if (pipes) {
  const run = await analyse({ paths: [pipes] });
  out.format = { id: run.inputs[0].format, lines: run.inputs[0].lines, operations: run.operations };
  out.explained = [known('I57'), known('syscall-returns'), known('Z'), known('I58')];
  out.required = said(await analyse({ paths: [fixture], require: ['I57'] })).find(([id]) => id === 'I57');
  writeFileSync(log, [...simulate(completeWorkload({ variant: 'Z', munmaps: 8, pressure: 0.5 }))].join(''));
  const made = await analyse({ paths: [log], variants: ['Z'] });
  out.simulated = said(made).filter(([, verdict]) => verdict === 'violated').map(([id]) => id);
}
return out;
}
`;

/** For a process of its own, whose modules are those of the copy. */
const MAIN = `
import { ask } from './driver.mjs';
console.log(JSON.stringify(await ask(...process.argv.slice(2))));
`;

interface Said {
  readonly rules: string[];
  readonly variants: string[];
  readonly said: [id: string, verdict: string, instances: Record<string, number>][];
  readonly format: { id: string; lines: Record<string, number>; operations: Record<string, number> };
  readonly explained: boolean[];
  readonly required: [string, string, Record<string, number>];
  readonly simulated: string[];
}

const page = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
const examples = [...page.matchAll(/^```(ts|diff) (\S+)\n([\s\S]*?)^```$/gm)].map(([, kind, file, text]) => ({
  kind: kind!,
  file: file!,
  text: text!,
}));

/** Puts the lines marked + behind the line that stands before them, which must be there once. */
function patched(text: string, diff: string, file: string): string {
  const lines = text.split('\n');
  let at = -1;
  for (const line of diff.trimEnd().split('\n')) {
    if (line.startsWith('+')) lines.splice(++at, 0, line.slice(1));
    else {
      const places = lines.flatMap((l, i) => (l === line.slice(1) ? [i] : []));
      // The last: a name is imported before it is listed.
      if (places.length === 0) throw new Error(`${file} has no line "${line.slice(1)}"`);
      at = places.at(-1)!;
    }
  }
  return lines.join('\n');
}

/**
 * Compiles `files` of `dir` in place, among the built modules and their declarations, with the project's own settings.
 * Returns what the compiler says of them.
 */
function compiled(dir: string, files: readonly string[]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, dir);
  const roots = files.map((f) => join(dir, f));
  const program = ts.createProgram(roots, { ...options, rootDir: dir, outDir: dir, declaration: false });
  program.emit();
  const faults = roots.flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  return faults.map(
    (d) => `${d.file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`,
  );
}

describe('CONTRIBUTING.md, followed word for word', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-contributing-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const driver = join(dir, 'driver.mjs');
  const run = (built: string, ...more: string[]): Said => {
    const args = [join(dir, 'main.mjs'), pathToFileURL(built).href, FIXTURE, ...more];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as Said;
  };
  let faults: string[];
  let before: Said;
  let after: Said;

  beforeAll(async () => {
    builtCommand();
    writeFileSync(driver, DRIVER);
    writeFileSync(join(dir, 'main.mjs'), MAIN);
    const { ask } = (await import(pathToFileURL(driver).href)) as {
      ask(root: string, fixture: string): Promise<Said>;
    };
    before = JSON.parse(JSON.stringify(await ask(pathToFileURL(join(ROOT, 'dist')).href, FIXTURE))) as Said;
    cpSync(join(ROOT, 'dist/src'), join(dir, 'src'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'), 'dir');
    for (const { kind, file, text } of examples) {
      const path = join(dir, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, kind === 'ts' ? text : patched(readFileSync(join(ROOT, file), 'utf8'), text, file));
    }
    faults = compiled(
      dir,
      examples.map((e) => e.file),
    );
    const pipes = join(dir, 'pipes.txt');
    writeFileSync(
      pipes,
      '1000|0|7|tlb_flush|pages:1 reason:0\n2000|1|8|tlb_flush|pages:2 reason:1\nnot one\n',
    );
    after = run(dir, pipes, join(dir, 'log.txt'));
  });

  it('touches two files for a format, two for a rule, one for a variant, and compiles', () => {
    expect(examples.map((e) => e.file)).toHaveLength(5);
    expect(faults).toEqual([]);
  });

  it('the format is found by its content, and each line accounted for', () => {
    expect(after.format.id).toBe('pipe-log');
    expect(after.format.lines).toMatchObject({ total: 3, event: 2, skipped: 1 });
    expect(after.format.operations).toEqual({ TLBF: 2 });
  });

  it('the rule is known to replay, explain and --require, and changes nothing else that is said', () => {
    expect(after.rules).toEqual([...before.rules, 'I57']);
    const [, verdict, instances] = after.said.at(-1)!;
    expect([verdict, instances.violated, instances.unknown]).toEqual(['pass', 0, 0]);
    expect(instances.pass).toBeGreaterThan(10);
    expect(after.explained).toEqual([true, true, true, false]);
    expect(after.required[1]).toBe('pass');
    const known = new Set(before.said.map(([id]) => id));
    expect(after.said.filter(([id]) => known.has(id))).toEqual(before.said);
  });

  it('the variant is simulated by its row, and what is simulated is right under it', () => {
    expect(after.variants).toEqual(['Z', ...before.variants]);
    expect(after.simulated).toEqual([]);
  });
});
