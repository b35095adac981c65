// Runs a built `pttrace ARGS…` inside this process: what it prints, and the exit code it would leave with.
import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

class Exit extends Error {
  constructor(code) {
    super(`process.exit(${code})`);
    this.code = code;
  }
}

class Captured extends Writable {
  chunks = [];
  _write(chunk, _encoding, done) {
    this.chunks.push(chunk);
    done();
  }
  get bytes() {
    return Buffer.concat(this.chunks);
  }
}

/** Puts a value in the place of a property of `object`; returns what undoes it. */
function replace(object, name, value) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true, enumerable: true });
  return () => {
    if (before) Object.defineProperty(object, name, before);
    else delete object[name];
  };
}

/** Variables of the environment set, or removed where undefined; returns what undoes it. */
function setEnv(env) {
  const before = Object.keys(env).map((name) => [name, process.env[name]]);
  const put = ([name, value]) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  Object.entries(env).forEach(put);
  return () => before.forEach(put);
}

const { writeSync } = fs;
let descriptor = null;

/**
 * `convert` writes to descriptor 1 itself. Replaced once and for all: to tell every importer of `node:fs` takes longer than a
 * short command.
 */
function catchDescriptor(stdout) {
  if (fs.writeSync === writeSync) {
    fs.writeSync = (fd, data, ...rest) => {
      if (fd !== 1 || descriptor === null) return writeSync(fd, data, ...rest);
      descriptor.write(Buffer.from(data));
      return data.length;
    };
    syncBuiltinESMExports();
  }
  descriptor = stdout;
  return () => {
    descriptor = null;
  };
}

/**
 * `root`: a built checkout. `options`: `input` (text, bytes or a stream as standard input; nothing by default), `env`
 * (variables to set, or to remove where undefined), `cwd`, `terminal` (`{ columns }`: both outputs are a terminal).
 * One at a time: streams, environment and folder belong to the process.
 * Returns `{ status, stdout, stderr }`, the streams as bytes.
 */
export async function runCommand(root, args, { input = '', env = {}, cwd = root, terminal } = {}) {
  // Checkouts of before have no bundle, and only the entry of the process.
  const entry = ['dist/start/main.js', 'dist/cli/main.js']
    .map((path) => join(root, path))
    .find(fs.existsSync);
  const { execute, main } = await import(pathToFileURL(entry).href);
  const [stdout, stderr] = [new Captured(), new Captured()];
  if (terminal) for (const stream of [stdout, stderr]) Object.assign(stream, { isTTY: true, ...terminal });
  const given = input.length > 0 ? [Buffer.from(input)] : [];
  const stdin = input instanceof Readable ? input : Readable.from(given, { objectMode: false });
  const [folder, exitCode] = [process.cwd(), process.exitCode];
  const undo = [
    replace(process, 'stdin', stdin),
    replace(process, 'stdout', stdout),
    replace(process, 'stderr', stderr),
    replace(process, 'exit', (code) => {
      throw new Exit(code ?? process.exitCode ?? 0);
    }),
    setEnv(env),
    catchDescriptor(stdout),
    // The console keeps the streams it began with; help is printed by it.
    ...['log', 'info'].map((how) => replace(console, how, (...what) => stdout.write(`${format(...what)}\n`))),
    ...['error', 'warn'].map((how) =>
      replace(console, how, (...what) => stderr.write(`${format(...what)}\n`)),
    ),
  ];
  process.exitCode = undefined;
  process.chdir(cwd);
  let status;
  try {
    await (execute ?? main)(pathToFileURL(join(root, 'bin/run.js')).href, [...args]);
    status = process.exitCode ?? 0;
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    status = error.code;
  } finally {
    process.chdir(folder);
    for (const back of undo.reverse()) back();
    process.exitCode = exitCode;
  }
  return { status, stdout: stdout.bytes, stderr: stderr.bytes };
}
