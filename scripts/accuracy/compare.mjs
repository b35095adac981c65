import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Kernel folder → variant its recordings are of. */
const KERNELS = {
  n: { folder: '6.12.117-lab-n', variant: 'A1' },
  semi: { folder: '6.12.117-lab-semi', variant: 'A2' },
  y: { folder: '6.12.117-lab-y', variant: 'C' },
};
const WORKLOADS = [
  { file: 'ftrace-kprobes.txt.gz', series: 'munmap' },
  { file: 'mt-munmap.txt.gz', series: 'munmap' },
  { file: 'gup-munmap.txt.gz', series: 'munmap' },
  { file: 'slowpath-failpagealloc.txt.gz', series: 'munmap' },
  { file: 'slowpath-function.txt.gz', series: 'munmap' },
  { file: 'exit-mmap.txt.gz', series: 'exit_mmap' },
  { file: 'function_graph.txt.gz', series: 'munmap' },
];
const ROUNDS = 1000;
const SEED = 20_241_031;

/** One row per workload and direction. Only the source recording is read to predict; the other only to judge. */
export async function compareAll(dist, recordings) {
  const { whatIfDetail } = await import(new URL('src/what-if/what-if.js', dist));
  const lib = await import(new URL('src/latency/resampling.js', dist));
  const rows = [];
  for (const { file, series } of WORKLOADS) {
    const sides = Object.entries(KERNELS).filter(([, k]) => existsSync(join(recordings, k.folder, file)));
    for (const [fromId, from] of sides) {
      for (const [toId, to] of sides) {
        if (fromId === toId) continue;
        const run = (kernel, target) =>
          whatIfDetail({
            paths: [join(recordings, kernel.folder, file)],
            target,
            variants: [kernel.variant],
          });
        const predicted = await run(from, to.variant);
        const truth = await run(to, to.variant);
        rows.push({ file, series, from: fromId, to: toId, ...judge(lib, predicted, truth, series) });
      }
    }
  }
  return rows;
}

function judge(lib, predicted, truth, name) {
  if (predicted.report.refused || truth.report.refused) {
    return { refused: predicted.report.refused ?? truth.report.refused };
  }
  const p = predicted.series.find((s) => s.name === name);
  const t = truth.series.find((s) => s.name === name);
  if (!p || !t || p.recorded.length === 0 || t.recorded.length === 0) return { missing: true };
  const source = p.recorded;
  const target = t.recorded;
  return {
    calls: [source.length, target.length],
    quantiles: [0.5, 0.99].map((q) => ({
      q,
      source: quantile(source, q),
      predicted: quantile(p.predicted, q),
      recorded: quantile(target, q),
    })),
    ks: { none: ks(source, target), predicted: ks(p.predicted, target) },
    wasserstein: { none: wasserstein(source, target), predicted: wasserstein(p.predicted, target) },
    own: own(p, t),
    noise: noise(lib, source, target),
    gain: gain(lib, source, p.predicted, target),
    structure: structure(predicted.shapes, truth.shapes),
    deferred: {
      predicted: predicted.report.deferred.after.peakTables,
      recorded: truth.report.deferred.before.peakTables,
      none: predicted.report.deferred.before.peakTables,
    },
    reproduced: predicted.report.gathers,
  };
}

const sorted = (a) => Float64Array.from(a).sort();
const quantile = (a, q) => sorted(a)[Math.max(0, Math.ceil(q * a.length) - 1)];

/** Largest distance of the two distribution functions. */
export function ks(a, b) {
  const x = sorted(a);
  const y = sorted(b);
  let i = 0;
  let j = 0;
  let most = 0;
  while (i < x.length && j < y.length) {
    const v = Math.min(x[i], y[j]);
    while (i < x.length && x[i] === v) i++;
    while (j < y.length && y[j] === v) j++;
    most = Math.max(most, Math.abs(i / x.length - j / y.length));
  }
  return most;
}

/** Wasserstein-1: the area between the two distribution functions, in ns. */
export function wasserstein(a, b) {
  const x = sorted(a);
  const y = sorted(b);
  const all = sorted([...x, ...y]);
  let i = 0;
  let j = 0;
  let area = 0;
  for (let k = 0; k + 1 < all.length; k++) {
    while (i < x.length && x[i] <= all[k]) i++;
    while (j < y.length && y[j] <= all[k]) j++;
    area += Math.abs(i / x.length - j / y.length) * (all[k + 1] - all[k]);
  }
  return area;
}

