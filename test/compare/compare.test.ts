import { describe, expect, test } from 'vitest';
import { compareSamples } from '../../src/compare/compare.js';
import type { RunSample } from '../../src/compare/sides.js';
import { binned } from '../../src/latency/histogram/binned.js';
import { Distribution } from '../../src/latency/histogram/distribution.js';
import { seededRandom } from '../../src/latency/statistics/resampling.js';

/** A run as if read from a recording. */
function run(title: string, values: readonly number[]): RunSample {
  const durations = Distribution.of(values);
  return {
    argument: title,
    title,
    from: 'events',
    what: 'made up',
    bins: binned(
      durations.powerOfTwoBuckets().map((b) => ({ low: b.lowNs, high: b.highNs, count: b.count })),
    ),
    durations,
    ordered: Float64Array.from(values),
    windowNs: 1e9,
    windowHow: 'given',
    censored: 0,
    notes: [],
    inputs: [],
    partial: false,
  };
}

/** Calls in long stretches of one speed each: strongly correlated. */
function stretches(seed: number, stretch: number): number[] {
  const random = seededRandom(seed);
  const out: number[] = [];
  while (out.length < 2000) {
    const speed = 1000 + Math.floor(random() * 6000);
    for (let i = 0; i < stretch; i++) out.push(speed + Math.floor(random() * 50));
  }
  return out;
}

/** Runs of one kernel: log-normal calls, correlated, the speed of each run off by `spread`, all `shift` times slower. */
function several(seed: number, count: number, spread: number, shift = 1): RunSample[] {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: count }, (_, i) => {
    const speed = shift * Math.exp(spread * normal());
    let x = normal();
    const values = Array.from({ length: 600 }, () => {
      x = 0.5 * x + Math.sqrt(0.75) * normal();
      return Math.round(3000 * speed * Math.exp(0.3 * x) * (random() < 0.02 ? 8 : 1));
    });
    return run(`run ${i}`, values);
  });
}

describe('one run a side', () => {
  test('is inconclusive however different, and says what is seen', () => {
    const random = seededRandom(5);
    const a = Array.from({ length: 2000 }, () => 2100 + Math.floor(random() * 800));
    const b = Array.from({ length: 2000 }, () => 2500 + Math.floor(random() * 800));
    const c = compareSamples([run('a', a)], [run('b', b)]);
    expect(c.rows.length).toBe(1);
    expect(c.verdict).toBe('inconclusive');
    expect(c.sentence).toMatch(/^Inconclusive, one run a side: b against a shows .*median \+16 % \[/);
    const p50 = c.quantiles.find((q) => q.q === 0.5)!;
    expect(p50.ratio!.low).toBeGreaterThan(1.1);
    expect(p50.exactB! - p50.exactA!).toBe(p50.differenceNs!.value);
    expect(c.table.every((r) => ['seen', 'equivalent', ''].includes(r.verdict))).toBe(true);
    expect(c.distances!.wasserstein1LowNs).toBeGreaterThan(350);
    expect(c.a.exactMeanNs).toBeCloseTo(a.reduce((s, v) => s + v, 0) / a.length, 9);
    // (1 s - sum) / n, exact because the sum is.
    expect(c.a.outside!.lowNs).toBe(c.a.outside!.highNs);
    // Calls come in spells: their number alone has no interval.
    expect(c.rate!.low).toBeNaN();
  });

  test('two stretches of one kernel are not told apart', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const c = compareSamples([run('a', stretches(seed, 20))], [run('b', stretches(seed + 100, 20))]);
      expect(['inconclusive', 'equivalent']).toContain(c.verdict);
    }
  });

  test('a recording against itself is equivalent as recorded, and no more is claimed', () => {
    const same = run('a', stretches(3, 1));
    const c = compareSamples([same], [same]);
    expect(c.verdict).toBe('equivalent');
    expect(c.sentence).toMatch(
      /^As recorded .* is equivalent .*how far two runs of one kernel lie apart is not in it/,
    );
  });

  test('a stated spread decides, and is named', () => {
    const at = (factor: number) =>
      run(
        'x',
        stretches(1, 1).map((v) => Math.round(v * factor)),
      );
    const far = compareSamples([at(1)], [at(2)], { spread: 0.03 });
    expect(far.verdict).toBe('slower');
    expect(far.sentence).toContain('assumed to spread by 3 %');
    expect(far.table.find((r) => r.what === 'p50')!.basis).toBe('assumed');
    const near = compareSamples([at(1)], [at(1.05)], { spread: 0.1 });
    expect(near.verdict).not.toBe('slower');
  });

  test('swapping the sides mirrors the numbers', () => {
    const random = seededRandom(9);
    const a = Array.from({ length: 500 }, () => 1000 + Math.floor(random() * 5000));
    const b = Array.from({ length: 700 }, () => 1500 + Math.floor(random() * 7000));
    const there = compareSamples([run('a', a)], [run('b', b)]);
    const back = compareSamples([run('b', b)], [run('a', a)]);
    expect(back.superiority!.a12).toBeCloseTo(1 - there.superiority!.a12, 12);
    expect(back.kolmogorovSmirnov!.d).toBeCloseTo(there.kolmogorovSmirnov!.d, 12);
    expect(back.mannWhitney!.z).toBeCloseTo(-there.mannWhitney!.z, 9);
    expect(back.rows.map((r) => [r.countA, r.countB])).toEqual(there.rows.map((r) => [r.countB, r.countA]));
  });

  test('numbers called exact come from single values, not from bins', () => {
    // 100 000 and 100 010 ns share a log-linear bin of 0.05 %.
    const c = compareSamples([run('a', [100_000, 100_000])], [run('b', [100_010, 100_010])]);
    expect(c.fromSingleValues).toBe(true);
    expect(c.superiority!.a12).toBe(1);
    expect(c.distances!.wasserstein1LowNs).toBeGreaterThan(8);
    expect(c.distances!.wasserstein1HighNs).toBeLessThan(12);
  });
});

