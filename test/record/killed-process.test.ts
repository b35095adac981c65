import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand, ROOT } from '../support/built.js';
import { partOf } from '../support/part.js';
import { debian616 } from './support/kernels.js';

// `pttrace record` as a process on a folder with the rules of tracefs, ended by a signal in the middle of its changes.
// Every step is tried in killed.test.ts, without processes.

const RULES = pathToFileURL(join(ROOT, 'test/record/support/tracefs-on-disk.mjs')).href;
let dir = '';
let clean = '';

beforeAll(() => {
  builtCommand();
  dir = mkdtempSync(join(tmpdir(), 'pttrace-test-'));
  clean = join(dir, 'tracing');
  const kernel = debian616();
  mkdirSync(join(clean, 'instances/somebody'), { recursive: true });
  const files = {
    trace: '',
    kprobe_events: 'p:kprobes/mine do_exit\n',
    kprobe_profile: '  mine 3 1\n',
    available_events: [...kernel.events!].join('\n'),
    available_filter_functions: [...kernel.functions!].join('\n'),
    available_tracers: 'function nop\n',
    trace_clock: '[local] mono\n',
    'instances/somebody/trace_clock': 'mono\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(clean, name), text);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Every path below a folder, with its bytes. */
function bytesOf(folder: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return new Map(
    paths.map((path) => {
      const full = join(folder, path);
      return [path, statSync(full).isDirectory() ? 'a folder' : readFileSync(full, 'latin1')];
    }),
  );
}

let made = 0;
function tracefs(): string {
  const folder = join(dir, String(made++));
  cpSync(clean, folder, { recursive: true });
  return folder;
}

function pttrace(root: string, args: readonly string[], end: Record<string, string> = {}) {
  const ran = spawnSync(
    'node',
    ['--import', RULES, join(ROOT, 'bin/run.js'), 'record', '--tracefs', root, ...args],
    {
      encoding: 'utf8',
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, TRACEFS_ROOT: root, ...end },
    },
  );
  return { ...ran, changes: Number(ran.output[3]?.trim().split('\n').at(-1) ?? 0) };
}

const record = (root: string, end: Record<string, string> = {}) =>
  pttrace(root, ['-o', join(dir, 'out.gz'), '--buffer-size', '64K', '--', 'true'], end);

describe('a recording that is ended', () => {
  /** Changes that a whole recording makes. */
  let whole = 0;

  test('by nobody leaves tracefs as it was', () => {
    const root = tracefs();
    const { status, stderr, changes } = record(root);
    expect(status, stderr).toBe(0);
    expect(changes).toBeGreaterThan(80);
    whole = changes;
    expect(bytesOf(root)).toEqual(bytesOf(clean));
  });

  test.each([0.4, 0.98].slice(-partOf(2, 1)))(
    'by SIGKILL after %d of its changes: record --cleanup restores',
    (part) => {
      const root = tracefs();
      const at = Math.floor(whole * part);
      const { signal } = record(root, { TRACEFS_END_AT: String(at), TRACEFS_END_WITH: 'SIGKILL' });
      expect(signal).toBe('SIGKILL');
      expect(bytesOf(root)).not.toEqual(bytesOf(clean));
      const cleaned = pttrace(root, ['--cleanup']);
      expect(cleaned.status, cleaned.stderr).toBe(0);
      expect(bytesOf(root)).toEqual(bytesOf(clean));
    },
  );

  test('by SIGTERM in the middle: it restores by itself', () => {
    const root = tracefs();
    const { status } = record(root, { TRACEFS_END_AT: '60', TRACEFS_END_WITH: 'SIGTERM' });
    expect(status).toBe(143);
    expect(bytesOf(root)).toEqual(bytesOf(clean));
  });
});
