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
  'tail(8K) > 1x',
];
const DECIDED = new Set(['slower', 'faster', 'mixed']);
const ROWS = new Set(['slower', 'faster', 'more', 'fewer', 'lower', 'higher']);

/** Hits of so many, by name. */
function tally() {
  const count = new Map();
  const add = (what, hit) => {
    const c = count.get(what) ?? { hits: 0, of: 0 };
    c.hits += hit ? 1 : 0;
    c.of++;
    count.set(what, c);
  };
  return { count, add };
}

/** `sd` of both sides, or of each. */
const spreads = (sd) => (Array.isArray(sd) ? sd : [sd, sd]);

/** No difference but the spread: how often something is called one. */
export function nothing(lib, { runs: [ka, kb], sd, n, pairs, seed = 1 }) {
  const random = lib.seededRandom(seed);
  const { count, add } = tally();
  const [sa, sb] = spreads(sd);
  for (let i = 0; i < pairs; i++) {
    const a = side(lib, random, ka, n, { sd: sa });
    const b = side(lib, random, kb, n, { sd: sb });
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

/** What intervals are printed of: of the ratio, and of the difference in ns. */
const INTERVALS = [
  ['rate', { kind: 'rate' }],
  ['mean', { kind: 'mean' }],
  ['p50', { kind: 'quantile', q: 0.5 }],
  ['p90', { kind: 'quantile', q: 0.9 }],
  ['p99', { kind: 'quantile', q: 0.99 }],
  ['p99.9', { kind: 'quantile', q: 0.999 }],
];
const IN_NS = new Set(['mean', 'p50', 'p99']);

/**
 * Which intervals hold the truth (no difference), from many more pairs of sides: drawn from `pool` runs a side, through
 * the functions that print them. A ratio of times is the same for a change that is there. The truth is what the sides
 * are about: the mean over all runs of the pool. `of` counts the intervals that are printed.
 */
export function coverage(lib, { runs: [ka, kb], sd, n, pairs, pool, slow, paired = false, seed = 3 }) {
  const random = lib.seededRandom(seed);
  const pools = spreads(sd).map((s) => side(lib, random, pool, n, { sd: s, ...(slow ? { slow } : {}) }));
  const alike = !Array.isArray(sd);
  // Sides that spread alike are drawn from one pool, so that the truth is no difference, exactly.
  if (alike) pools[1] = pools[0];
  const draw = (k, all) => ({ runs: Array.from({ length: k }, () => all[Math.floor(random() * pool)]) });
  const truths = new Map(INTERVALS.map(([what, of]) => [what, truthOf(lib, pools, of)]));
  const { count, add } = tally();
  for (let i = 0; i < pairs; i++) {
    const a = draw(ka, pools[0]);
    const design = { a, b: draw(kb, pools[1]), alpha: 0.05, paired, within: null, spread: null };
    for (const [what, of] of INTERVALS) {
      const shift = lib.shiftOf(design, of);
      const printed = shift?.ratio && !Number.isNaN(shift.ratio.low);
      if (printed) add(what, holds(shift.ratio, truths.get(what).ratio));
      if (printed && IN_NS.has(what)) add(`${what} ns`, holds(shift.difference, truths.get(what).difference));
    }
    if (i % 5 !== 0) continue;
    const of = { kind: 'share', fromNs: tailStart([...design.a.runs, ...design.b.runs]) };
    const tail = lib.shiftOf(design, of);
    if (!Number.isNaN(tail.ratio.low))
      add('tail', holds(tail.ratio, alike ? 1 : truthOf(lib, pools, of).ratio));
    if (alike) add('A12', holds(lib.superiorityOf(design).estimate, 0.5));
  }
  return count;
}

/** As `tailStart` of headline.ts for runs of 1000 calls and more, without the cost of everything else. */
function tailStart(runs) {
  const all = new Float64Array(runs.reduce((sum, r) => sum + r.ordered.length, 0));
  let at = 0;
  for (const r of runs) {
    all.set(r.ordered, at);
    at += r.ordered.length;
  }
  all.sort();
  return Number(all[Math.ceil(0.99 * all.length) - 1].toPrecision(3));
}

/** Of the means over all runs: geometric for a ratio, but of parts of the calls, as the intervals are. */
function truthOf(lib, pools, of) {
  const [a, b] = pools.map((runs) => lib.valuesOf(runs, of)?.values ?? [1]);
  const mean = (values) => values.reduce((s, v) => s + v, 0) / values.length;
  const ratio =
    of.kind === 'share'
      ? mean(b) / mean(a)
      : Math.exp(mean(b.map((v) => Math.log(v))) - mean(a.map((v) => Math.log(v))));
  return { ratio, difference: mean(b) - mean(a) };
}

/** A change that is there: how often it is called what it is. */
export function something(lib, { runs: [ka, kb], sd, n, pairs, change, seed = 2 }) {
  const random = lib.seededRandom(seed);
  const [sa, sb] = spreads(sd);
  const out = { slower: 0, faster: 0, of: pairs };
  for (let i = 0; i < pairs; i++) {
    const a = side(lib, random, ka, n, { sd: sa });
    const b = side(lib, random, kb, n, { sd: sb, ...change });
    const { report } = lib.compared(a, b);
    if (report.verdict === 'slower') out.slower++;
    else if (DECIDED.has(report.verdict)) out.faster++;
  }
  return out;
}

/** One run a side of one boot: which intervals of the table hold the truth. `of` counts those that are printed. */
export function alone(lib, { n, pairs, slow, seed = 4 }) {
  const random = lib.seededRandom(seed);
  const { count, add } = tally();
  const one = () => side(lib, random, 1, n, { sd: 0, ...(slow ? { slow } : {}) });
  for (let i = 0; i < pairs; i++) {
    const { report } = lib.compared(one(), one(), { seed: i + 1 });
    for (const { what, ratio } of report.table) {
      if (ratio && !Number.isNaN(ratio.low)) add(what, holds(ratio, 1));
    }
    if (report.a12) add('A12', holds(report.a12, 0.5));
  }
  return count;
}
