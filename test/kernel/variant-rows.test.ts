import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, write } from '../gate/support/traces.js';
import { builtCommand, ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';

// A kernel is its row: the built modules are copied, rows are added to the table and nothing else is touched, and those who
// read the table are asked.

const FIXTURES = [
  '6.12.117-lab-y/slowpath-failpagealloc.txt.gz',
  '6.12.117-lab-n/exit-mmap.txt.gz',
  '6.12.117-lab-semi/slowpath-failpagealloc.txt.gz',
  'debian-6.16.12/pt-reclaim-gup.txt.gz',
];
/** Of each; each is read three times. */
const LINES = partOf(10_000, 1800);

/** Prints what is said of each fixture and of logs of each variant; with `imagined`, what the row Z does in every part of the program. */
const DRIVER = `
import { writeFileSync } from 'node:fs';
export async function ask(root, dir, fixtures, imagined) {
const { analyse, completeWorkload, simulate, whatIf, VARIANTS } = await import(root + '/src/index.js');
const { explain } = await import(root + '/src/explain/explain.js');
const said = (r) => r.invariants.map((i) => [i.id, i.verdict, i.instances]);
const out = { variants: VARIANTS.map((v) => v.id), said: [], own: [] };
const log = (variant, bug) => {
  const path = dir + '/' + variant + (bug ?? '') + '.txt';
  const workload = completeWorkload({ variant, munmaps: 8, pressure: 0.5, ...(bug ? { bug } : {}) });
  writeFileSync(path, [...simulate(workload)].join(''));
  return path;
};
const seen = (r) => ({
  candidates: r.variant.candidates,
  violated: r.invariants.filter((i) => i.verdict === 'violated').map((i) => i.id),
  i07: r.invariants.find((i) => i.id === 'I07').instances,
});
if (imagined) {
  out.detected = seen(await analyse({ paths: [log('Z')] }));
  out.given = seen(await analyse({ paths: [log('Z')], variants: ['Z'] }));
  out.asAnother = seen(await analyse({ paths: [log('Z')], variants: ['E'] }));
  out.explained = explain('Z').sections.flatMap((s) => [...(s.prose ?? []), ...(s.lines ?? [])]).join('\\n');
  const report = await whatIf({ paths: [log('D')], target: 'Z' });
  out.whatIf = { refused: report.refused ?? null, order: report.order.verdicts.filter((v) => v.verdict === 'violated').length, operations: report.order.operations, changed: report };
} else {
  for (const path of fixtures) out.said.push(said(await analyse({ paths: [path] })));
  for (const v of VARIANTS.filter((v) => !v.id.endsWith('copy'))) out.own.push(seen(await analyse({ paths: [log(v.id)], variants: [v.id] })));
}
return out;
}
`;

/** For a process of its own, whose modules are those of the copy. */
const MAIN = `
import { ask } from './driver.mjs';
const [root, dir, fixtures, imagined] = process.argv.slice(2);
console.log(JSON.stringify(await ask(root, dir, JSON.parse(fixtures), imagined)));
`;

interface Seen {
  readonly candidates: string[];
  readonly violated: string[];
  readonly i07: Record<string, number>;
}
interface Out {
  readonly variants: string[];
  readonly said: unknown[];
  readonly own: Seen[];
  readonly detected: Seen;
  readonly given: Seen;
  readonly asAnother: Seen;
  readonly explained: string;
  readonly whatIf: { refused: unknown; order: number; operations: number; changed: unknown };
}

describe('rows of kernel variants', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-rows-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const paths = FIXTURES.map((name, i) => write(dir, `${i}.txt`, linesOf(name).slice(0, LINES)));

  /** What is said with `rows`, code that stands before the end of the table. */
  function withRows(name: string, rows: string, imagined: boolean): Out {
    const root = join(dir, name);
    cpSync(join(ROOT, 'dist/src'), join(root, 'src'), {
      recursive: true,
      filter: (path) => !path.endsWith('.d.ts'),
    });
    cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'dir');
    const file = join(root, 'src/kernel/variant-rows.js');
    writeFileSync(file, `${readFileSync(file, 'utf8').replace(/^\/\/# source.*$/m, '')}\n${rows}\n`);
    writeFileSync(join(root, 'driver.mjs'), DRIVER);
    writeFileSync(join(root, 'main.mjs'), MAIN);
    const args = [join(root, 'main.mjs'), pathToFileURL(root).href, root, JSON.stringify(paths)];
    const run = spawnSync(process.execPath, imagined ? [...args, 'imagined'] : args, { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    return JSON.parse(run.stdout) as Out;
  }

  let plain: Out;
  beforeAll(async () => {
    builtCommand();
    const driver = join(dir, 'driver.mjs');
    writeFileSync(driver, DRIVER);
    const { ask } = (await import(pathToFileURL(driver).href)) as {
      ask(root: string, dir: string, fixtures: readonly string[]): Promise<Out>;
    };
    plain = JSON.parse(JSON.stringify(await ask(join(ROOT, 'dist'), dir, paths))) as Out;
  });

  it('copied change no verdict, of recordings and of logs of each variant', () => {
    const copies = withRows(
      'copies',
      `VARIANT_ROWS.push(...VARIANT_ROWS.map((row) => ({ ...row, id: row.id + 'copy' })));`,
      false,
    );
    expect(copies.variants).toHaveLength(2 * plain.variants.length);
    expect(copies.said).toEqual(plain.said);
    expect(copies.own).toEqual(plain.own);
    for (const own of plain.own) expect(own.violated).toEqual([]);
  });

  it('of a kernel nobody has (flush, synchronize_rcu, call_rcu) work by the row alone', () => {
    const z = withRows(
      'imagined',
      `VARIANT_ROWS.push({ ...VARIANT_ROWS.find((row) => row.id === 'E'), id: 'Z', title: 'imagined',
         singlePath: ['flush', 'sync-rcu', 'call-rcu'] });`,
      true,
    );
    expect(z.given.violated).toEqual([]);
    expect(z.given.i07.pass).toBeGreaterThan(0);
    expect(z.detected.candidates).toEqual(['Z']);
    expect(z.detected.violated).toEqual([]);
    expect(z.asAnother.violated).toContain('I07');
    expect(z.explained).toMatch(/a grace period is waited for on the spot, then call_rcu\(\)/);
    expect(z.whatIf.refused).toBeNull();
    expect(z.whatIf.operations).toBeGreaterThan(0);
    expect(z.whatIf.order).toBe(0);
  });
});
