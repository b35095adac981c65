// Long fuzz run by hand: npm run build && node scripts/fuzz.mjs [--inputs N] [--seed S] [--only TARGET]
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fuzz, targets } from './fuzz/targets.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const option = (name, fallback) => {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? fallback : process.argv[i + 1];
};
const inputs = Number(option('inputs', '20000'));
const seed = Number(option('seed', '1'));
const only = option('only', '');

const { list } = await targets(
  (path) => import(pathToFileURL(join(root, 'dist/src', `${path}.js`)).href),
  root,
);
let total = 0;
for (const target of list) {
  if (only !== '' && target.name !== only) continue;
  try {
    total += await fuzz(target, inputs, seed);
  } catch (error) {
    console.log(`FAULT ${error.message}`);
    process.exitCode = 1;
    continue;
  }
  const rss = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(`${target.name.padEnd(20)} ${String(inputs).padStart(9)} inputs, no fault; RSS ${rss} MiB`);
}
console.log(`${total} inputs in all, peak RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
