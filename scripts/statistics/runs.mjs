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

/** No difference but the spread: how often something is called one, and which intervals hold the truth. */
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
    for (const r of report.table) if (r.basis === 'runs' && r.ratio) add(r.what, holds(r.ratio, 1));
    for (const q of [0.5, 0.99]) {
      const shift = lib.shiftOf(design, { kind: 'quantile', q });
      if (shift?.difference) add(`p${q * 100} ns`, holds(shift.difference, 0));
    }
    add('mean ns', holds(report.means.shift.difference, 0));
    add('A12', holds(report.a12, 0.5));
    const conditions = CONDITIONS.map((text) => ({ text, condition: lib.parseCondition(text) }));
    for (const f of lib.failIf(conditions, design)) add(`fail-if ${f.expression}`, f.decision === 'true');
  }
  return count;
}

/** A change that is there: how often it is called what it is, and which intervals hold it. */
export function something(lib, { runs: [ka, kb], sd, n, pairs, change, seed = 2 }) {
  const random = lib.seededRandom(seed);
  const out = { slower: 0, faster: 0, of: pairs, coverage: new Map() };
  for (let i = 0; i < pairs; i++) {
    const a = side(lib, random, ka, n, { sd });
    const b = side(lib, random, kb, n, { sd, ...change });
    const { report } = lib.compared(a, b);
    if (report.verdict === 'slower') out.slower++;
    else if (DECIDED.has(report.verdict)) out.faster++;
    if (change.scale === undefined) continue;
    for (const r of report.table) {
      if (!['mean', 'p50', 'p90', 'p99'].includes(r.what) || !r.ratio || r.basis !== 'runs') continue;
      const c = out.coverage.get(r.what) ?? { hits: 0, of: 0 };
      c.hits += holds(r.ratio, change.scale) ? 1 : 0;
      c.of++;
      out.coverage.set(r.what, c);
    }
  }
  return out;
}
