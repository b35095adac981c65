/**
 * The few special functions the tests need, in logarithms where probabilities go below what a double can hold.
 * Sources: Abramowitz & Stegun 6.1.41 (Stirling series), 6.5.29 and 6.5.31 (incomplete gamma), 26.5.8
 * (incomplete beta).
 */
const LN10 = Math.LN10;
const TINY = 1e-300;
const EPS = 1e-16;

/** ln Γ(x), x > 0; relative error about 1e-15. */
export function logGamma(x: number): number {
  let shift = 0;
  while (x < 12) {
    shift += Math.log(x);
    x++;
  }
  const i = 1 / x;
  const i2 = i * i;
  const series =
    i * (1 / 12 - i2 * (1 / 360 - i2 * (1 / 1260 - i2 * (1 / 1680 - i2 * (1 / 1188 - (i2 * 691) / 360360)))));
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** ln of C(n, k). */
export function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/** ln Q(a, x), the regularised upper incomplete gamma function; a > 0, x >= 0. */
export function logGammaQ(a: number, x: number): number {
  if (x <= 0) return 0;
  const front = a * Math.log(x) - x - logGamma(a);
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * EPS; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.log1p(-Math.min(1, Math.exp(front + Math.log(sum))));
  }
  // Lentz's continued fraction.
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / nonZero(an * d + b);
    c = nonZero(b + an / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < EPS) break;
  }
  return front + Math.log(h);
}

/** log10 of P(χ²_df >= x). */
export function log10ChiSquareTail(x: number, df: number): number {
  return logGammaQ(df / 2, x / 2) / LN10;
}

/** log10 of the two-sided normal tail P(|Z| >= |z|) = Q(1/2, z²/2). */
export function log10NormalTwoSided(z: number): number {
  return logGammaQ(0.5, (z * z) / 2) / LN10;
}

/** Φ(z). */
export function normalCdf(z: number): number {
  const half = 0.5 * Math.exp(logGammaQ(0.5, (z * z) / 2));
  return z > 0 ? 1 - half : half;
}

/** z with Φ(z) = p, 0 < p < 1, by bisection (monotone, so it cannot go astray). */
export function normalQuantile(p: number): number {
  return bisect((z) => normalCdf(z) - p, -40, 40);
}

/** P(|T_df| >= |t|), Student: I_{df/(df+t²)}(df/2, 1/2). */
export function studentTwoSided(t: number, df: number): number {
  return betaI(df / 2, 0.5, df / (df + t * t));
}

/** t with P(|T_df| >= t) = alpha. */
export function studentCritical(alpha: number, df: number): number {
  const front = Math.exp(logGamma((df + 1) / 2) - logGamma(df / 2)) / Math.sqrt(df * Math.PI);
  // Newton's steps from below, where the two-sided tail is convex, cannot go past the root.
  let t = 0;
  for (let i = 0; i < 200; i++) {
    const density = 2 * front * (1 + (t * t) / df) ** (-(df + 1) / 2);
    const step = (studentTwoSided(t, df) - alpha) / density;
    t += step;
    if (!(step > t * 1e-15)) break;
  }
  return t;
}

/** Regularised incomplete beta I_x(a, b). */
export function betaI(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(a, b, x)) / a
    : 1 - (front * betaFraction(b, a, 1 - x)) / b;
}

function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < EPS * 10) break;
  }
  return h;
}

function nonZero(v: number): number {
  return Math.abs(v) < TINY ? TINY : v;
}

function bisect(f: (x: number) => number, low: number, high: number): number {
  for (let i = 0; i < 200; i++) {
    const mid = (low + high) / 2;
    if (mid === low || mid === high) break;
    if (f(mid) < 0) low = mid;
    else high = mid;
  }
  return (low + high) / 2;
}
