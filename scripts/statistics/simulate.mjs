// False-positive rates and interval coverage over synthetic pairs; prints the table of docs/statistics.md:
//   node scripts/statistics/simulate.mjs [pairs] [bootstrap pairs] [--dist FOLDER]
import { distFolder, library } from './library.mjs';
import { simulate } from './simulation.mjs';

const [pairs = 2000, bootstrapPairs = 1000] = process.argv
  .slice(2)
  .filter((a) => /^\d+$/.test(a))
  .map(Number);
const rates = simulate(await library(distFolder(process.argv)), { pairs, bootstrapPairs });
process.stdout.write('| quantity | observed | pairs | stated bounds |\n| --- | --- | --- | --- |\n');
for (const r of rates) {
  const bounds = `${r.least} … ${r.most}${r.within ? '' : ' **outside**'}`;
  process.stdout.write(`| ${r.what} | ${r.rate.toFixed(4)} | ${r.of} | ${bounds} |\n`);
}
process.exitCode = rates.every((r) => r.within) ? 0 : 1;
