// Loaded before `pttrace record --tracefs DIR` (node --import): gives the folder DIR the rules of tracefs, and may end the
// process before its change number TRACEFS_END_AT with the signal TRACEFS_END_WITH. The folder lives on in between, so what
// one process leaves behind another one finds.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join, relative } from 'node:path';

const root = process.env.TRACEFS_ROOT;
const endAt = Number(process.env.TRACEFS_END_AT ?? -1);
const signal = process.env.TRACEFS_END_WITH ?? 'SIGKILL';
const INSTANCE = {
  trace: '',
  trace_marker: '',
  tracing_on: '1\n',
  trace_clock: '[local] mono\n',
  buffer_size_kb: '1408\n',
};
const { mkdirSync, rmdirSync, appendFileSync, writeFileSync, readFileSync, openSync, closeSync } = fs;
let changes = 0;

/** Written without those functions of Node that are built on each other. */
function put(path, text, flags) {
  const fd = openSync(path, flags);
  fs.writeSync(fd, text);
  closeSync(fd);
}
const inside = (path) => typeof path === 'string' && path.startsWith(`${root}/`);
const change = () => {
  if (changes++ === endAt) process.kill(process.pid, signal);
  fs.writeSync(3, `${changes}\n`);
};
const refused = (code, path) => Object.assign(new Error(`${code}: ${path}`), { code });

function empty(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) empty(path);
    else fs.unlinkSync(path);
  }
  rmdirSync(folder);
}

fs.mkdirSync = (path, ...rest) => {
  if (!inside(path)) return mkdirSync(path, ...rest);
  change();
  mkdirSync(path);
  for (const [name, text] of Object.entries(INSTANCE)) put(join(path, name), text, 'w');
  mkdirSync(join(path, 'options'));
  put(join(path, 'options/hash-ptr'), '1\n', 'w');
  mkdirSync(join(path, 'per_cpu'));
};
fs.rmdirSync = (path, ...rest) => {
  if (!inside(path)) return rmdirSync(path, ...rest);
  change();
  empty(path);
};
fs.writeFileSync = (path, text, ...rest) => {
  if (!inside(path)) return writeFileSync(path, text, ...rest);
  change();
  if (relative(root, path).includes('/events/')) mkdirSync(dirname(path), { recursive: true });
  else if (!fs.existsSync(path)) throw refused('ENOENT', path);
  put(path, text, 'w');
};
fs.appendFileSync = (path, text, ...rest) => {
  if (!inside(path)) return appendFileSync(path, text, ...rest);
  change();
  const line = String(text).trim();
  if (!path.endsWith('kprobe_events')) return put(path, text, 'a');
  const known = readFileSync(path, 'utf8');
  const removed = /^-:(\S+)$/.exec(line)?.[1];
  if (removed === undefined) return put(path, `${line}\n`, 'a');
  const left = known.split('\n').filter((l) => !l.split(' ')[0].endsWith(`:${removed}`));
  put(path, left.join('\n'), 'w');
};
fs.openSync = (path, flags, ...rest) => {
  if (inside(path) && flags === 'w') change();
  return openSync(path, flags, ...rest);
};
syncBuiltinESMExports();
