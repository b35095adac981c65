// Writes dist/start: what a process and its threads load, as few files. A start opens some 350 modules otherwise, which is a
// quarter of the CPU time of a short run and half of a thread's. The library (dist/src) stays as it was compiled.
// Usage: after tsc and scripts/copy-schema.mjs.
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const start = join(dist, 'start');
const scripts = (folder) => readdirSync(join(dist, folder)).filter((file) => file.endsWith('.js'));

const bundle = await rolldown({
  input: {
    main: join(dist, 'cli/main.js'),
    thread: join(dist, 'src/fleet/thread.js'),
    ...Object.fromEntries(
      scripts('cli/commands').map((file) => [
        `commands/${file.slice(0, -3)}`,
        join(dist, 'cli/commands', file),
      ]),
    ),
  },
  platform: 'node',
  // Dependencies are loaded as they are installed.
  external: (id) => !/^[./]/.test(id),
});
await bundle.write({
  dir: start,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();

// `./thread.js` and `./NAME.schema.json` are looked for beside the module that names them: no such module may lie in a folder.
for (const file of readdirSync(join(dist, 'src/schema'))) {
  if (file.endsWith('.json')) cpSync(join(dist, 'src/schema', file), join(start, file));
}
for (const file of scripts('start/commands')) {
  if (/\bimport\.meta\.url\b/.test(readFileSync(join(start, 'commands', file), 'utf8')))
    throw new Error(`dist/start/commands/${file} looks for a file beside itself`);
}
