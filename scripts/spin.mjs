// The search of `pttrace explore` against spin: the same states, the same verdicts.
// Usage: npm run build && node scripts/spin.mjs [--check]     (needs spin and cc; docs/explore.md has the table)
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAMS } from './spin/programs.mjs';

const load = (path) => import(new URL(`../dist/src/${path}.js`, import.meta.url));
const { DEFAULTS, machineOf } = await load('machine/scenario');
const { compile } = await load('machine/compile');
const { search } = await load('explore/search');
const { toPromela } = await load('explore/promela');

export function hasSpin() {
  return ['spin', 'cc'].every(
    (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined,
  );
}

/** States that pan stores, and whether it finds an unsafe one. */
function spin(text) {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-spin-'));
  const run = (tool, args) =>
    execFileSync(tool, args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const pan = (flags) => {
    run('spin', ['-a', ...flags, 'machine.pml']);
    run('cc', ['-O1', '-w', '-DNOREDUCE', '-DSAFETY', '-o', 'pan', 'pan.c']);
    return spawnSync('./pan', ['-m2000000', '-w24', '-E'], { cwd: dir, encoding: 'utf8', maxBuffer: 1 << 26 })
      .stdout;
  };
  try {
    writeFileSync(join(dir, 'machine.pml'), text);
    const all = pan([]);
    const states = Number(/(\d+) states, stored/.exec(all)?.[1] ?? Number.NaN);
    const errors = Number(/errors: (\d+)/.exec(pan(['-DCHECK']))?.[1] ?? Number.NaN);
    return { states, unsafe: errors > 0, complete: !/max search depth too small|out of memory/.test(all) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Each program by both. */
export function compareWithSpin(programs = PROGRAMS) {
  return programs.map(([title, scenario]) => {
    const machine = machineOf({ ...DEFAULTS, ...scenario });
    const own = search(compile(machine), { maxStates: 1e7, maxBytes: 2e9, symmetry: false, edges: false });
    const theirs = spin(toPromela(machine));
    const unsafe = own.unsafe.length > 0;
    const same = theirs.complete && own.states === theirs.states && unsafe === theirs.unsafe;
    return {
      title,
      states: own.states,
      steps: own.steps,
      unsafe,
      spinStates: theirs.states,
      spinUnsafe: theirs.unsafe,
      same,
    };
  });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  if (!hasSpin()) {
    console.log('spin: spin or cc is not installed, nothing compared');
  } else {
    const rows = compareWithSpin();
    const lines = [
      '| program | pttrace: states | verdict | spin: states | verdict |',
      '| --- | ---: | --- | ---: | --- |',
      ...rows.map(
        (r) =>
          `| ${r.title} | ${r.states} | ${r.unsafe ? 'unsafe' : 'safe'} | ${r.spinStates} | ${r.spinUnsafe ? 'unsafe' : 'safe'} |`,
      ),
    ];
    console.log(lines.join('\n'));
    const page = new URL('../docs/explore.md', import.meta.url);
    const [begin, end] = ['<!-- spin: printed by scripts/spin.mjs -->', '<!-- /spin -->'];
    const text = readFileSync(page, 'utf8');
    const at = text.indexOf(begin);
    if (at < 0) throw new Error('docs/explore.md has no place for the table');
    const next = `${text.slice(0, at)}${begin}\n\n${lines.join('\n')}\n\n${text.slice(text.indexOf(end))}`;
    const different = rows.filter((r) => !r.same);
    if (process.argv.includes('--check')) {
      console.log(next === text ? 'docs/explore.md is up to date' : 'docs/explore.md has another table');
      process.exitCode = next === text && different.length === 0 ? 0 : 1;
    } else {
      writeFileSync(page, next);
      process.exitCode = different.length === 0 ? 0 : 1;
    }
    console.log(`${rows.length - different.length} of ${rows.length} programs: same states, same verdict`);
  }
}
