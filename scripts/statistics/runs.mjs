// Runs whose truth is known: heavy tails, calls correlated inside a run, a spread between runs. What `compare` says of
// them is counted. The functions under test come in as `lib`, so that the same simulation runs on the built library
// (simulate-runs.mjs) and on the sources (test/compare/runs-simulation.test.ts).

function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * One run of `n` calls in whole ns. Body: log-normal around 3 µs, neighbours correlated by 0.5. Tail: spells of slow
 * calls (1 % of all, 5 long on average), 8 times as long with a Pareto tail of index 1.5, cut at a thousandfold. Between
 * runs the speed differs by exp(sd·z), the frequency of slow spells by as much again, the rate too.
 */
export function runOf(random, n, { sd, scale = 1, slow = 1 }) {
  const values = new Float64Array(n);
  const speed = scale * Math.exp(sd * normal(random));
  const enter = (0.01 / 5 / 0.99) * slow * Math.exp(sd * normal(random));
  let x = normal(random);
  let spell = false;
  for (let i = 0; i < n; i++) {
    x = 0.5 * x + Math.sqrt(0.75) * normal(random);
    spell = spell ? random() < 0.8 : random() < enter;
    const tail = spell ? 8 * Math.min(1000, (1 - random()) ** (-1 / 1.5)) : 1;
    values[i] = Math.round(3000 * speed * Math.exp(0.4 * x) * tail);
  }
  return { values, windowNs: (n * 20_000 * scale) / Math.exp(sd * normal(random)) };
}

/** A run as `compare` takes it, as if read from a recording. */
export function sampleOf(lib, { values, windowNs }, title) {
  const durations = lib.Distribution.of(values);
  const bins = durations.powerOfTwoBuckets().map((b) => ({ low: b.lowNs, high: b.highNs, count: b.count }));
  return {
    argument: title,
    title,
    from: 'events',
    what: 'simulated',
    bins: lib.binned(bins),
    durations,
    ordered: values,
    windowNs,
    windowHow: 'simulated',
    censored: 0,
    notes: [],
    inputs: [],
    partial: false,
  };
}

export function side(lib, random, runs, n, options) {
  return Array.from({ length: runs }, (_, i) => sampleOf(lib, runOf(random, n, options), `run ${i}`));
}

const holds = (x, truth) => x.low <= truth && truth <= x.high;
const CONDITIONS = [
  'p50 > +0ns',
  'p50 > +0%',
  'mean > +0%',
  'p99 > +0%',
  'rate < -0%',
  'a12 > 0.5',
  'tail(16K) > 1x',
];
const DECIDED = new Set(['slower', 'faster', 'mixed']);
const ROWS = new Set(['slower', 'faster', 'more', 'fewer', 'lower', 'higher']);

/** No difference but the spread: how often something is called one. */
export function nothing(lib, { runs: [ka, kb], sd, n, pairs, seed = 1 }) {
  const random = lib.seededRandom(seed);
  const count = new Map();
  const add = (what, hit) => {
    const c = count.get(what) ?? { hits: 0, of: 0 };
    c.hits += hit ? 1 : 0;
    c.of++;
    count.set(what, c);
  };
  for (let i = 0; i < pairs; i++) {
    const a = side(lib, random, ka, n, { sd });
    const b = side(lib, random, kb, n, { sd });
    const { report, design } = lib.compared(a, b);
    add('verdict', DECIDED.has(report.verdict));
    add(
      'any row',
      report.table.some((r) => ROWS.has(r.verdict)),
    );
    const conditions = CONDITIONS.map((text) => ({ text, condition: lib.parseCondition(text) }));
    for (const f of lib.failIf(conditions, design)) add(`fail-if ${f.expression}`, f.decision === 'true');
  }
  return count;
}

/** What intervals are printed of, and whether as a ratio or in ns. */
const INTERVALS = [
  ['rate', { kind: 'rate' }],
  ['mean', { kind: 'mean' }],
  ['p50', { kind: 'quantile', q: 0.5 }],
  ['p90', { kind: 'quantile', q: 0.9 }],
  ['p99', { kind: 'quantile', q: 0.99 }],
  ['calls ≥ 16 µs', { kind: 'share', fromNs: 16_384 }],
];

/**
 * Which intervals hold the truth (no difference), from many more pairs of sides: drawn from `pool` runs, through the
 * functions that print them. A ratio of times is the same for a change that is there.
 */
export function coverage(lib, { runs: [ka, kb], sd, n, pairs, pool, seed = 3 }) {
  const random = lib.seededRandom(seed);
  const all = side(lib, random, pool, n, { sd });
  const draw = (k) => ({ runs: Array.from({ length: k }, () => all[Math.floor(random() * pool)]) });
  const count = new Map();
  const add = (what, hit) => {
    const c = count.get(what) ?? { hits: 0, of: 0 };
    c.hits += hit ? 1 : 0;
    c.of++;
    count.set(what, c);
  };
  for (let i = 0; i < pairs; i++) {
    const design = { a: draw(ka), b: draw(kb), alpha: 0.05, paired: false, within: null, spread: null };
    for (const [what, of] of INTERVALS) {
      const shift = lib.shiftOf(design, of);
      if (shift?.ratio) add(what, holds(shift.ratio, 1));
      if (what.startsWith('p') && shift?.difference) add(`${what}, ns`, holds(shift.difference, 0));
    }
    if (i % 10 === 0) add('A12', holds(lib.superiorityOf(design).estimate, 0.5));
  }
  return count;
}

/** A change that is there: how often it is called what it is. */
export function something(lib, { runs: [ka, kb], sd, n, pairs, change, seed = 2 }) {
  const random = lib.seededRandom(seed);
  const out = { slower: 0, faster: 0, of: pairs };
  for (let i = 0; i < pairs; i++) {
    const a = side(lib, random, ka, n, { sd });
    const b = side(lib, random, kb, n, { sd, ...change });
    const { report } = lib.compared(a, b);
    if (report.verdict === 'slower') out.slower++;
    else if (DECIDED.has(report.verdict)) out.faster++;
  }
  return out;
}
