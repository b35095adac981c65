import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
const LOCK = join(ROOT, 'node_modules/.pttrace-build');
const STAMP = join(ROOT, 'oclif.manifest.json');

let known = false;

function newest(dir: string): number {
  let latest = 0;
  for (const name of readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })) {
    if (!/\.(?:ts|json)$/.test(name)) continue;
    latest = Math.max(latest, statSync(join(ROOT, dir, name)).mtimeMs);
  }
  return latest;
}

const fresh = (): boolean =>
  existsSync(join(ROOT, 'dist/start/main.js')) &&
  existsSync(STAMP) &&
  statSync(STAMP).mtimeMs > Math.max(newest('src'), newest('cli'));

/** The command as users start it; built first if the sources are newer, by one test process at a time. */
export function builtCommand(): string {
  const bin = join(ROOT, 'bin/run.js');
  // Asked for before each command: looking at every source file takes as long as many of these.
  if (known) return bin;
  for (let tries = 0; !fresh(); tries++) {
    try {
      mkdirSync(LOCK);
    } catch {
      // Another process builds. A lock left behind by a killed one is broken after two minutes.
      if (existsSync(LOCK) && Date.now() - statSync(LOCK).mtimeMs > 120_000) rmdirSync(LOCK);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      if (tries > 1000) throw new Error('the build did not end');
      continue;
    }
    try {
      const run = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, encoding: 'utf8' });
      if (run.status !== 0) throw new Error(`npm run build: ${run.stdout}${run.stderr}`);
    } finally {
      rmdirSync(LOCK);
    }
  }
  known = true;
  return bin;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `pttrace ARGS…` from the project's root. */
export function pttrace(
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string>; cwd?: string } = {},
): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [builtCommand(), ...args], {
    cwd: options.cwd ?? ROOT,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    ...(options.input === undefined ? {} : { input: options.input }),
    env: { ...process.env, ...options.env },
  });
  return { status, stdout, stderr };
}
