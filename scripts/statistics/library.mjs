/** The built functions the scripts here need, from `dist` (or the folder given). */
export async function library(dist = new URL('../../dist/', import.meta.url)) {
  const modules = [
    'between-runs',
    'binned',
    'bootstrap-shifts',
    'compare',
    'compare-runs',
    'distribution',
    'effect-sizes',
    'equivalence',
    'hypothesis-tests',
    'intervals',
    'log-linear',
    'resampling',
    'shifts',
    'special-functions',
    'two-variances',
  ];
  const lib = {};
  for (const name of modules) Object.assign(lib, await import(new URL(`src/latency/${name}.js`, dist)));
  lib.bodyTest = (pair) => {
    const body = lib.bodyOnly(pair);
    return body === null ? null : lib.homogeneity(body.pair);
  };
  return lib;
}

/** `--dist FOLDER` on the command line. */
export function distFolder(argv) {
  const at = argv.indexOf('--dist');
  return at < 0 ? undefined : new URL(`file://${argv[at + 1].replace(/\/?$/, '/')}`);
}

/** What the simulation of runs needs: all of `compare`. */
export async function compareLibrary(dist = new URL('../../dist/', import.meta.url)) {
  const modules = [
    'compare/compare',
    'compare/inference',
    'compare/conditions',
    'compare/fail-if',
    'compare/run-values',
    'latency/histogram/distribution',
    'latency/histogram/binned',
    'latency/statistics/between-runs',
    'latency/statistics/resampling',
  ];
  const lib = {};
  for (const name of modules) Object.assign(lib, await import(new URL(`src/${name}.js`, dist)));
  return lib;
}
