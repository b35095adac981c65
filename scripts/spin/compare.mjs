import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PROGRAMS } from './programs.mjs';

export { PROGRAMS };

export function hasSpin() {
  return ['spin', 'cc'].every(
    (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined,
  );
}

/**
 * States that pan stores, and whether it finds an unsafe one: with -c0 it goes on behind an error, so one search tells both.
 * `expected` states: a search of few is over before an optimising compiler is.
 */
function spin(text, expected) {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-spin-'));
  const run = (tool, args) =>
    execFileSync(tool, args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const slots = Math.min(24, Math.max(16, Math.ceil(Math.log2(expected)) + 2));
  try {
    writeFileSync(join(dir, 'machine.pml'), text);
    run('spin', ['-a', '-DCHECK', 'machine.pml']);
    run('cc', [expected > 1e5 ? '-O1' : '-O0', '-w', '-DNOREDUCE', '-DSAFETY', '-o', 'pan', 'pan.c']);
    const { stdout } = spawnSync('./pan', ['-m2000000', `-w${slots}`, '-E', '-c0'], {
      cwd: dir,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const states = Number(/(\d+) states, stored/.exec(stdout)?.[1] ?? Number.NaN);
    const errors = Number(/errors: (\d+)/.exec(stdout)?.[1] ?? Number.NaN);
    return { states, unsafe: errors > 0, complete: !/max search depth too small|out of memory/.test(stdout) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Each program by both; `dist`: the compiled sources. */
export async function compareWithSpin(dist, programs = PROGRAMS) {
  const load = (path) => import(pathToFileURL(join(dist, `${path}.js`)).href);
  const { DEFAULTS, machineOf } = await load('machine/scenario');
  const { compile } = await load('machine/compile');
  const { search } = await load('explore/search');
  const { readProgramFile } = await load('explore/program-file');
  const files = new URL('../../fixtures/explore/', import.meta.url);
  const { toPromela } = await load('explore/promela');
  return programs.map(([title, scenario]) => {
    const { file, over } = scenario;
    const asked =
      file === undefined
        ? { ...DEFAULTS, ...scenario }
        : readProgramFile(readFileSync(new URL(file, files), 'utf8'), file, over);
    const machine = machineOf(asked);
    const own = search(compile(machine), {
      maxStates: 1e7,
      maxBytes: 2e9,
      symmetry: false,
      edges: false,
      reduce: false,
    });
    const theirs = spin(toPromela(machine), own.states);
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
