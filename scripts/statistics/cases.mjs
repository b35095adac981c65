// Writes random cases and what this project makes of them as JSON, for against-scipy.py.
//   node scripts/statistics/cases.mjs [cases] [--dist FOLDER]
import { distFolder, library } from './library.mjs';

const lib = await library(distFolder(process.argv));
const [count = 300] = process.argv
  .slice(2)
  .filter((a) => /^\d+$/.test(a))
  .map(Number);
const random = lib.seededRandom(20241114);
const int = (most) => Math.floor(random() * most);

/** Row counts of very different sizes, with empty rows and ties. */
function counts(rows, size) {
  const middle = 1 + random() * (rows - 2);
  const width = 0.5 + random() * 2;
  return Array.from({ length: rows }, (_, i) => {
    const share = Math.exp(-(((i - middle) / width) ** 2));
    return int(2 + size * share);
  });
}

const out = [];
for (let k = 0; k < count; k++) {
  const rows = 3 + int(12);
  const size = [20, 300, 20000][int(3)];
  const edges = Array.from({ length: rows + 1 }, (_, i) => 256 * 2 ** i);
  const a = counts(rows, size);
  const b = counts(rows, size);
  a[1] += 5;
  b[1] += 5;
  a[2] += 3;
  b[2] += 4;
  const pair = { edges, a, b };
  const tailAt = edges[1 + int(rows - 1)];
  const t = lib.tailExceedance(pair, tailAt);
  const welchA = Array.from({ length: 5 + int(6) }, () => 10 + random());
  const welchB = Array.from({ length: 5 + int(6) }, () => 10.2 + random());
  const q = [0.1, 0.5, 0.9, 0.99][int(4)];
  out.push({
    edges,
    a,
    b,
    homogeneity: lib.homogeneity(pair),
    ks: lib.kolmogorovSmirnov(pair),
    mannWhitney: lib.mannWhitney(pair),
    superiority: lib.superiority(pair),
    distances: lib.distances(pair),
    tail: t,
    welchA,
    welchB,
    welch: reaches(lib, welchA, welchB),
    normalQuantile: [0.001 + 0.998 * random()].map((p) => [p, lib.normalQuantile(p)])[0],
    quantile: { q, rank: lib.quantileInterval({ edges, counts: a }, q).rank },
    mean: lib.meanBounds({ edges, counts: a }),
  });
}
process.stdout.write(JSON.stringify(out));

/** Difference and half widths at 95 %: with 5 runs a side and more Welch's own. */
function reaches(lib, a, b) {
  const exact = (values) => ({ values, resolution: values.map(() => 0) });
  const n = Math.min(a.length, b.length);
  const welch = lib.contrastOfRuns(exact(a), exact(b), 0.05);
  const pairs = lib.contrastOfPairs(exact(a.slice(0, n)), exact(b.slice(0, n)), 0.05);
  return {
    difference: welch.value,
    welch: welch.high - welch.value,
    paired: { difference: pairs.value, reach: pairs.high - pairs.value },
  };
}
