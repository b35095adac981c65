// A `pttrace` for shell scripts that run it many times: a small program asks one process, which has its code loaded and
// compiled, and leaves what it printed and its exit status. Where the process itself matters, start bin/run.js.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runCommand } from './in-process.mjs';
import { keepThreads } from './warm-threads.mjs';

/** What no command was asked for ends with: the process that answers has broken. */
const BROKEN = 99;

/**
 * Path of a program `pttrace` that runs a built one in a process of its own, which ends with this one.
 * Standard error comes behind standard output; a command that reads standard input is started as ever.
 */
export function warmProgram(root) {
  const dir = mkdtempSync(join(tmpdir(), 'pttrace-warm-'));
  const ask = join(dir, 'ask');
  const made = spawnSync('mkfifo', [ask], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`mkfifo ${ask}: ${made.stderr}`);
  // Open for reading and writing from here on: what is asked before the other process listens is not lost.
  const asked = openSync(ask, constants.O_RDWR | constants.O_NONBLOCK);
  // Its standard input ends with this process, however that ends.
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), root, dir], {
    stdio: ['pipe', 'ignore', 'inherit', asked],
  });
  closeSync(asked);
  server.unref();
  server.stdin.unref();
  const program = join(dir, 'pttrace');
  writeFileSync(program, clientOf(root, dir, ask), { mode: 0o755 });
  return program;
}

const clientOf = (root, dir, ask) => `#!/bin/sh
case " $* " in
*" - "*) exec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@" ;;
esac
[ -p "${ask}" ] && mine=$(mktemp -d "${dir}/XXXXXX") && mkfifo "$mine/status" || exit ${BROKEN}
printf '%s\\0' "$(pwd -P)" "$@" >"$mine/args"
env -0 >"$mine/env"
echo "$mine" 1<>"${ask}"
status=$(timeout 300 cat "$mine/status")
cat "$mine/out"
cat "$mine/err" >&2
rm -r "$mine"
exit "\${status:-${BROKEN}}"
`;

const words = (path) => readFileSync(path, 'utf8').split('\0').slice(0, -1);

/** Variables as `given`, and no others; those of the shell itself say nothing, and would tell threads apart. */
function environment(given) {
  const env = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  for (const word of given) {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(word);
    if (!/^(?:_|SHLVL|OLDPWD)$/.test(name)) env[name] = value;
  }
  return env;
}

async function answer(root, place) {
  const [cwd, ...args] = words(join(place, 'args'));
  const env = environment(words(join(place, 'env')));
  const { status, stdout, stderr } = await runCommand(root, args, { cwd, env });
  writeFileSync(join(place, 'out'), stdout);
  writeFileSync(join(place, 'err'), stderr);
  return status;
}

/** Answers one after the other: streams, environment and folder belong to the process. */
async function serve(root, dir) {
  const ask = join(dir, 'ask');
  const open = new Set();
  process.stdin.on('end', () => process.exit()).resume();
  process.on('exit', () => {
    rmSync(ask, { force: true });
    // Whoever waits would wait for ever.
    for (const place of open) {
      const fd = openSync(join(place, 'status'), constants.O_RDWR | constants.O_NONBLOCK);
      writeFileSync(fd, `${BROKEN}\n`);
      closeSync(fd);
    }
    if (open.size === 0) rmSync(dir, { recursive: true, force: true });
  });
  keepThreads();
  const input = new Socket({ fd: 3, readable: true, writable: false });
  for await (const place of createInterface({ input })) {
    open.add(place);
    const status = await answer(root, place);
    await writeFile(join(place, 'status'), `${status}\n`);
    open.delete(place);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2], process.argv[3]);
