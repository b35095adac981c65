// What-if's plan against simulate's log, over all variants and workloads: 630 pairs, none may differ.
// Usage: npm run build && node scripts/drift.mjs
import { drift } from './drift/pairs.mjs';

const load = (path) => import(new URL(`../dist/src/${path}.js`, import.meta.url));
const { simulate } = await load('simulate/simulate');
const { completeWorkload } = await load('simulate/workload');
const { whatIf } = await load('what-if/what-if');

const r = await drift({ simulate, completeWorkload, whatIf });
for (const example of r.examples) console.log(example);
console.log(
  `${r.pairs} pairs: ${r.differ} differ, ${r.refused} refused; ${r.notReproduced} logs whose own plan is not reproduced`,
);
process.exitCode = r.differ + r.refused + r.notReproduced > 0 ? 1 : 0;