/**
 * Medians of the two parts of a call: the code every kernel shares (up to the first table, and the flushes), and the free
 * path's own steps.
 */
function own(p, t) {
  const n = p.recorded.length;
  const steps = (values, shared) =>
    quantile(
      values.map((v, i) => v - shared[i % shared.length]),
      0.5,
    );
  return {
    shared: { source: quantile(p.shared, 0.5), recorded: quantile(t.shared, 0.5) },
    steps: {
      source: steps(p.recorded, p.shared),
      predicted: n === 0 ? Number.NaN : steps(p.predicted, p.shared),
      recorded: steps(t.recorded, t.shared),
    },
  };
}

/** Do the two recordings differ by more than calls of one recording do? 95 % interval of the ratio of medians. */
function noise(lib, source, target) {
  const r = lib.blockBootstrap(source, target, (a, b) => Math.log(quantile(b, 0.5) / quantile(a, 0.5)), {
    random: lib.seededRandom(SEED),
    rounds: ROUNDS,
  });
  const [low, high] = [Math.exp(r.low), Math.exp(r.high)];
  return { ratio: Math.exp(r.estimate), low, high, differ: low > 1 || high < 1 };
}

/** Wasserstein distance of "no change" less that of the prediction, with a 95 % interval: above 0 is better. */
function gain(lib, source, predicted, target) {
  const random = lib.seededRandom(SEED + 1);
  const n = source.length;
  const runs = predicted.length / n;
  const block = Math.max(1, Math.ceil(Math.min(n, target.length) ** (1 / 3)));
  const draw = (length) => {
    const at = [];
    while (at.length < length) {
      const start = Math.floor(random() * length);
      for (let k = 0; k < block && at.length < length; k++) at.push((start + k) % length);
    }
    return at;
  };
  const values = [];
  for (let r = 0; r < ROUNDS; r++) {
    const calls = draw(n);
    const run = Math.floor(random() * runs);
    const t = draw(target.length).map((i) => target[i]);
    const none = calls.map((i) => source[i]);
    const with_ = calls.map((i) => predicted[run * n + i]);
    values.push(wasserstein(none, t) - wasserstein(with_, t));
  }
  values.sort((a, b) => a - b);
  const at = (q) => values[Math.max(0, Math.ceil(q * ROUNDS) - 1)];
  const value = wasserstein(source, target) - wasserstein(predicted, target);
  return { value, low: at(0.025), high: at(0.975) };
}

const STRUCTURE = [
  'flushes',
  'flushIpis',
  'syncRounds',
  'syncIpis',
  'batchCalls',
  'singleCalls',
  'deferredTables',
  'inlineTables',
];

/** Counts per gather, over the shapes both recordings have; exact: equal for every one of those shapes. */
function structure(predicted, truth) {
  const both = predicted
    .map((p) => ({ p, t: truth.find((t) => t.shape === p.shape) }))
    .filter((x) => x.t !== undefined);
  const value = (shape, name, when) => shape.counts.find((c) => c.name === name)[when];
  return {
    shapes: both.length,
    gathers: [both.reduce((s, x) => s + x.p.gathers, 0), both.reduce((s, x) => s + x.t.gathers, 0)],
    counts: STRUCTURE.map((name) => {
      const rows = both.map(({ p, t }) => ({
        none: each(value(p, name, 'before'), p.gathers),
        predicted: each(value(p, name, 'after'), p.gathers),
        recorded: each(value(t, name, 'before'), t.gathers),
        weight: t.gathers,
      }));
      const mean = (key) => {
        const known = rows.filter((r) => r[key] !== null);
        const weight = known.reduce((s, r) => s + r.weight, 0);
        return known.length < rows.length || weight === 0
          ? null
          : known.reduce((s, r) => s + r[key] * r.weight, 0) / weight;
      };
      const known = rows.every((r) => r.recorded !== null && r.predicted !== null);
      return {
        name,
        none: mean('none'),
        predicted: mean('predicted'),
        recorded: mean('recorded'),
        exact: known ? rows.filter((r) => Math.abs(r.predicted - r.recorded) < 1e-9).length : null,
      };
    }),
  };
}

const each = (n, gathers) => (n === null ? null : n / gathers);
