/** Lags looked at, and calls the correlation is estimated from, at most. */
const MAX_LAG = 500;
const MAX_CORRELATED = 100_000;

/**
 * Blocks for the circular bootstrap of the mean rank. `length`: Politis & White 2004 with the correction of Patton,
 * Politis & White 2009, but at least ⌈n^⅓⌉ (Hall, Horowitz & Jing 1995) and at most min(3√n, n/3). `wider`: by how much
 * the errors of means of blocks of that length fall short of those of the calls as they are.
 */
export function blocksOf(ranks: ArrayLike<number>): { length: number; wider: number } {
  const n = ranks.length;
  const least = Math.ceil(n ** (1 / 3));
  const m = Math.min(n, MAX_CORRELATED);
  const lags = Math.min(MAX_LAG, Math.floor(m / 4));
  let mean = 0;
  for (let i = 0; i < m; i++) mean += ranks[i]! / m;
  const covariance = (lag: number): number => {
    let sum = 0;
    for (let i = lag; i < m; i++) sum += (ranks[i]! - mean) * (ranks[i - lag]! - mean);
    return sum / m;
  };
  const r = [covariance(0)];
  if (r[0] === 0) return { length: least, wider: 1 };
  // The last lag before five that are all within the noise.
  const noise = 2 * Math.sqrt(Math.log10(m) / m) * r[0]!;
  let quiet = 0;
  while (r.length <= lags && quiet < 5) {
    r.push(covariance(r.length));
    quiet = Math.abs(r.at(-1)!) < noise ? quiet + 1 : 0;
  }
  const last = Math.max(1, r.length - 1 - quiet);
  while (r.length <= Math.min(2 * last, lags)) r.push(covariance(r.length));
  let spread = 0;
  let slope = 0;
  for (let lag = -2 * last; lag <= 2 * last; lag++) {
    const t = Math.abs(lag) / (2 * last);
    const weight = t <= 0.5 ? 1 : 2 * (1 - t);
    const c = r[Math.abs(lag)] ?? 0;
    spread += weight * c;
    slope += weight * Math.abs(lag) * c;
  }
  if (!(spread > 0)) return { length: least, wider: 1 };
  const best = ((2 * slope ** 2) / ((4 / 3) * spread ** 2)) ** (1 / 3) * n ** (1 / 3);
  const length = Math.max(least, Math.min(Math.ceil(best), Math.ceil(Math.min(3 * Math.sqrt(n), n / 3))));
  let inBlocks = r[0]!;
  for (let lag = 1; lag < Math.min(length, r.length); lag++) inBlocks += 2 * (1 - lag / length) * r[lag]!;
  const lost = inBlocks > 0 ? spread / inBlocks : 1;
  return { length, wider: Math.sqrt(Math.min(MOST_LOST, Math.max(1, lost))) };
}

/** Estimates of what is lost are rough: never believed beyond that (of the variance). */
const MOST_LOST = 1.5;

/** Stretches of `block` calls with one that is beyond. */
export function blocksWith(ranks: Uint32Array, block: number, beyond: (rank: number) => boolean): number {
  let found = 0;
  for (let i = 0; i < ranks.length; i += block) {
    const end = Math.min(ranks.length, i + block);
    for (let k = i; k < end; k++) {
      if (!beyond(ranks[k]!)) continue;
      found++;
      break;
    }
  }
  return found;
}
