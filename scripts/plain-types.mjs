// The shipped types as TypeScript 5.4 can read them: typed arrays took a type parameter in 5.7, iterators of maps a name
// of their own in 5.6. Usage, after tsc: node scripts/plain-types.mjs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');
const TYPED_ARRAY = /\b((?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array|DataView)<ArrayBuffer(?:Like)?>/g;
const ITERATOR = /\b(?:Map|Set|Array)Iterator</g;

for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue;
  const file = join(dist, name);
  const text = readFileSync(file, 'utf8');
  const plain = text.replace(TYPED_ARRAY, '$1').replace(ITERATOR, 'IterableIterator<');
  if (plain !== text) writeFileSync(file, plain);
}
