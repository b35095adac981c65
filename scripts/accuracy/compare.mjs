import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { rawCounts } from './raw-counts.mjs';

/** Kernel folder → variant its recordings are of. */
const KERNELS = {
  n: { folder: '6.12.117-lab-n', variant: 'A1' },
  semi: { folder: '6.12.117-lab-semi', variant: 'A2' },
  y: { folder: '6.12.117-lab-y', variant: 'C' },
  debian: { folder: 'debian-6.16.12', variant: 'C' },
};
/** What the model was made with. */
const LAB = ['n', 'semi', 'y'];
const WORKLOADS = [
  { file: 'ftrace-kprobes.txt.gz', series: 'munmap' },
  { file: 'mt-munmap.txt.gz', series: 'munmap' },
  { file: 'gup-munmap.txt.gz', series: 'munmap' },
  { file: 'slowpath-failpagealloc.txt.gz', series: 'munmap' },
  { file: 'slowpath-function.txt.gz', series: 'munmap' },
  { file: 'exit-mmap.txt.gz', series: 'exit_mmap' },
  { file: 'function_graph.txt.gz', series: 'munmap' },
];
/** Recordings that were looked at only after the model and its notes were done: no number in them was set by these. */
const UNSEEN = [
  { file: 'ftrace-function-events.txt.gz', series: 'munmap' },
  { file: 'ftrace-function-events-mono.txt.gz', series: 'munmap' },
  { file: 'ftrace-kprobes-nohash.txt.gz', series: 'munmap' },
];
const RAW = ['ftrace-kprobes', 'mt-munmap', 'gup-munmap', 'slowpath-failpagealloc', 'exit-mmap'];
const ROUNDS = 1000;
const SEED = 20_241_031;

/**
 * One row per workload and direction. Only the source recording is read to predict; the other only to judge.
 * `developed`: the workloads of the lab kernels that the model was made with; `unseen`: the others, and every pair with
 * the Debian kernel; `raw`: the counts of pttrace beside those of the raw lines.
 */
export async function compareAll(dist, recordings) {
  const { whatIfDetail } = await import(new URL('src/what-if/what-if.js', dist));
  const { NO_BETTER, NO_CHANGE } = await import(new URL('src/what-if/report.js', dist));
  const lib = await import(new URL('src/latency/statistics/resampling.js', dist));
  const path = (kernel, file) => join(recordings, KERNELS[kernel].folder, file);
  const known = new Map();
  const run = (kernel, file, target) => {
    const key = `${kernel} ${file} ${target}`;
    if (!known.has(key)) {
      const asked = { paths: [path(kernel, file)], target, variants: [KERNELS[kernel].variant] };
      known.set(key, whatIfDetail(asked));
    }
    return known.get(key);
  };
  const rows = async (workloads, wanted) => {
    const out = [];
    for (const { file, series } of workloads) {
      const sides = Object.keys(KERNELS).filter((k) => existsSync(path(k, file)));
      for (const from of sides) {
        for (const to of sides) {
          if (KERNELS[from].variant === KERNELS[to].variant || !wanted(from, to)) continue;
          const predicted = await run(from, file, KERNELS[to].variant);
          const truth = await run(to, file, KERNELS[to].variant);
          const { notes } = predicted.report;
          const says = notes.includes(NO_BETTER)
            ? 'hardly better'
            : notes.includes(NO_CHANGE)
              ? 'no change'
              : '';
          out.push({ file, series, from, to, says, ...judge(lib, predicted, truth, series) });
        }
      }
    }
    return out;
  };
  const lab = (...kernels) => kernels.every((k) => LAB.includes(k));
  const developed = await rows(WORKLOADS, lab);
  const unseen = [
    ...(await rows(UNSEEN, () => true)),
    ...(await rows(WORKLOADS, (...kernels) => !lab(...kernels))),
  ];
  const raw = [];
  for (const name of RAW) {
    const file = `${name}.txt.gz`;
    for (const kernel of LAB.filter((k) => existsSync(path(k, file)))) {
      const { report } = await run(kernel, file, KERNELS[kernel].variant);
      const counts = Object.entries(rawCounts(path(kernel, file))).map(([what, lines]) => ({
        what,
        lines,
        counted: report.counts.find((c) => c.name === what).before,
      }));
      raw.push({ name, kernel, counts });
    }
  }
  return { developed, unseen, raw };
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
