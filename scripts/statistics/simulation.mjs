// Synthetic pairs of samples whose truth is known: how often tests cry wolf and intervals miss. The functions under
// test come in as `lib`, so that the same simulation runs on the built library (simulate.mjs) and on the sources
// (test/latency/simulation.test.ts).

/** Standard normal from two uniforms (Box and Muller 1958). */
function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * Latencies in whole ns: log-normal calls around 2 µs, 1 % of them twenty times as long, neighbours correlated by
 * `rho`, all of a run shifted by a normal of `runSd` (logarithms), times `scale`.
 */
export function calls(random, n, { rho = 0, runSd = 0, scale = 1 } = {}) {
  const out = new Float64Array(n);
  const run = runSd * normal(random);
  let x = normal(random);
  for (let i = 0; i < n; i++) {
    x = rho * x + Math.sqrt(1 - rho * rho) * normal(random);
    const slow = random() < 0.01 ? 20 : 1;
    out[i] = Math.round(2000 * scale * slow * Math.exp(run + 0.5 * x));
  }
  return out;
}

/** Values as the rows of hist(). */
const octaves = (lib, values) => lib.binValues(values);

/** Values on their own bins. */
function singles(lib, values) {
  return lib.binned(
    lib.Distribution.of(values)
      .occupiedBins()
      .map(([i, count]) => ({ low: lib.logLinearLow(i), high: lib.logLinearHigh(i) + 1, count })),
  );
}

const inside = (x, truth) => x !== null && x.low <= truth && truth <= x.high;

/**
 * Runs `pairs` pairs (the costly block bootstrap on `bootstrapPairs` of them) and returns one line per quantity:
 * what, how often in how many, and the bounds it must lie in. Bounds leave 4 standard errors of the simulation.
 */
export function simulate(lib, { pairs, bootstrapPairs, seed = 1, n = 400 }) {
  const random = lib.seededRandom(seed);
  const tally = new Map();
  const count = (what, least, most, hit) => {
    const t = tally.get(what) ?? { what, least, most, hits: 0, of: 0 };
    t.hits += hit ? 1 : 0;
    t.of++;
    tally.set(what, t);
  };
  const level = Math.log10(0.05);
  for (let k = 0; k < pairs; k++) {
    const a = calls(random, n);
    const b = calls(random, n);
    const ha = octaves(lib, a);
    const hb = octaves(lib, b);
    const c = lib.compare(ha, hb);
    count('equal: chi2 at 0.05, body rows', 0, 0.06, (lib.bodyTest(c.pair)?.log10PChi2 ?? 0) < level);
    count('equal: KS on rows at 0.05 (conservative on rows)', 0, 0.05, c.kolmogorovSmirnov.log10P < level);
    count('equal: Mann-Whitney at 0.05', 0.04, 0.06, c.mannWhitney.log10P < level);
    const fine = lib.align(singles(lib, a), singles(lib, b));
    count('equal: KS on single values at 0.05', 0.03, 0.055, lib.kolmogorovSmirnov(fine).log10P < level);
    const s = c.superiority;
    const reach = 1.959964 * s.standardError;
    count('equal: 95 % interval of A12 holds 1/2', 0.94, 0.96, Math.abs(s.a12 - 0.5) <= reach);
    const tail = c.tails.find((t) => t.fromNs === 4096);
    count('equal: 95 % interval of the tail ratio at 4 us holds 1', 0.94, 0.97, inside(tail.interval, 1));
    const edge = lib.dkwHalfWidth(n);
    count('equal: CDF bands of 95 % overlap everywhere', 0.95, 1, c.kolmogorovSmirnov.d <= 2 * edge);

    const slower = calls(random, n, { scale: 1.25 });
    for (const q of [0.5, 0.9]) {
      const shift = lib.binnedShift(ha, octaves(lib, slower), q, 0.05);
      count(`1.25 x slower: interval of p${q * 100} from rows holds it`, 0.95, 1, inside(shift.ratio, 1.25));
      const exact = lib.binnedShift(singles(lib, a), singles(lib, slower), q, 0.05);
      count(`1.25 x slower: interval of p${q * 100} from ranks holds it`, 0.95, 1, inside(exact.ratio, 1.25));
    }
    // A12 of two log-normals, sd 0.5 each: Phi(ln c / (0.5 sqrt 2)); at the margin 0.55, c = exp(0.125661 / sqrt 2).
    const atMargin = calls(random, n * 4, { scale: Math.exp(0.1256613 * 0.5 * Math.SQRT2) });
    const e = lib.a12Equivalence(lib.align(singles(lib, calls(random, n * 4)), singles(lib, atMargin)));
    count('A12 at its margin: called equivalent', 0.02, 0.06, e.verdict === 'equivalent');
  }
  for (let k = 0; k < bootstrapPairs; k++) {
    for (const rho of [0, 0.3]) {
      const a = calls(random, n, { rho });
      const b = calls(random, n, { rho, scale: 1.25 });
      const shifts = lib.bootstrapShifts(a, b, [0.5, 0.9], random);
      const name = rho === 0 ? 'independent calls' : 'calls correlated by 0.3';
      for (const x of shifts.quantiles) {
        count(
          `${name}: 95 % bootstrap interval of p${x.q * 100} holds 1.25`,
          0.91,
          0.98,
          inside(x.ratio, 1.25),
        );
      }
      count(
        `${name}: 95 % bootstrap interval of the mean holds 1.25`,
        0.9,
        0.97,
        inside(shifts.mean.ratio, 1.25),
      );
      const equal = lib.bootstrapShifts(calls(random, n, { rho }), calls(random, n, { rho }), [], random);
      count(`${name}: 95 % bootstrap interval of A12 holds 1/2`, 0.91, 0.97, inside(equal.a12, 0.5));
      if (rho > 0) {
        const c = lib.compare(
          octaves(lib, calls(random, n, { rho })),
          octaves(lib, calls(random, n, { rho })),
        );
        count(
          `${name}, equal: Mann-Whitney at 0.05 (nominal p is too small)`,
          0.06,
          0.3,
          c.mannWhitney.log10P < level,
        );
      }
    }
  }
  return [...tally.values()].map((t) => {
    const rate = t.hits / t.of;
    const slack = 4 * Math.sqrt(Math.max(rate * (1 - rate), 0.0025) / t.of);
    return { ...t, rate, within: rate >= t.least - slack && rate <= t.most + slack };
  });
}
