// Writes the manual pages into dist/man: made from what the commands say of themselves. Usage: after scripts/manifest.mjs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { manualPages } from '../dist/cli/manual/man.js';
import { readManifest } from '../dist/cli/manual/manifest.js';

const folder = new URL('../dist/man/', import.meta.url);
mkdirSync(folder, { recursive: true });
const manifest = readManifest(new URL('../oclif.manifest.json', import.meta.url));
for (const [name, text] of Object.entries(manualPages(manifest))) writeFileSync(new URL(name, folder), text);
