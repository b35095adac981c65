// docs/accuracy.md: `replay --what-if` against recordings of the kernels it predicts.
// Usage: npm run build && node scripts/accuracy.mjs [--check] [--dist FOLDER]   (needs ../shared/recordings)
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareAll } from './accuracy/compare.mjs';
import { page } from './accuracy/page.mjs';
import { distFolder } from './statistics/library.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const recordings = join(root, '..', 'shared', 'recordings');
const out = join(root, 'docs', 'accuracy.md');
const dist = distFolder(process.argv) ?? new URL('../dist/', import.meta.url);

if (!existsSync(recordings)) {
  console.log('accuracy: no recordings beside the repository, nothing done');
} else {
  const text = page(await compareAll(dist, recordings));
  if (process.argv.includes('--check')) {
    const same = existsSync(out) && readFileSync(out, 'utf8') === text;
    console.log(
      same ? 'docs/accuracy.md is up to date' : 'docs/accuracy.md is not what scripts/accuracy.mjs prints',
    );
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(out, text);
    console.log('docs/accuracy.md written');
  }
}