describe('several runs a side', () => {
  test('a change beyond the spread of runs is decided, with where and how much', () => {
    const c = compareSamples(several(1, 5, 0.03), several(2, 5, 0.03, 1.4));
    expect(c.verdict).toBe('slower');
    expect(c.sentence).toMatch(
      /^after is slower than before: median \+\d+ % \[\+\d+ %, \+\d+ %\] \(.* µs → .* µs\), calls of/,
    );
    expect(c.sentence).toContain('5 runs a side, 95 % level');
    const back = compareSamples(several(2, 5, 0.03, 1.4), several(1, 5, 0.03));
    expect(back.verdict).toBe('faster');
    const p50 = c.table.find((r) => r.what === 'p50')!;
    expect([p50.basis, p50.method, p50.verdict]).toEqual(['runs', 'betweenRuns', 'slower']);
    expect(p50.after! / p50.before!).toBeCloseTo(p50.ratio!.value, 12);
    // Every interval is of runs: none of pooled calls is left.
    expect(c.bootstrap).toBeNull();
    expect(c.homogeneity).toEqual([]);
    expect(c.a12!.low).toBeGreaterThan(0.5);
  });

  test('a change inside the spread of runs is undecided, and says how many runs would do', () => {
    const c = compareSamples(several(1, 3, 0.1), several(5, 3, 0.1, 1.1));
    expect(c.verdict).toBe('undecided');
    expect(c.sentence).toMatch(/would take about \d+ runs a side|cannot be told/);
    expect(c.plan.map((p) => p.what)).toContain('p50');
    expect(c.table.every((r) => ['undecided', 'equivalent', ''].includes(r.verdict))).toBe(true);
  });

  test('runs that agree are equivalent; a proven change is named unless the asker said it does not matter', () => {
    const c = compareSamples(several(1, 5, 0.005), several(2, 5, 0.005), {
      margins: { a12: 0.05, riskRatio: 3, quantileRatio: 2.5 },
    });
    expect(c.verdict).toBe('equivalent');
    const five = [several(1, 8, 0.003), several(2, 8, 0.003, 1.06)] as const;
    expect(compareSamples(...five).verdict).toBe('slower');
    const wide = { a12: 0.1, riskRatio: 4, quantileRatio: 2 };
    expect(compareSamples(...five, { margins: wide }).verdict).toBe('equivalent');
  });

  test('pairs take out what both of a pair have in common', () => {
    const pairs = [0.7, 1, 1.5, 2.2, 0.8].map((level, i) => {
      const of = (seed: number, f: number) => several(seed, 1, 0.001, level * f)[0]!;
      return [of(10 + i, 1), of(20 + i, 1.2)] as const;
    });
    const sides = [pairs.map((p) => p[0]), pairs.map((p) => p[1])] as const;
    expect(compareSamples(...sides).verdict).toBe('undecided');
    const c = compareSamples(...sides, { paired: true });
    expect(c.verdict).toBe('slower');
    expect(c.sentence).toContain('5 pairs of runs');
    expect(() => compareSamples(sides[0], sides[1].slice(1), { paired: true })).toThrow('--paired wants');
  });

  test('the unit is the run: more calls of the same runs do not make a difference sure', () => {
    let decided = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const c = compareSamples(several(seed, 3, 0.1), several(seed + 500, 3, 0.1));
      if (c.verdict === 'slower' || c.verdict === 'faster' || c.verdict === 'mixed') decided++;
    }
    // 5 % of 40 are 2; pooled calls called 70 % of such a null different.
    expect(decided).toBeLessThanOrEqual(5);
  });
});

describe('compareSamples', () => {
  test('empty sides', () => {
    const some = run('a', [1000, 2000, 3000]);
    expect(compareSamples([some], [run('b', [])]).verdict).toBe('no data');
    const none = compareSamples([run('b', [])], [run('b', [])]);
    expect(none.verdict).toBe('no data');
    expect(compareSamples([run('a', []), some], [some, some]).sentence).not.toContain('NaN');
    const same = compareSamples([some], [some]);
    expect([same.a.name, same.b.name]).toEqual(['before', 'after']);
  });

  test('the same seed gives the same bytes', () => {
    const sides = [[run('a', stretches(1, 5))], [run('b', stretches(2, 5))]] as const;
    expect(JSON.stringify(compareSamples(...sides))).toBe(JSON.stringify(compareSamples(...sides)));
    expect(compareSamples(...sides, { seed: 2 }).bootstrap).not.toEqual(compareSamples(...sides).bootstrap);
  });
});
