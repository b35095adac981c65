import { studentCritical } from './special-functions.js';

/**
 * Critical values for the difference of two means whose variances are not known and need not be equal (Behrens and
 * Fisher's problem), for a handful of numbers a side.
 *
 * With e = variance / n of each side and r = e_a / (e_a + e_b), the interval is difference ± t(r)·√(e_a + e_b). Welch's
 * t(r) covers 97.7 % instead of 95 % with 2 against 2 and 88 % with 2 against 10. Here t is Student's value with the
 * degrees of freedom of both sides where the two parts look alike, and that with those of one side alone where that
 * side's part dominates: the bounds between which a right t(r) lies (Mickey & Brown 1966). At which r it goes from one
 * to the other is solved for, so that the interval holds the truth 1 − α of the time as nearly as can be, whatever the
 * proportion of the true standard deviations (in the way of Trickett & Welch 1954).
 */

/** Degrees of freedom from which on both sides Welch's own values are within half a point of what they state. */
const PLENTY = 4;
/** Proportions of the true standard deviations it is solved for: so many, evenly in their logarithm, up to that one. */
const PROPORTIONS = 13;
const WIDEST = 4;
/** Points of the integral over the proportion of the two sums of squares. */
const POINTS = 100;
/** How gradually t changes over, and how far out that may lie, on the scale of ln(r / (1 − r)). */
const RAMP = 0.4;
const FARTHEST = 12;

/** t of a share r of the first side's part in the variance of the difference. */
export type CriticalValue = (share: number) => number;

const solved = new Map<string, CriticalValue>();

/**
 * For `na` and `nb` numbers, at least 2 each, of two normal populations. Remembered: the first call takes some tens of
 * ms where a side has fewer than 5.
 */
export function criticalOfTwo(na: number, nb: number, alpha: number): CriticalValue {
  const [va, vb] = [na - 1, nb - 1];
  if (Math.min(va, vb) >= PLENTY) return (share) => studentCritical(alpha, welchDegrees(va, vb, share));
  if (va > vb) {
    const mirrored = criticalOfTwo(nb, na, alpha);
    return (share) => mirrored(1 - share);
  }
  const key = `${va} ${vb} ${alpha}`;
  let critical = solved.get(key);
  if (critical === undefined) {
    critical = solve(va, vb, alpha);
    if (solved.size > 200) solved.clear();
    solved.set(key, critical);
  }
  return critical;
}

/** Welch (1947), Satterthwaite (1946). */
export const welchDegrees = (va: number, vb: number, share: number): number =>
  1 / (share ** 2 / va + (1 - share) ** 2 / vb);

const logistic = (z: number): number => 1 / (1 + Math.exp(-z));

function solve(va: number, vb: number, alpha: number): CriticalValue {
  const [ta, tb, both] = [va, vb, va + vb].map((df) => Math.log(studentCritical(alpha, df))) as [
    number,
    number,
    number,
  ];
  /** Of ln(r / (1 − r)): beyond `high` the first side dominates, below `low` the second. */
  const rule = (low: number, high: number) => (z: number) =>
    Math.exp(both + (ta - both) * logistic((z - high) / RAMP) + (tb - both) * logistic((low - z) / RAMP));
  const middle = Math.log((vb + 1) / (va + 1));
  const integrals = Array.from({ length: PROPORTIONS }, (_, i) =>
    pointsOf(va, vb, logistic(middle + 2 * Math.log(WIDEST) * ((2 * i) / (PROPORTIONS - 1) - 1))),
  );
  const misses = (low: number, high: number): number => {
    const t = rule(low, high);
    return integrals.reduce((sum, points) => sum + (heldBy(points, t, va + vb) - 1 + alpha) ** 2, 0);
  };
  let [low, high] = [-2, 2];
  if (va === vb) {
    high = least((x) => misses(-x, x), 0, FARTHEST);
    low = -high;
  } else {
    for (let sweep = 0; sweep < 2; sweep++) {
      high = least((x) => misses(low, x), -FARTHEST / 2, FARTHEST);
      low = least((x) => misses(x, high), -FARTHEST, Math.min(high, FARTHEST / 2));
    }
  }
  const t = rule(low, high);
  return (share) => t(Math.log(share / (1 - share)));
}

/** Where `f` is least: on a grid, then by golden sections around it. */
function least(f: (x: number) => number, from: number, to: number): number {
  const steps = 18;
  const grid = Array.from({ length: steps + 1 }, (_, i) => from + ((to - from) * i) / steps);
  const values = grid.map(f);
  const best = values.indexOf(Math.min(...values));
  let [a, b] = [grid[Math.max(0, best - 1)]!, grid[Math.min(steps, best + 1)]!];
  const golden = (Math.sqrt(5) - 1) / 2;
  let [x, y] = [b - golden * (b - a), a + golden * (b - a)];
  let [fx, fy] = [f(x), f(y)];
  while (b - a > 0.01) {
    if (fx < fy) {
      [b, y, fy] = [y, x, fx];
      x = b - golden * (b - a);
      fx = f(x);
    } else {
      [a, x, fx] = [x, y, fy];
      y = a + golden * (b - a);
      fy = f(y);
    }
  }
  return (a + b) / 2;
}

interface Point {
  readonly weight: number;
  /** ln(r / (1 − r)). */
  readonly logit: number;
  /** Factor of t in the Student variable with all degrees of freedom. */
  readonly scale: number;
}

/**
 * The integral for one true share of the first side: sums of squares in the proportion sin²θ, which is Beta(va/2, vb/2)
 * and independent of the sum of both.
 */
function pointsOf(va: number, vb: number, share: number): Point[] {
  const points: Point[] = [];
  let total = 0;
  for (let i = 0; i < POINTS; i++) {
    const angle = ((i + 0.5) / POINTS) * (Math.PI / 2);
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    const weight = sin ** (va - 1) * cos ** (vb - 1);
    const ea = (share * sin * sin) / va;
    const eb = ((1 - share) * cos * cos) / vb;
    points.push({ weight, logit: Math.log(ea / eb), scale: Math.sqrt((ea + eb) * (va + vb)) });
    total += weight;
  }
  return points.map((p) => ({ ...p, weight: p.weight / total }));
}

/** How often the interval holds the truth. */
function heldBy(points: readonly Point[], t: (logit: number) => number, df: number): number {
  let held = 0;
  for (const { weight, logit, scale } of points) held += weight * studentInside(scale * t(logit), df);
  return held;
}

/** P(|T| ≤ x) of Student's T with whole degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4). */
function studentInside(x: number, df: number): number {
  const cos2 = df / (df + x * x);
  const sin = x / Math.sqrt(df + x * x);
  const odd = df % 2 === 1;
  let term = odd ? Math.sqrt(cos2) : 1;
  let sum = df === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < df; k += 2) {
    term *= (cos2 * (k - 1)) / k;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (Math.atan(x / Math.sqrt(df)) + sin * sum) : sin * sum;
}
