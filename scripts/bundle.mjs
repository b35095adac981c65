// Writes dist/start: what a process and its threads load, as few files. A start opens some 350 modules otherwise, which is a
// quarter of the CPU time of a short run and half of a thread's. The library (dist/src) stays as it was compiled. Of oclif the
// parts that a command needs are in it: its index opens 300 more files, which was half of a start.
// Usage: after tsc and scripts/copy-schema.mjs.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const start = join(dist, 'start');
const isOwn = (importer) => importer === undefined || importer.startsWith(dist);
const scripts = (folder) => readdirSync(join(dist, folder)).filter((file) => file.endsWith('.js'));

/** What cli/ imports of oclif, without its index, which loads all of it. */
const PARTS = `export { run } from '@oclif/core/run';
export { flush } from '@oclif/core/flush';
export { Command } from '@oclif/core/command';
export * as Args from '@oclif/core/args';
export * as Flags from '@oclif/core/flags';
`;
/** Finds commands where there is no manifest; every built checkout has one. */
const NO_GLOB = `export const glob = () => Promise.reject(new Error('oclif.manifest.json is missing'));\n`;
const INSTEAD = { '@oclif/core': PARTS, tinyglobby: NO_GLOB };
const ofOclif = {
  name: 'parts-of-oclif',
  resolveId: (id) => (id in INSTEAD ? `\0${id}` : null),
  load: (id) => INSTEAD[id.slice(1)] ?? null,
};

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
  plugins: [ofOclif],
  // Other dependencies are loaded as they are installed; what oclif depends on is in it, but what it looks for in a project.
  external: (id, importer) =>
    isBuiltin(id) || id === 'typescript' || (/^[^./\0]/.test(id) && isOwn(importer) && !(id in INSTEAD)),
  transform: { define: { __dirname: 'import.meta.dirname' } },
});
const { output } = await bundle.write({
  dir: start,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();

/** Folders of the packages of which code was taken. */
const packages = new Set(
  output
    .flatMap((chunk) => Object.keys(chunk.modules ?? {}))
    .map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0])
    .filter((folder) => folder !== undefined),
);
const notices = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : ''}\n`;
});
writeFileSync(join(start, 'LICENSES.txt'), notices.join(`\n${'-'.repeat(72)}\n\n`));

// `./thread.js` and `./NAME.schema.json` are looked for beside the module that names them: no such module may lie in a folder.
for (const file of readdirSync(join(dist, 'src/schema'))) {
  if (file.endsWith('.json')) cpSync(join(dist, 'src/schema', file), join(start, file));
}
for (const file of scripts('start/commands')) {
  if (/\bimport\.meta\.url\b/.test(readFileSync(join(start, 'commands', file), 'utf8')))
    throw new Error(`dist/start/commands/${file} looks for a file beside itself`);
}
